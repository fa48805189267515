"""Whether coordinates look like pixels or millimetres, which networks that expect metres learn badly from."""

import numpy as np

from feeders.skeleton_store import SkeletonStore

CLIPS, FRAMES = 50, 20  # that are looked at: clips of a store, frames of each
LARGEST = 20  # in metres or normalised, half of all coordinates are below 5; in pixels or millimetres, above 50


def median_size(store: SkeletonStore) -> float:
    """Return the median absolute coordinate of the joints that are there, over some clips; 0 if there are none."""
    sizes = [np.zeros(0)]
    for row in np.unique(np.linspace(0, len(store) - 1, min(CLIPS, len(store))).astype(int)):
        frames = store.positions(row)[:: max(1, store.length[row] // FRAMES)]
        sizes.append(np.abs(frames[frames.any(-1)]).ravel())
    every = np.concatenate(sizes)
    return float(np.median(every)) if len(every) else 0.0


def looks_like_confidence(frames: np.ndarray) -> bool:
    """Return whether two coordinates of a clip (…, C) look like pixels, and a third one like their confidence."""
    if frames.shape[-1] != 3 or not frames.size:
        return False
    third = frames[..., 2]
    return bool(third.min() >= 0 and third.max() <= 1 and np.abs(frames[..., :2]).max() > LARGEST)


def scale_warning(store: SkeletonStore) -> str:
    """Return a warning if the coordinates are so large that they look like pixels or millimetres, else ''."""
    size = median_size(store)
    if not size > LARGEST:
        return ''
    return (
        f'half of the coordinates in {store.path} are beyond ±{size:.4g}, as in pixels or millimetres; networks learn '
        'badly from such numbers: make the store again with --normalise, which centres and scales each clip'
    )
