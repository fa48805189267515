"""A synthetic data set on which it can be measured whether co-learning helps: few clips, noisy joints, an unseen view.

Eleven motions of one person (sample_motions.py), eight training clips of each, filmed by two cameras; the test clips
are of other performers and of a third camera. Every class moves in its own way, so that a skeleton can tell them all
apart; what is hard is to learn that from so few clips.

What the features know, besides nuisance (performer, place, and what else a picture shows, all drawn at random):

- video: where hands and feet are, relative to the body and without noise, in the three thirds of a clip, and how fast
  they move; what is held. An encoder of pictures sees limbs and objects sharply and from any side. It does not know the
  label: the clips of a class are as different in it as their motions.
- text: the answer yes or no to whether somebody holds an object, which is wrong in a tenth of the clips; as the hidden
  state of an answer (text.h5), and as the token ids of BLIP's (tokens.h5). A quarter of the clips show an object that
  has nothing to do with the action, or lack theirs.

Legend: N clips, T frames, V joints, O objects, D feature width.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from feeders import sample
from feeders import sample_motions as motions
from feeders.feature_store import write_features
from feeders.sample_motions import CAMERA_YAW, CLIP, FEATURES, JOINT, LEFT, RIGHT, Array, Motion
from feeders.skeleton_store import SkeletonStoreWriter

NAME = 'co-learning sample'
FILES = 'skeletons.h5', 'video.h5', 'text.h5', 'tokens.h5'
TRAINING_CLIPS, TEST_CLIPS = 8, 40  # of each action
PERFORMERS, SETUPS = 8, 4  # performers of each split
TEST_CAMERA = 3
NOISE, YAW_RANGE, TILT_RANGE = 0.05, 15, 10  # metres, and degrees to either side
OTHER_OBJECT, WRONG_ANSWER = 0.25, 0.1  # shares of the clips
VIDEO_WIDTH, TEXT_WIDTH, TRAITS = 64, 16, 8
TOKENS = [30522, 2053, 102], [30522, 2748, 102]  # [start, no, end] and [start, yes, end] in BLIP's vocabulary

# The skeleton: a joint and its parent are [1, 0] … [9, 8] of config/sample/co_learning.yaml.
JOINTS = [JOINT[name] for name in ('chest', 'head')] + [
    JOINT[f'{side}_{name}'] for side in ('left', 'right') for name in ('elbow', 'hand', 'knee', 'ankle')
]
ENDS = [[JOINT[f'{side}_{name}'] for side in ('left', 'right')] for name in ('hand', 'ankle')]
OBJECTS = 'nothing', 'cup', 'ball', 'box'
ACTIONS: dict[str, tuple[Motion, str]] = {
    'drink': (motions.hand_to_mouth, 'cup'),
    'wave': (motions.wave, 'nothing'),
    'clap': (motions.clap, 'nothing'),
    'throw': (motions.throw, 'ball'),
    'kick': (motions.kick, 'ball'),
    'jump': (motions.jump, 'nothing'),
    'sit down': (motions.sit_down, 'nothing'),
    'stand up': (motions.stand_up, 'nothing'),
    'offer a hand': (motions.shake_hands, 'nothing'),
    'push': (motions.push, 'box'),
    'stagger': (motions.be_pushed, 'nothing'),
}


class Clip(NamedTuple):
    """A clip, and what a frozen encoder sees of it.

    Attributes
    ----------
    name, label : str, int.
    frames : (T, 1, V, 3) m, as the skeleton shows it.
    content : (D,). What the body does, see `describe`.
    object : int. What is held, in OBJECTS.
    performer, setup : int. From 0.
    """

    name: str
    label: int
    frames: Array
    content: Array
    object: int
    performer: int
    setup: int


def make_clip(seed: int, label: int, number: int) -> Clip:
    """Make clip `number` of an action; the first TRAINING_CLIPS are for training."""
    rng = np.random.default_rng([seed, CLIP, label, number])
    motion, own_object = list(ACTIONS.values())[label]
    test = number >= TRAINING_CLIPS
    performer, setup = rng.integers(PERFORMERS) + PERFORMERS * test, rng.integers(SETUPS)
    camera = TEST_CAMERA if test else rng.integers(1, TEST_CAMERA)
    joints = motions.perform(motion, *motions.timing(rng), motions.performer_body(seed, performer), rng)
    if rng.random() < 0.3:
        joints[:, LEFT + RIGHT] = joints[:, RIGHT + LEFT]
        joints *= (-1, 1, 1)
    yaw, tilt = CAMERA_YAW[camera] + rng.uniform(-YAW_RANGE, YAW_RANGE), rng.uniform(-TILT_RANGE, TILT_RANGE)
    frames = joints[:, JOINTS] @ (motions.rotations([tilt, 0, 0]) @ motions.rotations([0, yaw, 0])).T
    frames += rng.normal(0, NOISE * rng.uniform(0.5, 1.5), frames.shape)
    held = rng.integers(len(OBJECTS)) if rng.random() < OTHER_OBJECT else OBJECTS.index(own_object)
    name = f'S{setup + 1:03}C{camera:03}P{performer + 1:03}R{number + 1:03}A{label + 1:03}'
    return Clip(name, label, (frames - frames[0, 0])[:, None], describe(joints), held, performer, setup)


def describe(joints: Array) -> Array:
    """Describe a motion (T, 25, 3) by places and speeds of hands and feet, of either pair the faster one first."""
    found = []
    for pair in ENDS:
        place = joints[:, pair] - joints[:, [JOINT['chest']]]  # (T, 2, 3)
        speed = np.linalg.norm(np.diff(place, axis=0), axis=2).mean(0)
        thirds = np.stack([third.mean(0) for third in np.array_split(place, 3)], 1)  # (2, 3, 3)
        thirds[..., 0] = np.abs(thirds[..., 0])  # to the side, whichever it is
        found += [np.append(thirds[k], speed[k]) for k in np.argsort(-speed)]
    return np.concatenate(found)


def make_features(clips: list[Clip], seed: int) -> tuple[Array, Array, Array]:
    """Make the video (N, VIDEO_WIDTH) and text (N, TEXT_WIDTH) features, and the token ids (N, 3).

    Each feature is a random projection of what it knows, with noise.
    """
    rng = np.random.default_rng([seed, FEATURES, 1, 0])
    content, held = np.stack([clip.content for clip in clips]), np.array([clip.object for clip in clips])
    of_performer, of_setup = rng.normal(size=(2 * PERFORMERS, TRAITS)), rng.normal(size=(SETUPS, TRAITS))
    seen = np.concatenate(
        [
            (content - content.mean(0)) / content.std(0),
            2 * np.eye(len(OBJECTS))[held],
            0.5 * of_performer[[clip.performer for clip in clips]],
            0.5 * of_setup[[clip.setup for clip in clips]],
            0.5 * rng.normal(size=(len(clips), TRAITS)),
        ],
        1,
    )
    video = seen @ rng.normal(size=(seen.shape[1], VIDEO_WIDTH)) + rng.normal(size=(len(clips), VIDEO_WIDTH))
    answer = (held > 0) ^ (rng.random(len(clips)) < WRONG_ANSWER)
    text = rng.normal(size=(2, TEXT_WIDTH))[answer.astype(int)] + rng.normal(0, 0.4, (len(clips), TEXT_WIDTH))
    return video, text, np.array(TOKENS)[answer.astype(int)]


def make_sample(folder: str | Path, seed: int = 1) -> None:
    """Write the four stores.

    Parameters
    ----------
    folder : path. Where they go.
    seed : int. One seed gives one content (default 1).
    """
    skeletons, *features = (Path(folder) / file for file in FILES)
    clips = [make_clip(seed, *which) for which in np.ndindex(len(ACTIONS), TRAINING_CLIPS + TEST_CLIPS)]
    with SkeletonStoreWriter(skeletons, dataset=NAME, layout=(1, len(JOINTS), 3), classes=list(ACTIONS)) as store:
        for clip in clips:
            store.add(clip.name, clip.label, clip.frames, 'train' if clip.performer < PERFORMERS else 'test')
    names, prompts = [clip.name for clip in clips], ('', *2 * ['whether the people are holding objects?'])
    for path, feature, prompt in zip(features, make_features(clips, seed), prompts):
        kind = 'text' if prompt else 'video'
        write_features(path, names, feature, kind=kind, encoder='synthetic', weights='', prompt=prompt)


class Feeder(sample.Feeder):
    """The NTU feeder, with its arguments, on this data set; `prepare_data` makes it in the folder of `data_path`."""

    files = FILES

    @staticmethod
    def ensure(folder: str | Path) -> None:
        """Make the data set in `folder` unless its files are there."""
        sample.ensure(folder, FILES, NAME, make_sample)
