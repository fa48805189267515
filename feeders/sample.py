"""The embedded sample: a small synthetic data set of twelve actions, with video and text features of its own.

No person was recorded. Twelve performers of their own size and build act out twelve actions (sample_motions.py), varied
in tempo, phase, amplitude, side, viewpoint and sensor noise; eight of them train, four test. Two pairs of actions move
alike and differ only in the held object, which the video and text features know and the skeleton does not: a student
that sees only skeletons guesses within a pair, so it can hardly exceed SKELETON_CEILING = 10/12 (83 %).

Legend: N clips, O objects, D feature width.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from feeders import feeder_MMCL
from feeders.datasets import DATASETS
from feeders.feature_store import open_features, write_features
from feeders.sample_motions import ACTIONS, CLIP, FEATURES, NAME, make_clip, performer_body
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from torchlight.errors import InputError
from torchlight.names import stays_inside

SAMPLE = DATASETS['sample']
SAMPLE_FILES = 'skeletons.h5', 'video.h5', 'text.h5'
PERFORMERS, SETUPS, CLIPS_PER_CLASS = 12, 4, 48
VIDEO_WIDTH, TEXT_WIDTH, TRAITS = 64, 16, 8  # a video feature has 8 traits each of performer, setup and clip
OBJECTS = tuple(dict.fromkeys(action.object for action in ACTIONS))
SKELETON_CEILING = len({action.motions for action in ACTIONS}) / len(ACTIONS)


def clip_names(seed: int, clips_per_class: int) -> list[str]:
    """Name every clip, class by class; performers take turns, setups and cameras are drawn."""
    rng = np.random.default_rng([seed, NAME, 0, 0])
    return [
        f'S{rng.integers(SETUPS) + 1:03}C{rng.integers(3) + 1:03}'
        f'P{index % PERFORMERS + 1:03}R{index // PERFORMERS + 1:03}A{label + 1:03}'
        for label in range(len(ACTIONS))
        for index in range(clips_per_class)
    ]


def make_features(names: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make the video (N, VIDEO_WIDTH) and text (N, TEXT_WIDTH) features; neither knows the motion.

    Video: a random projection of the held object and of performer, setup and clip traits, plus noise.
    Text: like the hidden state of an answer about held objects, a projection of the object, plus noise.
    """
    rng = np.random.default_rng([seed, FEATURES, 0, 0])
    fields = [SAMPLE.fields(name) for name in names]
    held_object = np.eye(len(OBJECTS))[[OBJECTS.index(ACTIONS[f['action'] - 1].object) for f in fields]]  # (N, O)
    performers, setups = rng.normal(size=(PERFORMERS + 1, TRAITS)), rng.normal(size=(SETUPS + 1, TRAITS))
    seen = np.concatenate(
        [
            2 * held_object,
            performers[[f['performer'] for f in fields]],
            setups[[f['setup'] for f in fields]],
            rng.normal(size=(len(names), TRAITS)),
        ],
        1,
    )
    video = seen @ rng.normal(size=(seen.shape[1], VIDEO_WIDTH)) + rng.normal(size=(len(names), VIDEO_WIDTH))
    text = held_object @ rng.normal(size=(len(OBJECTS), TEXT_WIDTH)) + rng.normal(0, 0.4, (len(names), TEXT_WIDTH))
    return video, text


def make_sample(folder: str | Path, seed: int = 1, clips_per_class: int = CLIPS_PER_CLASS, noise: float = 0.02) -> None:
    """Write the skeleton, video and text stores of the sample.

    Parameters
    ----------
    folder : path. Where skeletons.h5, video.h5 and text.h5 go.
    seed : int. One seed gives one content (default 1).
    clips_per_class : int. Clips of each action; those of every third performer are test clips (default 48).
    noise : float, m. Typical standard deviation of the sensor noise (default 0.02).
    """
    folder, names = Path(folder), clip_names(seed, clips_per_class)
    bodies = [performer_body(seed, performer) for performer in range(PERFORMERS)]
    with SkeletonStoreWriter(folder / 'skeletons.h5', dataset='sample', layout=SAMPLE.layout) as store:
        for name in names:
            fields, label = SAMPLE.fields(name), SAMPLE.label(name)
            action, performer = ACTIONS[label], fields['performer'] - 1
            rng = np.random.default_rng([seed, CLIP, label + 1, performer + PERFORMERS * fields['replication']])
            pair = bodies[performer], bodies[(performer + 3) % PERFORMERS]  # a partner of the same split
            frames = make_clip(action, pair[: len(action.motions)], fields['camera'], rng, noise)
            store.add(name, label, frames, 'test' if performer % 3 == 2 else 'train')
    video, text = make_features(names, seed)
    for kind, feature, prompt in (('video', video, ''), ('text', text, 'whether the people are holding objects?')):
        write_features(folder / f'{kind}.h5', names, feature, kind=kind, encoder='synthetic', weights='', prompt=prompt)


def ensure_sample(folder: str | Path) -> None:
    """Make the sample in `folder` unless its three files are there; see `ensure`."""
    ensure(folder, SAMPLE_FILES, SAMPLE.name, make_sample)


def ensure(folder: str | Path, files: Sequence[str], dataset: str, make: Callable[[str | Path], None]) -> None:
    """Make a synthetic data set in `folder` unless its files are there.

    Parameters
    ----------
    folder : path.
    files : str. The skeleton store, then the feature stores.
    dataset : str. The name of the data set in its skeleton store.
    make : function. Writes all files into a folder.

    Raises
    ------
    InputError
        If one of the files is there but does not belong to the data set; it is never overwritten.
    """
    skeletons, *features = (Path(folder) / file for file in files)
    present = [path for path in (skeletons, *features) if path.exists()]
    if len(present) == len(files):
        return
    for path in present:
        own = (
            open_skeletons(path).dataset == dataset
            if path == skeletons
            else open_features(path).attributes.get('encoder') == 'synthetic'
        )
        if not own:
            raise InputError(
                f'{path} already exists and is not part of the embedded sample, which would be made in that folder; '
                'give another data_path, or use feeders.feeder_MMCL.Feeder for your own data'
            )
    make(folder)


class Feeder(feeder_MMCL.Feeder):
    """The NTU feeder, with its arguments, on the sample; `prepare_data` makes it in the folder of `data_path`.

    Attributes
    ----------
    files : str. The files of the sample.
    ensure : function. Makes them in a folder unless they are there.
    """

    files, ensure = SAMPLE_FILES, staticmethod(ensure_sample)

    @classmethod
    def prepare_data(cls, arguments: dict[str, Any]) -> None:
        """Make the sample if `data_path` is its skeletons.h5; for any other file name nothing is created.

        Raises
        ------
        InputError
            If it would be made outside the current folder, where a YAML file from somebody else may lead; or if
            `ensure` does.
        """
        path = Path(str(arguments.get('data_path')))
        if path.name != cls.files[0]:
            return
        folder = str(path.parent)
        if not stays_inside(path) and not all((path.parent / file).exists() for file in cls.files):
            raise InputError(
                f'the sample would be made in {folder}, outside the current folder; give another data_path, or '
                f'make it first: python -c "from {cls.__module__} import make_sample; make_sample({folder!r})"'
            )
        cls.ensure(path.parent)
