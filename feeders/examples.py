"""The clips that pictures of a trained network are made from."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from feeders.feeder import Batch, Feeder, StoreFeeder
from torchlight.pictures.embedding import evenly
from torchlight.pictures.poses import found_joints

ALIGNED = 120  # clips


class Clip(NamedTuple):
    """One clip.

    Attributes
    ----------
    title : str. Its name and its action.
    skeleton : (1, C, T, V, M). What a model gets.
    pose : (V, C). The joints of a person in the middle of the frames that have the most of them, for a picture; y is
        upwards, or downwards for C = 2.
    """

    title: str
    skeleton: torch.Tensor
    pose: np.ndarray


def choose(feeders: Mapping[str, Feeder], device: torch.device) -> dict[str, Any]:
    """Return the arguments of model.inspection.draw that are clips.

    Parameters
    ----------
    feeders : {part: Feeder}. With 'test', and 'train' if the run trains.
    device : torch.device. Where batches are to be.
    """
    test, train = feeders['test'], feeders.get('train')
    aligned = even_batch(train, ALIGNED, device) if train and 'video' in train.feature_width else None
    return {'clip': first_clip(test, device), 'aligned': aligned, 'classes': test.classes}


def first_clip(feeder: Feeder, device: torch.device) -> Clip:
    """Return the first clip of a feeder."""
    batch = feeder.__getitems__([0]).to(device)
    if isinstance(feeder, StoreFeeder):
        poses = feeder.store.positions(0)[:, 0]  # (T, V, C); those of the batch may be bones or motion
    else:
        poses = batch.skeleton[0, :, :, :, 0].permute(1, 2, 0).cpu().numpy()
    found = found_joints(poses).sum(1)
    most = np.flatnonzero(found == found.max())
    middle = most[len(most) // 2]
    label = int(feeder.label[0])
    action = feeder.classes[label] if 0 <= label < len(feeder.classes) else ''
    return Clip(f'{feeder.name[0]}, {action or f"class {label}"}', batch.skeleton, np.array(poses[middle]))


def even_batch(feeder: Feeder, count: int, device: torch.device) -> Batch:
    """Return a batch of up to `count` clips of a feeder, as many of each class as possible."""
    return feeder.__getitems__(evenly(feeder.label, count).tolist()).to(device)
