"""Multi-modality co-learning (MMCL): a skeleton student and the two branches that help to train it.

Source: Liu et al., "Multi-Modality Co-Learning for Efficient Skeleton-based Action Recognition", ACM MM 2024.
"""

import functools
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.base import MMCLOutput, SkeletonModel, Student
from model.FAM import FAM
from model.FRM import FRM
from model.inference import with_parts
from torchlight.imports import instantiate

LAMBDA_REFINE = 0.2  # weight of the refined cross entropy (FRM), as published
LAMBDA_ALIGN = 0.1  # weight of the alignment (FAM), as published


class Model(SkeletonModel):
    """A student for the skeleton, with the FAM if there is a video feature and the FRM if there is a text feature.

    Parameters
    ----------
    num_class : int.
    backbone : str. Dotted name of the student's class, a model.base.Student (default: CTR-GCN).
    video_dim : int. Width of the video feature (default None: no FAM).
    text_dim : int. Width of the text feature (default None: no FRM).
    text_standardise : bool. Standardise the text feature by the statistics given to `set_statistics` (default False,
        as in the public code).
    **student_args : All other arguments of the student.
    """

    def __init__(
        self,
        num_class: int,
        *,
        backbone: str = 'model.ctrgcn.Model',
        video_dim: int | None = None,
        text_dim: int | None = None,
        text_standardise: bool = False,
        **student_args: Any,
    ) -> None:
        super().__init__()
        self.student = instantiate(
            backbone,
            {'num_class': num_class, **student_args},
            'model_args',
            also_known=('backbone', 'video_dim', 'text_dim', 'text_standardise'),
            kind=Student,
        )
        self.fam = None if video_dim is None else FAM(self.student.feature_dim, video_dim)
        self.frm = None if text_dim is None else FRM(num_class, text_dim, text_standardise)

    def set_statistics(self, statistics: Mapping[str, tuple[Any, Any]]) -> None:
        """Standardise the text feature, if asked to, by the mean and the deviation in `statistics['text']`."""
        if self.frm is not None and self.frm.standardise:
            self.frm.set_statistics(*statistics['text'])

    def inference_form(self) -> 'Model':
        """Return a copy without the FAM, whose student is in the form for inference."""
        return with_parts(self, student=self.student.inference_form(), fam=None)

    def forward(self, skeleton: Tensor, video: Tensor | None = None, text: Tensor | None = None) -> MMCLOutput:
        """Compute what the inputs allow.

        Parameters
        ----------
        skeleton : (N, C, T, V, M) float32.
        video : (N, video_dim) float32. Adds the alignment.
        text : (N, text_dim) float32. Adds the refined logits.
        """
        feature = self.student.features(skeleton)
        logits = self.student.classify(feature)
        alignment = None if video is None else self.fam(feature, video)
        refined = None if text is None else self.frm(logits, text)
        return MMCLOutput(logits, refined, alignment, feature)


def loss_terms(output: MMCLOutput, label: Tensor, smoothing: float = 0.0) -> dict[str, Tensor]:
    """Return the batch means of the loss terms: cross_entropy, and refined and alignment if the output has them.

    The loss is their sum weighted by 1, LAMBDA_REFINE and LAMBDA_ALIGN; see `total_loss`.

    Parameters
    ----------
    output : MMCLOutput.
    label : (N,) int64.
    smoothing : float. Share of each label that all classes divide among them (default 0). In both cross entropies: the
        refined logits are the student's, gated, and hard labels there would undo what smoothed ones do here.
    """
    cross_entropy = functools.partial(F.cross_entropy, target=label, label_smoothing=smoothing)
    terms = {'cross_entropy': cross_entropy(at_least_float32(output.logits))}
    if output.refined_logits is not None:
        terms['refined'] = cross_entropy(at_least_float32(output.refined_logits))
    if output.alignment is not None:
        terms['alignment'] = at_least_float32(output.alignment).mean()
    return terms


def total_loss(
    terms: Mapping[str, Tensor], lambda_refine: float = LAMBDA_REFINE, lambda_align: float = LAMBDA_ALIGN
) -> Tensor:
    """Return cross_entropy + lambda_refine · refined + lambda_align · alignment, without the terms that are absent."""
    weights = loss_weights(lambda_refine, lambda_align)
    return sum(weights[name] * term for name, term in terms.items())


def loss_weights(lambda_refine: float = LAMBDA_REFINE, lambda_align: float = LAMBDA_ALIGN) -> dict[str, float]:
    """Return {term: its weight in the loss}."""
    return {'cross_entropy': 1, 'refined': lambda_refine, 'alignment': lambda_align}


def at_least_float32(x: Tensor) -> Tensor:
    """Convert half precision to float32, in which the losses are computed; float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
