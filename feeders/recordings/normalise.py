"""The rule of `--normalise`, which brings pixels, millimetres or any other unit to the size of a body.

The median of all joints of a clip, coordinate by coordinate, becomes the origin, and the size of the body becomes 1.
The size in one frame is the root mean square of the distances of a person's joints from their mean; the size in a clip
is the median of these over frames and persons. So the result depends neither on where a clip was recorded nor on its
unit nor on other clips. Trajectories and the distances between persons are kept; a few wrong joints or frames change
little. Joints that were not found, at zero or with a confidence of zero, do not count and become zero. A
confidence stays as it is.

Legend: T frames, M persons, V joints, C coordinates.
"""

import numpy as np

from feeders.recordings.clips import ClipError, EmptyClipError

LEAST_SIZE = 1e-5  # of a body, relative to its coordinates: below it, the result would be little but rounding


def normalise(frames: np.ndarray, confidence: bool) -> np.ndarray:
    """Centre and scale one clip.

    Parameters
    ----------
    frames : (T, M, V, C) float32.
    confidence : bool. The last coordinate is a confidence.

    Returns
    -------
    (T, M, V, C) float32.

    Raises
    ------
    ClipError
        If the clip has no joints, or if they are all at one place.
    """
    last = -1 if confidence else None  # coordinates before it are positions
    places = frames[..., :last].astype(np.float64)
    found = places.any(-1) & (frames[..., -1] > 0 if confidence else True)
    if not found.any():
        raise EmptyClipError('cannot be centred, as it has no joints')
    body = found.sum(-1) > 1  # (T, M)
    bodies, there = places[body], found[body][..., None]  # (bodies, V, 2 or 3), (bodies, V, 1)
    mean = bodies.mean(1, keepdims=True, where=there)
    squares = np.sum((bodies - mean) ** 2, 2, keepdims=True).mean(1, where=there)
    size = np.median(np.sqrt(squares)) if len(bodies) else 0.0
    if size <= LEAST_SIZE * np.abs(places).max():
        raise ClipError('cannot be scaled, as its joints are all at one place')
    centre = np.median(places[found], 0)
    result = frames.copy()
    result[found, :last] = (places[found] - centre) / size
    result[~found, :last] = 0
    return result
