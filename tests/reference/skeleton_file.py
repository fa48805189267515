"""`.skeleton` files and their cleaning written line by line, body by body, as the data set's preparation describes."""

import numpy as np

SHORTEST, WIDEST, INVALID = 11, 0.8, 0.69754


def parse(text):
    """Frames that show a body, and {id: (index of its first frame, (n, 25, 3) float32)} in order of appearance."""
    lines = iter(text.decode().splitlines())
    bodies, kept = {}, 0
    for _ in range(int(next(lines))):
        count = int(next(lines))
        for _ in range(count):
            identity = next(lines).split()[0]
            joints = [np.array(next(lines).split()[:3], dtype=np.float32) for _ in range(int(next(lines)))]
            bodies.setdefault(identity, (kept, []))[1].append(np.stack(joints))
        kept += count > 0
    return kept, {identity: (start, np.stack(joints)) for identity, (start, joints) in bodies.items()}


def motion(joints):
    """The population variance of x, y and z over all rows."""
    return joints.reshape(-1, 3).var(0).sum()


def remove_short(bodies):
    """Drop bodies of few frames, as long as one is left."""
    for identity in list(bodies):
        if len(bodies) > 1 and len(bodies[identity][1]) <= SHORTEST:
            del bodies[identity]


def remove_wide(bodies, motions):
    """Drop bodies that spread wider than people do; the motion of the others is that of their upright frames."""
    for identity in list(bodies):
        if len(bodies) == 1:
            return
        joints = bodies[identity][1]
        width, height = np.ptp(joints[..., 0], axis=1), np.ptp(joints[..., 1], axis=1)
        valid = width <= WIDEST * height
        ratio = 1 - valid.mean()
        if ratio >= INVALID:
            del bodies[identity], motions[identity]
        elif ratio > 0:
            motions[identity] = min(motions[identity], motion(joints[valid]))


def denoise(length, bodies):
    """(T, 75) for one actor, (T, 150) for two, in camera coordinates."""
    bodies = dict(bodies)
    if len(bodies) == 1:
        return one_actor(length, *next(iter(bodies.values())))
    remove_short(bodies)
    motions = {identity: motion(joints) for identity, (_, joints) in bodies.items()}
    remove_wide(bodies, motions)
    if len(bodies) == 1:
        frames = one_actor(length, *next(iter(bodies.values())))
    else:
        frames = two_actors(length, [bodies[identity] for identity in sorted(motions, key=lambda i: -motions[i])])
    return frames[frames.any(1)]


def one_actor(length, start, joints):
    """The actor over its interval."""
    frames = np.zeros((length, 75), np.float32)
    frames[start : start + len(joints)] = joints.reshape(-1, 75)
    return frames


def two_actors(length, people):
    """The actor of most motion in the first slot; everybody else where nobody is."""
    slots = np.zeros((2, length, 75), np.float32)
    start, joints = people[0]
    slots[0, start : start + len(joints)] = joints.reshape(-1, 75)
    intervals = [[start, start + len(joints) - 1], [0, 0]]
    for start, joints in people[1:]:
        end = start + len(joints) - 1
        for slot, interval in zip(slots, intervals):
            if min(interval[1], end) - max(interval[0], start) <= 0:
                slot[start : end + 1] = joints.reshape(-1, 75)
                interval[:] = min(interval[0], start), max(interval[1], end)
                break
    return np.concatenate(list(slots), 1)


def translate(frames):
    """Put the second joint of actor 1's first frame at the origin; frames without an actor stay zero."""
    actors = frames.reshape(len(frames), -1, 25, 3).copy()
    shown = actors[:, 0].any((1, 2))
    origin = actors[np.flatnonzero(shown)[0], 0, 1].copy()
    for frame in actors:
        for actor in frame:
            if actor.any():
                actor -= origin
    return actors.reshape(len(frames), -1)
