"""What an export takes from the feeders: clips to check the program on, their preprocessing, what it says of itself.

Legend: N clips, T frames, M persons, V joints, C coordinates.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from feeders import description
from feeders.feeder import Feeder, StoreFeeder
from feeders.preprocessing import Preprocessing
from feeders.skeleton_store import FACTS, SkeletonStore
from feeders.transforms import STREAMS
from torchlight import record
from torchlight.errors import InputError
from torchlight.imports import import_class
from torchlight.tensor_files import read_description

CHECKED = 16  # clips, spread evenly over those there are


class Material(NamedTuple):
    """What a program is made with, besides the student.

    Attributes
    ----------
    skeleton : (N, C, T, V, M) float32. Clips as a student takes them.
    clips : N tensors (T, V, C, M) float32. The same clips before their preprocessing; empty if that is not exported.
    origin : str. Which clips they are.
    preprocessing : Preprocessing or None. What is exported with the student.
    about : {key: text}. What a program says of itself; lists are JSON.
    description : dict. What weights say of themselves.
    """

    skeleton: Tensor
    clips: list[Tensor]
    origin: str
    preprocessing: Preprocessing | None
    about: dict[str, str]
    description: dict[str, Any]


def feeder_arguments(
    arg: argparse.Namespace, test: dict[str, Any], other_clips: dict[str, Any], layout: tuple[int, int, int]
) -> dict[str, dict[str, Any]]:
    """Choose the clips to check an export on: those of --input, or the test clips if they are there, or noise.

    Parameters
    ----------
    arg : Namespace. All settings.
    test, other_clips : dict. The feeder's arguments for the test clips, and for clips of another `data_path`.
    layout : (M, V, C) of the model.

    Returns
    -------
    {'test': arguments}; none for a feeder that cannot be given clips of noise.
    """
    if arg.input:
        return {'test': other_clips}
    if Path(str(test.get('data_path'))).exists():
        return {'test': test}
    takes_store = import_class(arg.feeder, Feeder).takes_store
    return {'test': {**other_clips, 'data_path': noise_store(layout)}} if takes_store else {}


def missing_clips(arg: argparse.Namespace) -> str:
    """Return a warning that an export is checked on noise because its test clips are not there; '' if they are."""
    path = arg.test_feeder_args.get('data_path')
    if arg.phase != 'export' or arg.input or not path or Path(str(path)).exists():
        return ''
    return (
        f'the test clips, data_path {path}, do not exist, so the export is checked on clips of noise; give real ones '
        'with --input CLIPS'
    )


def material(arg: argparse.Namespace, feeder: Feeder | None, noise: Tensor) -> Material:
    """Gather what an export with these settings is made with.

    Parameters
    ----------
    arg : Namespace. All settings.
    feeder : Feeder or None. Its clips are those to check the program on.
    noise : (N, C, T, V, M) float32. Skeletons to check it on if there is no feeder.

    Raises
    ------
    InputError
        If --with-preprocessing is asked for, but the feeder's cannot be exported.
    """
    preprocessing = feeder.preprocessing() if feeder else None
    if arg.with_preprocessing and preprocessing is None:
        raise InputError(
            f'--with-preprocessing: {arg.feeder} has no preprocessing that can be exported with these '
            'test_feeder_args; leave the flag out, or leave nothing in them to chance'
        )
    skeleton, clips, origin = noise, [], f'{len(noise)} clips of noise'
    if feeder:
        rows = np.unique(np.linspace(0, len(feeder.name) - 1, CHECKED).astype(int))
        skeleton = feeder.__getitems__(rows.tolist()).to(torch.device('cpu')).skeleton
        origin = f'{len(rows)} of {len(feeder.name)} clips'
        if isinstance(feeder, StoreFeeder):
            origin += f' of {feeder.store.path}'
    if arg.with_preprocessing:
        clips = [raw_clip(feeder.store.clip(row), feeder.layout[0]) for row in rows]
    about = metadata(arg, feeder, skeleton.shape, preprocessing)
    preprocessing = preprocessing if arg.with_preprocessing else None
    return Material(skeleton, clips, origin, preprocessing, about, description.of_weights(arg, feeder))


def raw_clip(frames: np.ndarray, persons: int) -> Tensor:
    """Return a clip (T, up to M persons, V, C) of a store as programs with preprocessing take it, (T, V, C, M)."""
    clip = torch.zeros(len(frames), *frames.shape[2:], persons)
    clip[..., : frames.shape[1]] = torch.from_numpy(frames.astype(np.float32)).permute(0, 2, 3, 1)
    return clip


def metadata(
    arg: argparse.Namespace, feeder: Feeder | None, shape: tuple[int, ...], preprocessing: Preprocessing | None
) -> dict[str, str]:
    """Return what a program says of itself, as texts; lists are JSON, and '' or an empty list says that it is unknown.

    `normalised` says that clips must go through the rule of `feeders.prepare custom --normalise` before they come in,
    as those of the training did, and `confidence` that their last coordinate is the confidence of a keypoint.

    Parameters
    ----------
    arg : Namespace. All settings.
    feeder : Feeder or None.
    shape : (N, C, T, V, M) of what the student takes.
    preprocessing : Preprocessing or None.
    """
    _, coordinates, window, joints, persons = map(str, shape)
    test = {**arg.test_feeder_args, **STREAMS.get(arg.stream, {})}
    flags = {key: bool(test.get(key)) for key in ('bone', 'vel')}
    git = record.git_state(Path(__file__).parent)
    return {
        'classes': json.dumps(description.class_names(arg, feeder, arg.model_args['num_class'])),
        'stream': next(name for name, values in STREAMS.items() if values == flags),
        'window': window,
        'joints': joints,
        'persons': persons,
        'coordinates': coordinates,
        'parents': json.dumps(preprocessing.parents.tolist() if preprocessing else []),
        'preprocessing': preprocessing.description if preprocessing else '',
        'normalisation': _normalisation(arg, preprocessing),
        **{key: json.dumps(value) for key, value in zip(FACTS, description.facts_of_training(arg.weights))},
        'with_preprocessing': json.dumps(arg.with_preprocessing),
        'dataset': str(read_description(arg.weights).get('dataset') or (feeder.dataset if feeder else '')),
        'weights': Path(arg.weights).name,
        'weights_sha256': hashlib.sha256(Path(arg.weights).read_bytes()).hexdigest(),
        'torch': torch.__version__,
        'commit': git['commit'] + ' (changed)' * git['changed'] if git else '',
        'created': time.strftime('%Y-%m-%dT%H:%M:%S%z'),
    }


def _normalisation(arg: argparse.Namespace, preprocessing: Preprocessing | None) -> str:
    """Say what is done to the coordinates, and what must have been done to them before."""
    own = preprocessing.normalisation if preprocessing else ''
    normalised, _ = description.facts_of_training(arg.weights)
    before = 'before a clip comes in, it must be centred and scaled as feeders.prepare custom --normalise does it'
    return '; '.join(filter(None, [before if normalised else '', own]))


def noise_store(layout: tuple[int, int, int]) -> SkeletonStore:
    """Return clips (M, V, C) of noise, of different lengths and numbers of persons, for want of real ones."""
    length, rng = np.arange(CHECKED) * 7 + 20, np.random.default_rng(0)
    frames = rng.normal(size=(length.sum(), *layout)).astype(np.float32)
    person = np.arange(CHECKED) % layout[0] + 1
    start = np.cumsum(length) - length
    for first, size, count in zip(start, length, person):
        frames[first : first + size, count:] = 0
    names = [f'noise {i + 1}' for i in range(CHECKED)]
    return SkeletonStore(frames, start, length, names, [-1] * CHECKED, person, path='noise')
