"""Import the pose pickles of pyskl: {'split': {name: [frame_dir, …]}, 'annotations': [{…}, …]} → store, and a config.

Legend: T frames, M persons, V joints, C coordinates.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feeders.datasets import DATASETS
from feeders.integrity import LARGEST_LABEL
from feeders.prepare import own_data, store_builder
from feeders.recordings.clips import Clip, ClipError, LeftOut
from torchlight.errors import InputError, counted, first_few
from torchlight.pickles import read_arrays

MOST_PERSONS = 2  # by default
KEYS = 'frame_dir', 'label', 'keypoint'  # of an annotation


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command `import-pyskl`."""
    parser = commands.add_parser('import-pyskl', help='make a store, and a config, from a pose pickle of pyskl')
    parser.add('--pkl', required=True, metavar='FILE', help='pickle with split and annotations')
    parser.add(
        '--split',
        nargs=2,
        metavar=('TRAIN', 'TEST'),
        help='splits of the pickle that train and test, such as xsub_train xsub_val (default: its only two)',
    )
    own_data.add_arguments(parser, f'as many as there are, but no more than {MOST_PERSONS}')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the store; return the exit status."""
    if args.num_worker is None:
        args.num_worker = 0  # the annotations are in memory already
    return store_builder.build_store(Reader('custom', args))


@dataclass(frozen=True)
class Annotation:
    """One clip of the pickle.

    Attributes
    ----------
    name, split : str. Its frame_dir; 'train', 'test', or '' for neither.
    label : Any. Its class.
    keypoint : Any. Positions, (M, T, V, 2 or 3).
    score : Any. Confidences, (M, T, V), or None.
    """

    name: str
    split: str
    label: Any
    keypoint: Any
    score: Any

    def __str__(self) -> str:
        return self.name


class Reader(own_data.Reader):
    """Reads annotations."""

    def sources(self) -> list:
        """Read the pickle; return its annotations. Those of neither split are left out."""
        splits, found = _contents(self.args.pkl)
        chosen = self.args.split or _only_pair(splits, self.args.pkl)
        split_of = {}
        for name, split in zip(chosen, ('train', 'test')):
            if name not in splits:
                raise InputError(f'{self.args.pkl} has no split {name!r}; its splits are {first_few(splits, 20)}')
            split_of |= dict.fromkeys(splits[name], split)
        train, test = (splits[name] for name in chosen)
        if both := sorted(set(train).intersection(test)):
            raise InputError(
                f'{self.args.pkl} has {counted(len(both), "clip")} in both {chosen[0]} and {chosen[1]}: '
                f'{first_few(both)}; a clip can either train or test'
            )
        clips = [_annotation(each, split_of) for each in found]
        used = [clip for clip in clips if clip.split]
        self.name, self.layout = _dataset(used), self.common_layout(used)
        self.choose_graph(clip.split for clip in used)
        reason = f'is neither in {chosen[0]} nor in {chosen[1]}'
        others = [LeftOut(clip.name, reason, asked=True) for clip in clips if not clip.split]
        missing = sorted(split_of.keys() - {clip.name for clip in used})
        return [*used, *others, *(LeftOut(name, 'has no annotation') for name in missing)]

    def read(self, source: Annotation) -> Clip:
        """Arrange one annotation; of more persons than the store has, those of the highest confidence are kept."""
        x, label = source.keypoint, source.label
        if _shape(x)[-1:] != (self.layout[2] - self.confidence,) or len(x.shape) != 4:
            raise ClipError(f'has keypoint of shape {_shape(x)}; expected (persons, frames, joints, coordinates)')
        if not isinstance(label, (int, np.integer)) or not 0 <= label <= self.last_label:
            found = label if isinstance(label, (int, np.integer)) else f'of type {type(label).__name__}'
            raise ClipError(f'has a label {found}; expected a number from 0 to {self.last_label}')
        if self.confidence:
            if _shape(source.score) != x.shape[:3]:
                raise ClipError(f'has keypoint_score of shape {_shape(source.score)}; expected {x.shape[:3]}')
            x = np.concatenate([x, source.score[..., None]], -1)
        x = x[x.any((1, 2, 3))]  # the persons who are there
        if self.confidence and len(x) > self.layout[0]:
            x = x[np.argsort(-x[..., -1].sum((1, 2), dtype=np.float64), kind='stable')]
        return Clip(source.name, x[: self.layout[0]].transpose(1, 0, 2, 3), int(label), source.split)

    @property
    def last_label(self) -> int:
        """The largest label."""
        return len(self.classes) - 1 if self.classes else LARGEST_LABEL

    def common_layout(self, clips: list[Annotation]) -> tuple[int, int, int]:
        """Return (M, V, C) of the store, a confidence included."""
        sound = [clip for clip in clips if len(_shape(clip.keypoint)) == 4 and clip.keypoint.shape[3] in (2, 3)]
        if not sound:
            raise InputError(f'{self.args.pkl} has no keypoint (persons, frames, joints, 2 or 3) in these splits')
        _, _, joints, coordinates = sound[0].keypoint.shape
        self.confidence = coordinates == 2 and sound[0].score is not None
        persons = self.args.num_person or min(max(len(clip.keypoint) for clip in sound), MOST_PERSONS)
        return max(persons, 1), joints, coordinates + self.confidence


def _contents(path: str | Path) -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
    """Read a pickle; return its splits and its annotations."""
    found = read_arrays(path)
    splits, annotations = (found.get(key) for key in ('split', 'annotations')) if isinstance(found, dict) else ((), ())
    if isinstance(splits, dict) and isinstance(annotations, list):
        lists = all(isinstance(names, list) and set(map(type, names)) <= {str} for names in splits.values())
        if lists and all(map(_is_annotation, annotations)):
            return splits, annotations
    raise InputError(
        f'{path} is not a pose pickle of pyskl: expected split, {{name: [frame_dir, …]}}, and annotations, a list of '
        f'dictionaries with {", ".join(KEYS)}'
    )


def _is_annotation(found: Any) -> bool:
    return isinstance(found, dict) and all(key in found for key in KEYS) and isinstance(found['frame_dir'], str)


def _annotation(found: dict[str, Any], split_of: dict[str, str]) -> Annotation:
    name = found['frame_dir']
    arrays = (
        np.asarray(x) if isinstance(x, np.ndarray) else x for x in (found['keypoint'], found.get('keypoint_score'))
    )
    return Annotation(name, split_of.get(name, ''), found['label'], *arrays)


def _shape(array: Any) -> tuple[int, ...]:
    """Return the shape of an array of numbers, () for one without any and for anything else."""
    return array.shape if isinstance(array, np.ndarray) and array.dtype.kind in 'fiu' and array.size else ()


def _only_pair(splits: dict[str, list[str]], path: str) -> tuple[str, str]:
    """Return the names of the training split and of the test split that belongs to it, if there is one such pair."""
    train = [name for name in map(str, splits) if 'train' in name]
    pairs = [(name, test) for name in train for test in _partners(name) if test in splits]
    if len(pairs) != 1:
        found = '; '.join(' '.join(pair) for pair in pairs[:20]) or first_few(splits, 20)
        raise InputError(f'{path} has {len(pairs)} pairs of splits ({found}); choose two with --split TRAIN TEST')
    return pairs[0]


def _partners(train: str) -> list[str]:
    return [train.replace('train', other) for other in ('val', 'test')]


def _dataset(clips: list[Annotation]) -> str:
    """Return 'ntu60' or 'ntu120' if the names are of NTU RGB+D and state the labels, otherwise 'custom'."""
    labels = [clip.label if isinstance(clip.label, (int, np.integer)) else -1 for clip in clips]
    for row in (DATASETS['ntu60'], DATASETS['ntu120']):
        try:
            if all(row.label(clip.name) == label for clip, label in zip(clips, labels)):
                return row.name
        except InputError:  # a name of another form, or of an action that the row does not have
            continue
    return 'custom'
