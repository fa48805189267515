"""From a parsed NTU recording to clean actors: the data set's usual cleaning, as published with CTR-GCN.

Thresholds and order are those of the public preparation scripts, so that stores hold what published models saw.

Legend: T frames, P actor slots (1 or 2), n observations of a body, V = 25 joints, xyz in metres.
"""

import numpy as np

from feeders.prepare.skeleton_file import JOINTS, ClipError

SHORTEST = 11  # a body of so many frames or fewer is noise
WIDEST = 0.8  # a frame wider than this share of its height is no standing person
INVALID_SHARE = 0.69754  # a body with so many of those frames is noise
ORIGIN_JOINT = 1  # the middle of the spine


def prepare(recording):
    """Clean, assign and translate one recording.

    Args:
        recording: skeleton_file.Recording.
    Returns: (T, P, V, 3) float32; P = 1 for a clip of one actor, 2 otherwise even where slot 2 stays empty.
    Raises ClipError where no body is left to show.
    """
    return translate(actors(recording))


def actors(recording):
    """(T, P, V, 3) float32: the bodies that are people, each in its slot, in camera coordinates."""
    if not recording.bodies:
        raise ClipError('holds no body')
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


def by_motion(bodies):
    """The bodies that are people, the one that moves most first."""
    people = list(bodies)
    for body in bodies:
        if len(people) > 1 and len(body.joints) <= SHORTEST:
            people = _without(people, body)
    motion = {body.id: _motion(body.joints) for body in people}
    for body in people:
        if len(people) == 1:
            break
        extent = np.ptp(body.joints, axis=1)  # (n, 3)
        valid = extent[:, 0] <= WIDEST * extent[:, 1]
        share = (~valid).mean()
        if share >= INVALID_SHARE:
            people = _without(people, body)
        elif share > 0:
            motion[body.id] = min(motion[body.id], _motion(body.joints[valid]))
    return sorted(people, key=lambda body: -motion[body.id])


def translate(frames):
    """Put the origin at the middle of actor 1's spine in the first frame that shows actor 1.

    Args:
        frames: (T, P, V, 3) float32.
    Returns: the same shape; frames in which an actor was all zero stay zero.
    Raises ClipError where actor 1 is all zero throughout.
    """
    present = frames.any((2, 3))  # (T, P)
    if not present[:, 0].any():
        raise ClipError('has all joints at zero')
    origin = frames[present[:, 0].argmax(), 0, ORIGIN_JOINT]
    return np.where(present[..., None, None], frames - origin, np.float32(0))


def _without(people, body):
    return [person for person in people if person is not body]


def _end(body):
    """The last frame of a body's interval; a body that left and returned is moved up to close the gap."""
    return body.start + len(body.joints) - 1


def _motion(joints):
    return joints.reshape(-1, 3).var(0).sum()


def _one_actor(body, length):
    frames = np.zeros((length, 1, JOINTS, 3), np.float32)
    frames[body.start : _end(body) + 1, 0] = body.joints
    return frames


def _two_actors(people, length):
    """(T, 2, V, 3): each further person goes where it overlaps nobody, slot 1 first, or is left out."""
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
