"""Misclassified clips as small animated skeletons: which to show, and their joints in a few bytes.

Legend: N samples, T frames, M persons, V joints, C coordinates.
"""

import base64
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from torchlight.class_names import class_title
from torchlight.pictures.poses import found_joints

MOST_CLIPS, MOST_FRAMES = 24, 64
ABSENT = 255  # both coordinates of a joint that is not there; the others are 0 to 254
MARGIN = 0.06  # of the picture's side


class Skeletons(NamedTuple):
    """Where the frames of samples come from.

    Attributes
    ----------
    frames : function. i → (T, M, V, C), the frames of sample i; x is to the right.
    parents : (V,) int or None. The joint to which each joint is connected; None if that is not known.
    y_up : bool. Whether y is upwards, as in space, or downwards, as in images.
    """

    frames: Callable[[int], np.ndarray]
    parents: Sequence[int] | None
    y_up: bool


def choose_wrong(predicted: np.ndarray, label: np.ndarray, confidence: np.ndarray) -> list[int]:
    """Return the numbers of up to MOST_CLIPS wrong samples.

    The first round takes the most confident prediction of each confused pair of classes, with the most frequent pairs
    first; the second round takes the second most confident one of each pair, and so on.

    Parameters
    ----------
    predicted, label : (N,) int.
    confidence : (N,). How confident the prediction is.
    """
    wrong = np.flatnonzero(predicted != label)
    pairs = list(zip(label[wrong].tolist(), predicted[wrong].tolist()))
    frequency, place, seen = Counter(pairs), {}, Counter()
    for k in np.argsort(-confidence[wrong], kind='stable').tolist():
        place[k] = seen[pairs[k]]
        seen[pairs[k]] += 1
    order = sorted(range(len(wrong)), key=lambda k: (place[k], -frequency[pairs[k]], pairs[k]))
    return [int(wrong[k]) for k in order[:MOST_CLIPS]]


def animation(frames: np.ndarray, y_up: bool) -> dict[str, Any]:
    """Return a clip as its front view, upright, for clips.js.

    Parameters
    ----------
    frames : (T, M, V, C).
    y_up : bool. See Skeletons.

    Returns
    -------
    {'shape': (T', M', V), 'points': base64 of T' · M' · V pairs of bytes}. T' is at most MOST_FRAMES, evenly spaced
    among the frames in which somebody is, and M' is without the persons that never appear.
    """
    present = np.flatnonzero(frames.any((1, 2, 3)))
    shown = (
        present[np.unique(np.linspace(0, len(present) - 1, MOST_FRAMES).round().astype(int))] if len(present) else []
    )
    points = np.asarray(frames[shown], np.float64)
    points = points[:, points.any((0, 2, 3))]
    there = found_joints(points)  # (T', M', V)
    flat = points[..., :2] * (1, -1 if y_up else 1)
    seen = flat[there] if there.any() else np.zeros((1, 2))
    low, side = seen.min(0), max(np.ptp(seen, 0).max(), 1e-9)
    centred = (flat - low - np.ptp(seen, 0) / 2) / side * (1 - 2 * MARGIN) + 0.5  # in a square of side 1
    pixels = np.where(there[..., None], (centred * (ABSENT - 1)).round().clip(0, ABSENT - 1), ABSENT).astype(np.uint8)
    return {'shape': list(there.shape), 'points': base64.b64encode(pixels.tobytes()).decode()}


def wrong_clips(
    name: Sequence[str],
    label: np.ndarray,
    predicted: np.ndarray,
    confidence: np.ndarray,
    classes: Sequence[str],
    skeletons: Skeletons | None,
) -> dict[str, Any]:
    """Return what the section of misclassified clips shows.

    Parameters
    ----------
    name : N str. Names of the samples.
    label, predicted : (N,) int.
    confidence : (N,). How confident the prediction is.
    classes : str, one per class. Names; '' or nothing where one is not known.
    skeletons : Skeletons or None, for samples whose frames are not at hand.

    Returns
    -------
    {'shown': captions of some wrong samples, 'wrong': how many there are, 'animations': what clips.js draws}.
    """
    numbers = choose_wrong(predicted, label, confidence) if skeletons else []
    captions = [
        {'name': name[i], 'note': ''}
        | {'true': class_title(label[i], classes), 'predicted': class_title(predicted[i], classes)}
        for i in numbers
    ]
    animations = skeletons and {
        'bones': [[child, parent] for child, parent in enumerate(skeletons.parents or ()) if child != parent],
        'clips': [animation(skeletons.frames(i), skeletons.y_up) for i in numbers],
    }
    return {'shown': captions, 'wrong': int((predicted != label).sum()), 'animations': animations}
