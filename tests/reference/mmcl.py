"""MMCL written step by step around the reference CTR-GCN: both helpers, all outputs, the total loss."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.reference.ctrgcn import CTRGCN

TEMPERATURE = 0.4
REFINE, ALIGN = 0.2, 0.1  # the paper's weights of the two branches


class Alignment(nn.Module):
    """FAM: each clip's contrastive loss between its skeleton feature and its projected video feature."""

    def __init__(self, feature_dim, video_dim):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(video_dim, feature_dim), nn.ReLU(), nn.Linear(feature_dim, feature_dim))

    def forward(self, feature, video):
        c = self.mlp(video)
        losses = []
        for i in range(len(feature)):
            losses.append((loss_of_clip(feature, c, i) + loss_of_clip(c, feature, i)) / 2)
        return torch.stack(losses)


def loss_of_clip(a, b, i):
    """−log of pair (a_i, b_i)'s share among all (a_i, b_k) and all other (a_i, a_k)."""

    def similarity(x, y):
        return torch.exp(F.cosine_similarity(x, y, dim=0) / TEMPERATURE)

    across = sum(similarity(a[i], b[k]) for k in range(len(b)))
    within = sum(similarity(a[i], a[k]) for k in range(len(a)) if k != i)
    return -torch.log(similarity(a[i], b[i]) / (across + within))


class MMCL(CTRGCN):
    """The student with both helpers under the names of the public checkpoint."""

    def __init__(self, num_class, A, num_person=2, base_channel=64, video_dim=1000, text_dim=3):
        super().__init__(num_class, A, num_person, base_channel)
        self.FAM_Aligh = Alignment(self.fc.in_features, video_dim)
        self.mlp = nn.Sequential(nn.Linear(text_dim, 64), nn.ReLU(), nn.Linear(64, 2))
        self.PosMatrix, self.NegMatrix = (nn.Parameter(torch.ones(num_class)) for _ in range(2))

    def forward(self, skeleton, video, text):
        """→ logits (N, num_class), refined logits (N, num_class), alignment losses (N,)."""
        feature = self.features(skeleton)
        logits = self.fc(feature)
        gate = self.mlp(text.flatten(1)).softmax(1)
        refined = logits * (gate[:, :1] * self.PosMatrix + gate[:, 1:] * self.NegMatrix)
        return logits, refined, self.FAM_Aligh(feature, video)


def total_loss(logits, refined, alignment, label):
    """What the paper minimises."""
    return F.cross_entropy(logits, label) + REFINE * F.cross_entropy(refined, label) + ALIGN * alignment.mean()
