"""The feature refinement module (FRM): a text feature gates the student's class scores.

Source: MMCL (Liu et al., ACM MM 2024), feature refinement. Legend: N clips, D_t text width.
"""
import torch
from torch import nn


class FRM(nn.Module):
    """Class scores weighted between two learned vectors, by what a language model answered about the clip.

    Args:
        text_dim: D_t, width of the precomputed text feature.
    """

    def __init__(self, num_class, text_dim):
        super().__init__()
        self.text_dim = text_dim
        self.gate = nn.Sequential(nn.Linear(text_dim, 64), nn.ReLU(), nn.Linear(64, 2))
        self.positive = nn.Parameter(torch.ones(num_class))
        self.negative = nn.Parameter(torch.ones(num_class))

    def forward(self, logits, text):
        """logits (N, num_class), text (N, D_t) or (N, 1, D_t) → (N, num_class)."""
        gate = self.gate(text.detach().flatten(1)).softmax(1)  # (N, 2)
        return logits * (gate[:, :1] * self.positive + gate[:, 1:] * self.negative)
