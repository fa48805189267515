"""Pictures of what a network learned: how its student relates the joints, and how alike its branches see clips."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model import MMCL
from model.base import SkeletonModel, Student
from torchlight import results
from torchlight.pictures.alignment import draw_alignment
from torchlight.pictures.topology import draw_topology


@torch.no_grad()
def draw(
    folder: Path, model: SkeletonModel, clip: tuple[str, Tensor, np.ndarray], aligned: Any, classes: Sequence[str]
) -> None:
    """Write topology.png, if the student has a graph, and alignment.png, if the model has the FAM and there are videos.

    Parameters
    ----------
    folder : path. The work directory.
    model : SkeletonModel. It is put into evaluation mode.
    clip : (title, skeleton (1, C, T, V, M), pose (V, C)). The clip whose topology is drawn.
    aligned : batch of clips with `skeleton`, `video` and `label`, or None.
    classes : str, one per class. Their names; shorter, or '' where a name is not known.
    """
    student = model.eval().student
    if not isinstance(student, Student):
        return
    title, skeleton, pose = clip
    if (topology := student.topology(skeleton)) is not None:
        rows = [
            ('for all clips: what training changed in the adjacency', topology.learned.cpu().numpy()),
            (f'for one clip: how its own motion relates the joints ({title})', topology.relation.cpu().numpy()),
        ]
        graph = student.graph
        drawn = 'learned topology', rows, graph.inward, pose, graph.joint_names
        results.draw(draw_topology, folder / 'topology.png', *drawn)
    if isinstance(model, MMCL.Model) and model.fam is not None and aligned is not None:
        similarity = model.fam.similarity(student.features(aligned.skeleton), aligned.video).cpu().numpy()
        results.draw(draw_alignment, folder / 'alignment.png', similarity, aligned.label.cpu().numpy(), classes)
