"""The feature alignment module (FAM): pulls the skeleton's feature towards that of a frozen video encoder.

Source: MMCL (Liu et al., ACM MM 2024), feature alignment.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TEMPERATURE = 0.4


class FAM(nn.Module):
    """Contrastive alignment of the skeleton and the video of the same clips.

    Parameters
    ----------
    feature_dim : int. Width of the student's pooled feature.
    video_dim : int. Width of the precomputed video feature.
    """

    def __init__(self, feature_dim: int, video_dim: int) -> None:
        super().__init__()
        self.video_dim = video_dim
        self.mlp = nn.Sequential(nn.Linear(video_dim, feature_dim), nn.ReLU(), nn.Linear(feature_dim, feature_dim))

    def forward(self, feature: Tensor, video: Tensor) -> Tensor:
        """Return the loss of each clip, (N,); the other clips of the batch are its negatives.

        Parameters
        ----------
        feature : (N, feature_dim). The student's pooled feature.
        video : (N, video_dim). Gets no gradient.
        """
        g, c = F.normalize(feature), self.project(video.detach())
        return (contrast(g, c) + contrast(c, g)) / 2

    def project(self, video: Tensor) -> Tensor:
        """Map the video to where the student's features are: (N, video_dim) → (N, feature_dim), rows of length 1."""
        return F.normalize(self.mlp(video))

    def similarity(self, feature: Tensor, video: Tensor) -> Tensor:
        """Return the cosine similarity of each student's feature (N, D) and each video (K, video_dim), as (N, K)."""
        return F.normalize(feature) @ self.project(video).T


def contrast(a: Tensor, b: Tensor) -> Tensor:
    """Return −log of the share of the pair (a_i, b_i) among all (a_i, b_k) and all (a_i, a_k), k ≠ i, as (N,).

    Parameters
    ----------
    a, b : (N, D). Rows of length 1.
    """
    across, within = a @ b.T / TEMPERATURE, a @ a.T / TEMPERATURE
    itself = torch.eye(len(a), dtype=torch.bool, device=a.device)
    similarity = torch.cat([across, within.masked_fill(itself, -torch.inf)], 1)  # (N, 2N)
    return F.cross_entropy(similarity, torch.arange(len(a), device=a.device), reduction='none')
