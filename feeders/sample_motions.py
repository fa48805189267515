"""The motions of the embedded sample: forward kinematics on the NTU 25-joint skeleton.

Legend: T frames, M persons, V = 25 joints. Metres; y up, z away from the camera, the subject's left at smaller x.
Angles are in degrees about a joint's own axes, for the right side (the left is mirrored): pitch (x) raises a hanging
limb forward, twist (y) turns it inward, spread (z) moves it outward; of the trunk, negative pitch bends forward. A
motion is a function of phase (T,), 0 → 1 over the action, and swing (T,), −1 … 1, repeating; it gives angles by joint,
and 'travel' in statures.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray
Moves = dict[str, tuple | Array]
Motion = Callable[[Array, Array], Moves]

CAMERA_YAW = {1: -45, 2: 0, 3: 45}  # degrees
BODY, CLIP, NAME, FEATURES = range(4)  # the independent random streams of one seed

# fmt: off
TRUNK = {  # joint: index, what it hangs from, offset in statures
    'base': (0, None, (0, 0, 0)), 'spine': (1, 'base', (0, .16, 0)), 'chest': (20, 'spine', (0, .13, 0)),
    'neck': (2, 'chest', (0, .045, 0)), 'head': (3, 'neck', (0, .08, 0))}
LIMBS = {  # joint: left and right index, what it hangs from, offset of the right one
    'shoulder': (4, 8, 'chest', (.1, -.02, 0)), 'elbow': (5, 9, 'shoulder', (0, -.165, 0)),
    'wrist': (6, 10, 'elbow', (0, -.145, 0)), 'hand': (7, 11, 'wrist', (0, -.045, 0)),
    'thumb': (22, 24, 'hand', (0, -.02, -.025)), 'tip': (21, 23, 'thumb', (0, -.025, .025)),
    'hip': (12, 16, 'base', (.05, -.01, 0)), 'knee': (13, 17, 'hip', (0, -.245, 0)),
    'ankle': (14, 18, 'knee', (0, -.235, 0)), 'foot': (15, 19, 'ankle', (0, -.035, -.06))}
TREE = TRUNK | {f'{side}_{name}': (index, inner if inner in TRUNK else f'{side}_{inner}', (across, y, z))
                for name, (left, right, inner, (x, y, z)) in LIMBS.items()
                for side, index, across in (('left', left, -x), ('right', right, x))}
JOINT = {name: index for name, (index, _, _) in TREE.items()}
PARENT = {index: JOINT.get(inner) for index, inner, _ in TREE.values()}  # parents come first
OFFSET = np.array([offset for _, _, offset in sorted(TREE.values(), key=lambda row: row[0])])  # (V, 3)
LEFT, RIGHT = ([row[side] for row in LIMBS.values()] for side in (0, 1))
LEGS = [JOINT[f'{side}_{name}'] for side in ('left', 'right') for name in ('hip', 'knee', 'ankle', 'foot')]
# fmt: on


def ease(x: Array) -> Array:
    """Rise from 0 to 1 with level ends."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def held(phase: Array) -> Array:
    """Rise from 0 to 1 in the first quarter, fall back to 0 in the last."""
    return ease(4 * phase) * ease(4 * (1 - phase))


def through(phase: Array, *keys: tuple) -> Array:
    """Ease from 0 through keys (phase, value), phases ascending, back to 0: (T,), or (3, T) for values (3,)."""
    times, values = zip((0, np.zeros_like(keys[0][1])), *keys, (1, np.zeros_like(keys[0][1])))
    place = np.interp(phase, times, np.arange(len(times)))
    lower = np.minimum(place.astype(int), len(times) - 2)
    weight = ease(place - lower)
    return np.array(values)[lower].T * (1 - weight) + np.array(values)[lower + 1].T * weight


def both(**joints: tuple) -> Moves:
    """Give both sides the same angles: {'left_…': …, 'right_…': …}."""
    return {f'{side}_{joint}': angles for side in ('left', 'right') for joint, angles in joints.items()}


# fmt: off
def hand_to_mouth(phase: Array, swing: Array) -> Moves:
    """Drink or brush teeth."""
    up = held(phase)
    return {'right_shoulder': (50 * up, 35 * up, -5 * up), 'right_elbow': ((118 + 10 * swing) * up, 0, 0)}


def wave(phase: Array, swing: Array) -> Moves:
    """Wave."""
    up = held(phase)
    return {'right_shoulder': (0, -90 * up, 75 * up), 'right_elbow': ((85 + 30 * swing) * up, 0, 0)}


def clap(phase: Array, swing: Array) -> Moves:
    """Clap."""
    up = held(phase)
    return both(shoulder=(42 * up, (25 + 22 * swing) * up, 0), elbow=(60 * up, 0, 0))


def throw(phase: Array, swing: Array) -> Moves:
    """Throw."""
    return {'right_shoulder': through(phase, (.35, (0, -100, 85)), (.55, (85, 0, 15)), (.7, (50, 0, -15))),
            'right_elbow': (through(phase, (.35, 95), (.55, 15)), 0, 0), 'left_hip': (through(phase, (.4, 22)), 0, 0),
            'spine': through(phase, (.35, (8, -30, 0)), (.6, (-20, 25, 0)))}


def kick(phase: Array, swing: Array) -> Moves:
    """Kick."""
    leg = through(phase, (.3, -25), (.55, 75))
    return {'right_hip': (leg, 0, 0), 'right_knee': (-through(phase, (.3, 65), (.55, 8)), 0, 0),
            'left_shoulder': (.5 * leg, 0, 15 * held(phase)), 'right_shoulder': (-.4 * leg, 0, 15 * held(phase)),
            'spine': (.2 * leg, 0, 0)}


def jump(phase: Array, swing: Array) -> Moves:
    """Jump."""
    bend = through(phase, (.3, 50), (.45, 0), (.65, 0), (.8, 40))
    arms = through(phase, (.3, -35), (.5, 120), (.8, 20))
    flight = np.clip((phase - .42) / .26, 0, 1)
    return {**both(hip=(bend, 0, 0), knee=(-2 * bend, 0, 0), ankle=(bend, 0, 0), shoulder=(arms, 0, 10)),
            'spine': (-.6 * bend, 0, 0), 'travel': (0, .6 * flight * (1 - flight), 0)}


def sit_down(phase: Array, swing: Array) -> Moves:
    """Sit down."""
    down = ease(phase)
    return {**both(hip=(82 * down, 0, 0), knee=(-88 * down, 0, 0), ankle=(6 * down, 0, 0),
                   shoulder=(30 * down, 0, 0), elbow=(35 * down, 0, 0)),
            'spine': (-40 * np.sin(np.pi * down), 0, 0), 'travel': (0, 0, .24 * down)}


def stand_up(phase: Array, swing: Array) -> Moves:
    """Stand up."""
    return sit_down(1 - phase, swing)


def shake_hands(phase: Array, swing: Array) -> Moves:
    """Shake hands."""
    up = held(phase)
    return {'right_shoulder': ((42 + 7 * swing) * up, 12 * up, -8 * up),
            'right_elbow': ((38 + 12 * swing) * up, 0, 0), 'spine': (-6 * up, 8 * up, 0)}


def push(phase: Array, swing: Array) -> Moves:
    """Push."""
    reach, up = through(phase, (.3, 0), (.5, 1), (.65, 1)), held(phase)
    return {**both(shoulder=(30 * up + 50 * reach, 8 * up, 0), elbow=(100 * up - 90 * reach, 0, 0)),
            'spine': (-18 * reach, 0, 0), 'left_hip': (25 * reach, 0, 0), 'travel': (0, 0, -.06 * reach)}


def be_pushed(phase: Array, swing: Array) -> Moves:
    """Be pushed."""
    hit = through(phase, (.42, 0), (.62, 1), (.9, .3))
    return {**both(shoulder=(35 * hit, 0, 20 * hit)), 'spine': (22 * hit, 0, 0), 'right_hip': (-28 * hit, 0, 0),
            'right_knee': (-15 * hit, 0, 0), 'travel': (0, 0, .16 * hit)}


# fmt: on
class Action(NamedTuple):
    """What one class of the sample shows.

    Attributes
    ----------
    motions : functions. One per person, see the legend.
    object : str or None. What is held.
    """

    motions: tuple[Callable, ...]
    object: str | None = None


# fmt: off
ACTIONS = (  # in the order of the classes in feeders/datasets.py
    Action((hand_to_mouth,), 'cup'), Action((hand_to_mouth,), 'toothbrush'), Action((wave,)), Action((wave,), 'flag'),
    Action((clap,)), Action((throw,), 'ball'), Action((kick,)), Action((jump,)), Action((sit_down,)),
    Action((stand_up,)), Action((shake_hands, shake_hands)), Action((push, be_pushed)))
# fmt: on


def rotations(angles: ArrayLike) -> Array:
    """Make matrices (…, 3, 3) from pitch, twist, spread (…, 3) in degrees: twist first, then pitch, then spread."""
    (cx, cy, cz), (sx, sy, sz) = (np.moveaxis(f(np.deg2rad(angles)), -1, 0) for f in (np.cos, np.sin))
    # fmt: off
    matrix = (cz * cy - sz * sx * sy, -sz * cx, cz * sy + sz * sx * cy,
              sz * cy + cz * sx * sy, cz * cx, sz * sy - cz * sx * cy, -cx * sy, sx, cx * cy)
    # fmt: on
    return np.stack(matrix, -1).reshape(*np.shape(angles), 3)


def pose(angles: Array, offset: Array) -> Array:
    """Forward kinematics: angles (T, V, 3) in degrees, offset (V, 3) m → joints (T, V, 3) m, the base at the origin."""
    turn = rotations(angles)  # (T, V, 3, 3)
    turn[:, LEFT] = rotations(angles[:, LEFT] * (1, -1, -1))
    joints = np.zeros_like(angles)
    for joint, parent in PARENT.items():
        if parent is not None:
            joints[:, joint] = joints[:, parent] + turn[:, parent] @ offset[joint]
            turn[:, joint] = turn[:, parent] @ turn[:, joint]
    return joints


def performer_body(seed: int, performer: int) -> Array:
    """Draw the offsets between the joints of one performer, (V, 3) m, 1.5 to 1.95 m tall."""
    rng = np.random.default_rng([seed, BODY, performer, 0])
    scale = np.ones((25, 3))
    scale[LEFT + RIGHT] *= rng.uniform(0.92, 1.08)
    scale[LEGS] *= rng.uniform(0.92, 1.08)
    scale[:, 0] *= rng.uniform(0.85, 1.2)
    return OFFSET * scale * rng.uniform(1.5, 1.95)


def perform(motion: Motion, phase: Array, swing: Array, offset: Array, rng: np.random.Generator) -> Array:
    """Let one person act, facing the camera and standing on the ground: (T, V, 3) m."""
    moves = motion(phase, swing)
    travel = moves.pop('travel', (0, 0, 0))
    angles = np.zeros((len(phase), 25, 3))
    for name, components in moves.items():
        angles[:, JOINT[name]] = np.stack(np.broadcast_arrays(*components, phase)[:3], -1)
    angles *= rng.uniform(0.75, 1.15)
    frequency, start, size = rng.uniform(0, 0.03, (25, 3)), rng.uniform(0, 1, (25, 3)), rng.normal(0, 10, (25, 3))
    size[LEGS + [JOINT['base']]] /= 2
    angles += size * np.sin(2 * np.pi * (frequency * np.arange(len(phase))[:, None, None] + start))  # idle sway
    joints = pose(angles, offset)
    joints[..., 1] -= joints[:, LEGS, 1].min(1, keepdims=True)
    stature = np.linalg.norm(offset, axis=-1).sum() / np.linalg.norm(OFFSET, axis=-1).sum()
    return joints + stature * np.stack(np.broadcast_arrays(*travel, phase)[:3], -1)[:, None]


def timing(rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw phase (T,) and swing (T,) of a clip of 40 to 70 frames; onset, tempo and the number of swings vary."""
    frames = rng.integers(40, 71)
    share = rng.uniform(0.4, 0.95)
    phase = np.clip((np.arange(frames) / frames - rng.uniform(0, 1 - share)) / share, 0, 1) ** rng.uniform(0.8, 1.25)
    return phase, np.sin(2 * np.pi * (rng.uniform(0, 1) + rng.uniform(1.5, 4.5) * phase))


def make_clip(action: Action, bodies: Sequence[Array], camera: int, rng: np.random.Generator, noise: float) -> Array:
    """Make one clip as the camera sees it; joint 2 of the first person's first frame is the origin.

    Parameters
    ----------
    action : Action.
    bodies : (V, 3) m for each person. The offsets between the joints.
    camera : int. A key of CAMERA_YAW.
    rng : numpy Generator. What varies between clips.
    noise : float, m. Typical standard deviation of the sensor noise.

    Returns
    -------
    (T, M, V, 3) m.
    """
    phase, swing = timing(rng)
    people = [perform(motion, phase, swing, offset, rng) for motion, offset in zip(action.motions, bodies)]
    yaw, tilt = CAMERA_YAW[camera] + rng.uniform(-70, 70), rng.uniform(-10, 10)
    if len(people) == 2:
        people[1] = people[1] * (-1, 1, -1) - (0, 0, rng.uniform(0.85, 1.1))  # face to face
        yaw += rng.choice([-90, 90])
    scene = np.stack(people, 1)
    if rng.random() < 0.3:
        scene[:, :, LEFT + RIGHT] = scene[:, :, RIGHT + LEFT]
        scene *= (-1, 1, 1)
    scene = scene @ (rotations([tilt, 0, 0]) @ rotations([0, yaw, 0])).T
    scene += rng.normal(0, noise * rng.uniform(0.5, 1.5), scene.shape)
    return scene - scene[0, 0, JOINT['spine']]
