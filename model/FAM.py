"""The feature alignment module (FAM): pulls the skeleton's feature towards a frozen video encoder's.

Source: MMCL (Liu et al., ACM MM 2024), feature alignment. Legend: N clips, D_g skeleton width, D_v video width.
"""

import torch
import torch.nn.functional as F
from torch import nn

TEMPERATURE = 0.4


class FAM(nn.Module):
    """Contrastive alignment of two modalities of the same clips.

    Args:
        feature_dim: D_g. video_dim: D_v, width of the precomputed video feature.
    """

    def __init__(self, feature_dim, video_dim):
        super().__init__()
        self.video_dim = video_dim
        self.mlp = nn.Sequential(nn.Linear(video_dim, feature_dim), nn.ReLU(), nn.Linear(feature_dim, feature_dim))

    def forward(self, feature, video):
        """feature (N, D_g), video (N, D_v) → (N,), each clip's loss; the negatives are this batch."""
        g, c = F.normalize(feature), F.normalize(self.mlp(video.detach()))
        return (contrast(g, c) + contrast(c, g)) / 2


def contrast(a, b):
    """(N,): −log of the share of pair (a_i, b_i) among all (a_i, b_k) and all (a_i, a_k), k ≠ i; unit rows."""
    across, within = a @ b.T / TEMPERATURE, a @ a.T / TEMPERATURE
    itself = torch.eye(len(a), dtype=torch.bool, device=a.device)
    similarity = torch.cat([across, within.masked_fill(itself, -torch.inf)], 1)  # (N, 2N)
    return F.cross_entropy(similarity, torch.arange(len(a), device=a.device), reduction='none')
