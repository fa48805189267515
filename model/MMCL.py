"""Multi-modality co-learning (MMCL): a skeleton student and the two branches that help to train it.

Source: Liu et al., "Multi-Modality Co-Learning for Efficient Skeleton-based Action Recognition", ACM MM 2024.
Legend: N clips, C coordinates, T frames, V joints, M persons, D_v video width, D_t text width.
"""

import torch
import torch.nn.functional as F
from torch import nn

from model.FAM import FAM
from model.FRM import FRM
from model.layers import MMCLOutput
from torchlight.imports import build


class Model(nn.Module):
    """The student alone for skeletons alone; with a video or a text feature, FAM and FRM beside it.

    Args:
        backbone: dotted name of the student's class; the arguments not named here are the student's.
        video_dim: D_v, or None for no FAM. text_dim: D_t, or None for no FRM.
        text_standardise: standardise the FRM's input, by the statistics given to `set_statistics`; the public code
            does not.
    """

    def __init__(
        self,
        num_class,
        *,
        backbone='model.ctrgcn.Model',
        video_dim=None,
        text_dim=None,
        text_standardise=False,
        **student_args,
    ):
        super().__init__()
        self.student = build(
            backbone,
            {'num_class': num_class, **student_args},
            'model_args',
            also_known=('backbone', 'video_dim', 'text_dim', 'text_standardise'),
        )
        self.fam = None if video_dim is None else FAM(self.student.feature_dim, video_dim)
        self.frm = None if text_dim is None else FRM(num_class, text_dim, text_standardise)

    def set_statistics(self, statistics):
        """Take what the branches standardise by from {kind: (mean, std)}, a feeder's `feature_statistics`."""
        if self.frm is not None and self.frm.standardise:
            self.frm.set_statistics(*statistics['text'])

    def forward(self, skeleton, video=None, text=None):
        """skeleton (N, C, T, V, M), video (N, D_v), text (N, D_t) → MMCLOutput of what the inputs allow."""
        feature = self.student.features(skeleton)
        logits = self.student.classify(feature)
        alignment = None if video is None else self.fam(feature, video)
        refined = None if text is None else self.frm(logits, text)
        return MMCLOutput(logits, refined, alignment)


def loss_terms(output, label):
    """The batch means of the loss terms: cross_entropy, and refined and alignment where the output has them.

    The paper's total is cross_entropy + 0.2 · refined + 0.1 · alignment.

    Args:
        output: MMCLOutput. label: (N,) int64.
    """
    terms = {'cross_entropy': F.cross_entropy(at_least_float32(output.logits), label)}
    if output.refined_logits is not None:
        terms['refined'] = F.cross_entropy(at_least_float32(output.refined_logits), label)
    if output.alignment is not None:
        terms['alignment'] = at_least_float32(output.alignment).mean()
    return terms


def at_least_float32(x):
    """The losses of half-precision outputs are computed in float32; float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
