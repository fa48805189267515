"""The feature refinement module (FRM): a text feature gates the student's class scores.

Source: MMCL (Liu et al., ACM MM 2024), feature refinement. Legend: N clips, D_t text width.
"""

import torch
from torch import nn


class FRM(nn.Module):
    """Class scores weighted between two learned vectors, by what a language model answered about the clip.

    Args:
        text_dim: D_t, width of the precomputed text feature.
        standardise: bring the feature to mean 0 and deviation 1 by the statistics of `set_statistics`, which are kept
            with the weights. Without it large values, such as raw token ids, saturate the gate's softmax.
    """

    def __init__(self, num_class, text_dim, standardise=False):
        super().__init__()
        self.text_dim, self.standardise = text_dim, standardise
        self.gate = nn.Sequential(nn.Linear(text_dim, 64), nn.ReLU(), nn.Linear(64, 2))
        self.positive = nn.Parameter(torch.ones(num_class))
        self.negative = nn.Parameter(torch.ones(num_class))
        if standardise:
            self.register_buffer('text_mean', torch.zeros(text_dim))
            self.register_buffer('text_std', torch.ones(text_dim))

    def set_statistics(self, mean, std):
        """mean, std (D_t,) of the text features; what never varies is only centred."""
        mean, std = torch.as_tensor(mean), torch.as_tensor(std)
        self.text_mean.copy_(mean)
        self.text_std.copy_(torch.where(std > 1e-6 * mean.abs(), std, 1))

    def forward(self, logits, text):
        """logits (N, num_class), text (N, D_t) or (N, 1, D_t) → (N, num_class)."""
        text = text.detach().flatten(1)
        if self.standardise:
            text = (text - self.text_mean) / self.text_std
        gate = self.gate(text).softmax(1)  # (N, 2)
        return logits * (gate[:, :1] * self.positive + gate[:, 1:] * self.negative)
