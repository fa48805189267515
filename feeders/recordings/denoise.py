"""From a parsed NTU recording to clean actors: the usual cleaning of this data set, as published with CTR-GCN.

Thresholds and order are those of the public preparation scripts, so that stores contain what published models saw.

Legend: T frames, M actor slots (1 or 2), n observations of a body, V = 25 joints, xyz in metres.
"""

from collections.abc import Sequence

import numpy as np

from feeders.recordings.clips import ClipError, EmptyClipError
from feeders.recordings.skeleton_file import JOINTS, Body, Recording

NOISE_FRAMES = 11  # a body that is observed in at most this many frames is noise
MAX_WIDTH = 0.8  # of a standing person, as a share of the height
NOISE_SHARE = 0.69754  # a body with at least this share of frames that are too wide is noise
ORIGIN_JOINT = 1  # the middle of the spine


def prepare(recording: Recording) -> np.ndarray:
    """Clean one recording, assign its bodies to slots and translate them.

    Parameters
    ----------
    recording : Recording of the columns POSITION.

    Returns
    -------
    (T, M, V, 3) float32. M is 1 for a clip of one actor, and 2 for any other, even if slot 2 stays empty.

    Raises
    ------
    ClipError
        If no body remains.
    """
    return translate(actors(recording))


def actors(recording: Recording) -> np.ndarray:
    """Return the bodies that are people, each in its slot, (T, M, V, 3) float32 in camera coordinates."""
    if not recording.bodies:
        raise EmptyClipError('contains no body')
    for body in recording.bodies:
        if _end(body) >= recording.length:
            raise ClipError(f'body {body.id} is observed more often than there are frames after its first')
    if len(recording.bodies) == 1:
        return _one_actor(recording.bodies[0], recording.length)
    people = by_motion(recording.bodies)
    if len(people) == 1:
        frames = _one_actor(people[0], recording.length)
    else:
        frames = _two_actors(people, recording.length)
    return frames[frames.any((1, 2, 3))]


def by_motion(bodies: Sequence[Body]) -> list[Body]:
    """Return the bodies that are people, the one that moves most first."""
    people = list(bodies)
    for body in bodies:
        if len(people) > 1 and len(body.joints) <= NOISE_FRAMES:
            people = _without(people, body)
    motion = {body.id: _motion(body.joints) for body in people}
    for body in people:
        if len(people) == 1:
            break
        extent = np.ptp(body.joints, axis=1)  # (n, 3)
        valid = extent[:, 0] <= MAX_WIDTH * extent[:, 1]
        share = (~valid).mean()
        if share >= NOISE_SHARE:
            people = _without(people, body)
        elif share > 0:
            motion[body.id] = min(motion[body.id], _motion(body.joints[valid]))
    return sorted(people, key=lambda body: -motion[body.id])


def translate(frames: np.ndarray) -> np.ndarray:
    """Move the origin to the middle of actor 1's spine in the first frame that shows actor 1.

    Parameters
    ----------
    frames : (T, M, V, 3) float32.

    Returns
    -------
    (T, M, V, 3) float32. Frames in which an actor is all zero stay zero.

    Raises
    ------
    ClipError
        If actor 1 is all zero in every frame.
    """
    present = frames.any((2, 3))  # (T, M)
    if not present[:, 0].any():
        raise EmptyClipError('has all joints at zero')
    origin = frames[present[:, 0].argmax(), 0, ORIGIN_JOINT]
    return np.where(present[..., None, None], frames - origin, np.float32(0))


def _without(people: list[Body], body: Body) -> list[Body]:
    return [person for person in people if person is not body]


def _end(body: Body) -> int:
    """Return the last frame of a body's interval; a body that left and returned is shifted to close the gap."""
    return body.start + len(body.joints) - 1


def _motion(joints: np.ndarray) -> np.floating:
    return joints.reshape(-1, 3).var(0).sum()


def _one_actor(body: Body, length: int) -> np.ndarray:
    frames = np.zeros((length, 1, JOINTS, 3), np.float32)
    frames[body.start : _end(body) + 1, 0] = body.joints
    return frames


def _two_actors(people: list[Body], length: int) -> np.ndarray:
    """Put each person into the first slot in which it overlaps nobody, or leave it out; return (T, 2, V, 3)."""
    frames = np.zeros((length, 2, JOINTS, 3), np.float32)
    taken = [None, (0, 0)]  # slot 2 counts as taken in frame 0 from the start
    for body in people:
        start, end = body.start, _end(body)
        for slot in (0, 1):
            first, last = taken[slot] or (start, start)
            if min(last, end) - max(first, start) <= 0:
                frames[start : end + 1, slot] = body.joints
                taken[slot] = min(first, start), max(last, end)
                break
    return frames
