"""The embedded sample: a small synthetic data set, made by forward kinematics on the NTU 25-joint skeleton.

No person was recorded. Twelve performers of their own size and build act out twelve actions, varied in tempo, phase,
amplitude, side, viewpoint and sensor noise; eight of them train, four test. Two pairs of actions move alike and differ
only in the held object, which the video and text features know and the skeleton does not: a student that sees
skeletons alone guesses within a pair, so no accuracy above SKELETON_CEILING = 10/12 (83 %) is to be expected of it.

Legend: T frames, M persons, V = 25 joints, N clips, O objects, D feature width. Metres; y up, z away from the camera,
the subject's left at smaller x. Angles in degrees about a joint's own axes, for the right side (the left is mirrored):
pitch (x) raises a hanging limb forward, twist (y) turns it inward, spread (z) moves it outward. Of the trunk, negative
pitch bends forward. A motion is a function of phase (T,), 0 → 1 over the action, and swing (T,), −1 … 1, repeating.
"""

from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np

from feeders import feeder_MMCL
from feeders.splits import parse_ntu
from feeders.stores import SkeletonStoreWriter, open_features, open_skeletons, write_features
from torchlight.errors import InputError

SAMPLE_FILES = 'skeletons.h5', 'video.h5', 'text.h5'
PERFORMERS, SETUPS, CLIPS_PER_CLASS = 12, 4, 48
CAMERA_YAW = {1: -45, 2: 0, 3: 45}
VIDEO_WIDTH, TEXT_WIDTH, TRAITS = 64, 16, 8  # a video feature holds 8 traits each of performer, setup and clip
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


def ease(x):
    """0 → 1 with level ends."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def held(phase):
    """0 → 1 in the first quarter, back to 0 in the last."""
    return ease(4 * phase) * ease(4 * (1 - phase))


def through(phase, *keys):
    """Eased from 0 through keys (phase, value), phases ascending, back to 0: (T,), or (3, T) of values (3,)."""
    times, values = zip((0, np.zeros_like(keys[0][1])), *keys, (1, np.zeros_like(keys[0][1])))
    place = np.interp(phase, times, np.arange(len(times)))
    lower = np.minimum(place.astype(int), len(times) - 2)
    weight = ease(place - lower)
    return np.array(values)[lower].T * (1 - weight) + np.array(values)[lower + 1].T * weight


def both(**joints):
    """The same angles on both sides: {'left_…': …, 'right_…': …}."""
    return {f'{side}_{joint}': angles for side in ('left', 'right') for joint, angles in joints.items()}


# fmt: off
def hand_to_mouth(phase, swing):
    up = held(phase)
    return {'right_shoulder': (50 * up, 35 * up, -5 * up), 'right_elbow': ((118 + 10 * swing) * up, 0, 0)}


def wave(phase, swing):
    up = held(phase)
    return {'right_shoulder': (0, -90 * up, 75 * up), 'right_elbow': ((85 + 30 * swing) * up, 0, 0)}


def clap(phase, swing):
    up = held(phase)
    return both(shoulder=(42 * up, (25 + 22 * swing) * up, 0), elbow=(60 * up, 0, 0))


def throw(phase, swing):
    return {'right_shoulder': through(phase, (.35, (0, -100, 85)), (.55, (85, 0, 15)), (.7, (50, 0, -15))),
            'right_elbow': (through(phase, (.35, 95), (.55, 15)), 0, 0), 'left_hip': (through(phase, (.4, 22)), 0, 0),
            'spine': through(phase, (.35, (8, -30, 0)), (.6, (-20, 25, 0)))}


def kick(phase, swing):
    leg = through(phase, (.3, -25), (.55, 75))
    return {'right_hip': (leg, 0, 0), 'right_knee': (-through(phase, (.3, 65), (.55, 8)), 0, 0),
            'left_shoulder': (.5 * leg, 0, 15 * held(phase)), 'right_shoulder': (-.4 * leg, 0, 15 * held(phase)),
            'spine': (.2 * leg, 0, 0)}


def jump(phase, swing):
    bend = through(phase, (.3, 50), (.45, 0), (.65, 0), (.8, 40))
    arms = through(phase, (.3, -35), (.5, 120), (.8, 20))
    flight = np.clip((phase - .42) / .26, 0, 1)
    return {**both(hip=(bend, 0, 0), knee=(-2 * bend, 0, 0), ankle=(bend, 0, 0), shoulder=(arms, 0, 10)),
            'spine': (-.6 * bend, 0, 0), 'travel': (0, .6 * flight * (1 - flight), 0)}


def sit_down(phase, swing):
    down = ease(phase)
    return {**both(hip=(82 * down, 0, 0), knee=(-88 * down, 0, 0), ankle=(6 * down, 0, 0),
                   shoulder=(30 * down, 0, 0), elbow=(35 * down, 0, 0)),
            'spine': (-40 * np.sin(np.pi * down), 0, 0), 'travel': (0, 0, .24 * down)}


def stand_up(phase, swing):
    return sit_down(1 - phase, swing)


def shake_hands(phase, swing):
    up = held(phase)
    return {'right_shoulder': ((42 + 7 * swing) * up, 12 * up, -8 * up),
            'right_elbow': ((38 + 12 * swing) * up, 0, 0), 'spine': (-6 * up, 8 * up, 0)}


def push(phase, swing):
    reach, up = through(phase, (.3, 0), (.5, 1), (.65, 1)), held(phase)
    return {**both(shoulder=(30 * up + 50 * reach, 8 * up, 0), elbow=(100 * up - 90 * reach, 0, 0)),
            'spine': (-18 * reach, 0, 0), 'left_hip': (25 * reach, 0, 0), 'travel': (0, 0, -.06 * reach)}


def be_pushed(phase, swing):
    hit = through(phase, (.42, 0), (.62, 1), (.9, .3))
    return {**both(shoulder=(35 * hit, 0, 20 * hit)), 'spine': (22 * hit, 0, 0), 'right_hip': (-28 * hit, 0, 0),
            'right_knee': (-15 * hit, 0, 0), 'travel': (0, 0, .16 * hit)}


# fmt: on
class Action(NamedTuple):
    """name; motions: one a person; object: what is held, or None."""

    name: str
    motions: tuple[Callable, ...]
    object: str | None = None


# fmt: off
ACTIONS = (Action('drink', (hand_to_mouth,), 'cup'), Action('brush teeth', (hand_to_mouth,), 'toothbrush'),
           Action('wave', (wave,)), Action('wave a flag', (wave,), 'flag'), Action('clap', (clap,)),
           Action('throw', (throw,), 'ball'), Action('kick', (kick,)), Action('jump', (jump,)),
           Action('sit down', (sit_down,)), Action('stand up', (stand_up,)),
           Action('shake hands', (shake_hands, shake_hands)), Action('push', (push, be_pushed)))
# fmt: on
OBJECTS = tuple(dict.fromkeys(action.object for action in ACTIONS))
SKELETON_CEILING = len({action.motions for action in ACTIONS}) / len(ACTIONS)


def rotations(angles):
    """(…, 3) pitch, twist, spread in degrees → (…, 3, 3): twist first, then pitch, then spread."""
    (cx, cy, cz), (sx, sy, sz) = (np.moveaxis(f(np.deg2rad(angles)), -1, 0) for f in (np.cos, np.sin))
    # fmt: off
    matrix = (cz * cy - sz * sx * sy, -sz * cx, cz * sy + sz * sx * cy,
              sz * cy + cz * sx * sy, cz * cx, sz * sy - cz * sx * cy, -cx * sy, sx, cx * cy)
    # fmt: on
    return np.stack(matrix, -1).reshape(*np.shape(angles), 3)


def pose(angles, offset):
    """Forward kinematics: angles (T, V, 3) degrees, offset (V, 3) m → joints (T, V, 3) m, the base at the origin."""
    turn = rotations(angles)  # (T, V, 3, 3)
    turn[:, LEFT] = rotations(angles[:, LEFT] * (1, -1, -1))
    joints = np.zeros_like(angles)
    for joint, parent in PARENT.items():
        if parent is not None:
            joints[:, joint] = joints[:, parent] + turn[:, parent] @ offset[joint]
            turn[:, joint] = turn[:, parent] @ turn[:, joint]
    return joints


def performer_body(seed, performer):
    """(V, 3) m: the offsets between the joints of one performer, 1.5 to 1.95 m tall."""
    rng = np.random.default_rng([seed, BODY, performer, 0])
    scale = np.ones((25, 3))
    scale[LEFT + RIGHT] *= rng.uniform(0.92, 1.08)
    scale[LEGS] *= rng.uniform(0.92, 1.08)
    scale[:, 0] *= rng.uniform(0.85, 1.2)
    return OFFSET * scale * rng.uniform(1.5, 1.95)


def perform(motion, phase, swing, offset, rng):
    """One person acts, facing the camera and standing on the ground: (T, V, 3) m."""
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


def timing(rng):
    """phase (T,) and swing (T,) of one clip of 40 to 70 frames; onset, tempo and the number of swings vary."""
    frames = rng.integers(40, 71)
    share = rng.uniform(0.4, 0.95)
    phase = np.clip((np.arange(frames) / frames - rng.uniform(0, 1 - share)) / share, 0, 1) ** rng.uniform(0.8, 1.25)
    return phase, np.sin(2 * np.pi * (rng.uniform(0, 1) + rng.uniform(1.5, 4.5) * phase))


def make_clip(action, bodies, camera, rng, noise):
    """(T, M, V, 3) m: one clip, seen by the camera; joint 2 of the first person's first frame is the origin.

    Args:
        action: Action. bodies: an offset array (V, 3) for each person. camera: a key of CAMERA_YAW.
        noise: typical standard deviation of the sensor noise, m.
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


def clip_names(seed, clips_per_class):
    """SsssCcccPpppRrrrAaaa for every clip, class by class; performers take turns, setups and cameras are drawn."""
    rng = np.random.default_rng([seed, NAME, 0, 0])
    return [
        f'S{rng.integers(SETUPS) + 1:03}C{rng.integers(3) + 1:03}'
        f'P{index % PERFORMERS + 1:03}R{index // PERFORMERS + 1:03}A{label + 1:03}'
        for label in range(len(ACTIONS))
        for index in range(clips_per_class)
    ]


def make_features(names, seed):
    """The video (N, VIDEO_WIDTH) and text (N, TEXT_WIDTH) features; neither knows the motion.

    Video: a random projection of the held object and of performer, setup and clip traits, plus noise.
    Text: like the hidden state of an answer about held objects, a projection of the object, plus noise.
    """
    rng = np.random.default_rng([seed, FEATURES, 0, 0])
    fields = [parse_ntu(name) for name in names]
    held_object = np.eye(len(OBJECTS))[[OBJECTS.index(ACTIONS[f.action - 1].object) for f in fields]]  # (N, O)
    performers, setups = rng.normal(size=(PERFORMERS + 1, TRAITS)), rng.normal(size=(SETUPS + 1, TRAITS))
    seen = np.concatenate(
        [
            2 * held_object,
            performers[[f.performer for f in fields]],
            setups[[f.setup for f in fields]],
            rng.normal(size=(len(names), TRAITS)),
        ],
        1,
    )
    video = seen @ rng.normal(size=(seen.shape[1], VIDEO_WIDTH)) + rng.normal(size=(len(names), VIDEO_WIDTH))
    text = held_object @ rng.normal(size=(len(OBJECTS), TEXT_WIDTH)) + rng.normal(0, 0.4, (len(names), TEXT_WIDTH))
    return video, text


def make_sample(folder, seed=1, clips_per_class=CLIPS_PER_CLASS, noise=0.02):
    """Write the skeleton, video and text stores of the sample into `folder`; one seed gives one content.

    Args:
        clips_per_class: clips of each action; every third performer's are for the test.
        noise: typical standard deviation of the sensor noise, m.
    """
    folder, names = Path(folder), clip_names(seed, clips_per_class)
    bodies = [performer_body(seed, performer) for performer in range(PERFORMERS)]
    with SkeletonStoreWriter(folder / 'skeletons.h5', dataset='sample', layout=(2, 25, 3)) as store:
        for name in names:
            fields = parse_ntu(name)
            action, performer = ACTIONS[fields.action - 1], fields.performer - 1
            rng = np.random.default_rng([seed, CLIP, fields.action, performer + PERFORMERS * fields.replication])
            pair = bodies[performer], bodies[(performer + 3) % PERFORMERS]  # a partner of the same split
            frames = make_clip(action, pair[: len(action.motions)], fields.camera, rng, noise)
            store.add(name, fields.action - 1, frames, 'test' if performer % 3 == 2 else 'train')
    video, text = make_features(names, seed)
    for kind, feature, prompt in (('video', video, ''), ('text', text, 'whether the people are holding objects?')):
        write_features(folder / f'{kind}.h5', names, feature, kind=kind, encoder='synthetic', weights='', prompt=prompt)


def ensure_sample(folder):
    """Make the sample in `folder` unless its three files are there; returns the folder.

    Raises InputError where one of the files is there but is not the sample's: it is never overwritten.
    """
    folder = Path(folder)
    present = [folder / file for file in SAMPLE_FILES if (folder / file).exists()]
    if len(present) < len(SAMPLE_FILES):
        for path in present:
            if (
                open_skeletons(path).dataset != 'sample'
                if path.name == SAMPLE_FILES[0]
                else open_features(path).attributes.get('encoder') != 'synthetic'
            ):
                raise InputError(
                    f'{path} is in the way of the embedded sample, which is made in its folder; '
                    'name another data_path, or feeders.feeder_MMCL.Feeder for your own data'
                )
        make_sample(folder)
    return folder


class Feeder(feeder_MMCL.Feeder):
    """The NTU feeder, with its arguments, on the sample, which is made in the folder of `data_path` on first use."""

    def __init__(self, data_path, **arguments):
        if Path(data_path).name == SAMPLE_FILES[0]:  # a mistyped name gets its error, not 20 MB beside it
            ensure_sample(Path(data_path).parent)
        super().__init__(data_path, **arguments)
