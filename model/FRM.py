"""The feature refinement module (FRM): a text feature gates the student's class scores.

Source: MMCL (Liu et al., ACM MM 2024), feature refinement.
"""

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn


class FRM(nn.Module):
    """Class scores weighted between two learned vectors, by what a language model answered about the clip.

    Parameters
    ----------
    num_class : int.
    text_dim : int. Width of the precomputed text feature.
    standardise : bool. Bring the feature to mean 0 and deviation 1 by the statistics given to `set_statistics`, which
        are saved with the weights (default False). Without it large values, such as raw token ids, saturate the
        softmax of the gate.
    """

    def __init__(self, num_class: int, text_dim: int, standardise: bool = False) -> None:
        super().__init__()
        self.text_dim, self.standardise = text_dim, standardise
        self.gate = nn.Sequential(nn.Linear(text_dim, 64), nn.ReLU(), nn.Linear(64, 2))
        self.positive = nn.Parameter(torch.ones(num_class))
        self.negative = nn.Parameter(torch.ones(num_class))
        if standardise:
            self.register_buffer('text_mean', torch.zeros(text_dim))
            self.register_buffer('text_std', torch.ones(text_dim))

    def set_statistics(self, mean: ArrayLike, std: ArrayLike) -> None:
        """Take the (text_dim,) mean and deviation of the text features; values that never vary are only centred."""
        mean, std = torch.as_tensor(mean), torch.as_tensor(std)
        self.text_mean.copy_(mean)
        self.text_std.copy_(torch.where(std > 1e-6 * mean.abs(), std, 1))

    def forward(self, logits: Tensor, text: Tensor) -> Tensor:
        """Return the refined class scores, (N, num_class).

        Parameters
        ----------
        logits : (N, num_class). The student's class scores.
        text : (N, text_dim) or (N, 1, text_dim). Gets no gradient.
        """
        text = text.detach().flatten(1)
        if self.standardise:
            text = (text - self.text_mean) / self.text_std
        gate = self.gate(text).softmax(1)  # (N, 2)
        return logits * (gate[:, :1] * self.positive + gate[:, 1:] * self.negative)
