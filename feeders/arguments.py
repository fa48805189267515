"""From the settings to the arguments of feeders and model, the checks of both, and what the log says of them."""

import argparse
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from feeders import exports
from feeders import fingerprints as files
from feeders.feeder import Feeder, StoreFeeder
from feeders.integrity import LARGEST_LABEL
from feeders.scale import scale_warning
from feeders.transforms import STREAMS
from torchlight import record
from torchlight.errors import InputError, counted, first_few

FAR_LONGER = 8  # windows

# The arguments of a feeder that say which clips it reads, and which features.
CLIP_KEYS = ('data_path', 'benchmark', 'sample_path', 'label_map')
VIDEO_KEYS = ('video_path', 'video_ablation', 'video_made_with')
TEXT_KEYS = ('text_path', 'object_path', 'text_ablation', 'text_made_with')


def check(arg: argparse.Namespace, devices: int = 1, processes: int = 1) -> None:
    """Raise InputError if settings are missing or contradict each other; reads no data and writes nothing.

    Parameters
    ----------
    arg : Namespace. All settings.
    devices : int. Devices of this process (default 1).
    processes : int. Processes of the run (default 1).
    """
    if arg.phase in ('test', 'predict', 'export') and not arg.weights:
        raise InputError(f'--phase {arg.phase} needs --weights, the file of a trained model')
    if arg.phase == 'test' and not Path(arg.weights).exists():
        raise InputError(f'the weights file {arg.weights} does not exist')
    if arg.phase == 'test' and not os.access(Path(arg.weights).resolve().parent, os.W_OK):
        raise InputError(
            f'the lists of right and wrong clips are written next to {arg.weights}, but that folder is not writable'
        )
    if arg.phase == 'predict' and not arg.input:
        raise InputError('--phase predict needs --input, the clips to classify')
    if arg.phase == 'train' and not arg.resume and arg.start_epoch >= arg.num_epoch:
        raise InputError(f'no epoch is left to train: num_epoch is {arg.num_epoch}, start_epoch {arg.start_epoch}')
    parts = arg.train_feeder_args, arg.test_feeder_args
    if arg.phase == 'train' and len({str(part.get('data_path')) for part in parts}) == 1:
        train, test = (part.get('benchmark') for part in parts)
        if train != test:
            raise InputError(
                f'benchmark is {train} of train_feeder_args and {test} of test_feeder_args, so that clips of '
                f'{parts[0].get("data_path")} could be in both parts; give both the same'
            )
    if arg.held_out_by and not arg.held_out:
        raise InputError(f'--held-out-by {arg.held_out_by} needs --held-out, the share of the clips to hold out')
    if devices > 1 and (arg.compile or arg.amp == 'bf16'):
        raise InputError('--compile and --amp bf16 work with one device per process; use torchrun for several devices')
    if arg.phase == 'train' and arg.batch_size % processes:
        raise InputError(
            f'batch_size is {arg.batch_size}, which is not divisible by the number of processes, {processes}'
        )
    for key in ('num_class', 'num_point', 'num_person', 'in_channels'):
        value = arg.model_args.get(key, 3 if key == 'in_channels' else None)
        if not isinstance(value, int) or value < 1:
            raise InputError(f'model_args has {key} {value!r}; it must be an integer ≥ 1')
    if arg.model_args['num_class'] > LARGEST_LABEL + 1:
        raise InputError(f'model_args has num_class {arg.model_args["num_class"]}; at most {LARGEST_LABEL + 1} can be')
    if arg.refine:
        if not _text_arguments({**arg.train_feeder_args, **arg.test_feeder_args}):
            raise InputError('--refine scores with the FRM, which needs text_path in test_feeder_args')
        if arg.phase == 'train' and not {'text_path', 'object_path'} & arg.train_feeder_args.keys():
            raise InputError('--refine scores with the FRM, which is trained only with text_path in train_feeder_args')


def feeder_arguments(arg: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Choose the arguments of the feeders that a phase needs.

    Testing reads neither video nor text features, unless --refine asks for the text.

    Parameters
    ----------
    arg : Namespace. All settings, as `check` accepts them.

    Returns
    -------
    {part: arguments}. 'train' and 'test' to train, and 'val' if the best epoch is chosen on held-out clips; 'test' to
    test and to predict, and of clips to check an export on; none for the other phases.
    """
    stream = STREAMS[arg.stream] if arg.stream else {}
    train, test = {**arg.train_feeder_args, **stream}, {**arg.test_feeder_args, **stream}
    text = _text_arguments({**train, **test}) if arg.refine else {}
    test = _without(test, VIDEO_KEYS + TEXT_KEYS) | text
    other_clips = {**_without(test, CLIP_KEYS), 'data_path': arg.input, 'split': 'all'}
    if arg.phase in ('predict', 'test'):
        return {'test': other_clips if arg.phase == 'predict' else test}
    if arg.phase == 'export':
        return exports.feeder_arguments(arg, test, other_clips, layout(arg.model_args))
    if arg.phase != 'train':
        return {}
    if not arg.held_out:
        return {'train': train, 'test': test}
    clips = {key: value for key, value in train.items() if key in CLIP_KEYS}
    aside = {'held_out': arg.held_out} | ({'held_out_by': arg.held_out_by} if arg.held_out_by else {})
    return {'train': {**train, **aside}, 'val': {**test, **clips, 'split': 'held_out', **aside}, 'test': test}


def layout(model_args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return (M, V, C), the persons, joints and coordinates that a model takes."""
    return model_args['num_person'], model_args['num_point'], model_args.get('in_channels', 3)


def make_feeder(
    cls: type[Feeder], feeder_args: dict[str, Any], arg: argparse.Namespace, device: torch.device
) -> Feeder:
    """Make a feeder, its clips kept and augmented where --preload and --augment-on say.

    Parameters
    ----------
    cls : class. The feeder's.
    feeder_args : dict. Arguments of its constructor.
    arg : Namespace. All settings.
    device : torch.device. The one that batches will be moved to.
    """
    feeder = cls(**feeder_args)
    if (arg.augment_on, arg.preload) != ('worker', 'none'):
        feeder.place(arg.augment_on, arg.preload, device)
    return feeder


def check_fit(model_args: Mapping[str, Any], feeder: Feeder, part: str, labelled: bool = True) -> None:
    """Raise InputError if clips do not fit the model.

    Parameters
    ----------
    model_args : dict. Its sizes.
    feeder : Feeder.
    part : str. 'train', 'val' or 'test', for messages.
    labelled : bool. The labels matter as well as the persons, joints and coordinates (default True).
    """
    expected = layout(model_args)
    own = feeder.store.layout if isinstance(feeder, StoreFeeder) else feeder.layout
    if feeder.layout[0] not in (expected[0], own[0]):
        raise InputError(
            f'num_person of the {part} feeder is {feeder.layout[0]} (given or by default), that of model_args '
            f'{expected[0]}, and the most persons of a {part} clip are {own[0]}; give the same num_person in '
            'train_feeder_args, test_feeder_args and model_args'
        )
    if tuple(feeder.layout) != expected:
        persons, joints, coordinates = feeder.layout
        raise InputError(
            f'the {part} clips have {counted(persons, "person")}, {joints} joints, {coordinates} coordinates, but '
            f'model_args has num_person {expected[0]}, num_point {expected[1]}, in_channels {expected[2]}'
        )
    lowest, highest = feeder.label.min(), feeder.label.max()
    if labelled and lowest < 0:
        raise InputError(f'some of the {part} clips have no label; --phase predict classifies such clips')
    if labelled and highest >= model_args['num_class']:
        raise InputError(
            f'the {part} clips have labels up to {highest}, so num_class must be at least {highest + 1}; model_args '
            f'has {model_args["num_class"]}'
        )


def fingerprints(arg: argparse.Namespace) -> dict[str, str]:
    """Return {path: digest} of the files that the feeders of a phase read, see feeders/fingerprints.py."""
    return files.fingerprints(feeder_arguments(arg))


def session(arg: argparse.Namespace, devices: Sequence[torch.device]) -> dict[str, Any]:
    """Return what run.json says of this start, the fingerprints of the data included."""
    return record.describe_session(arg.seed, devices, data=fingerprints(arg))


def warn(arg: argparse.Namespace, feeders: Mapping[str, Feeder], *more: str | None) -> None:
    """Print warnings of what a user should know of the clips before a run, after `more` of them (None for none)."""
    changed = files.changed(arg, fingerprints(arg)) if arg.phase == 'test' else ''
    clips = far_longer_clips(feeders['test']) if arg.phase == 'predict' else unusual_scale(feeders)
    for warning in filter(None, (*more, unseen_classes(feeders), changed, clips, exports.missing_clips(arg))):
        print(f'warning: {warning}', file=sys.stderr)


def unseen_classes(feeders: Mapping[str, Feeder]) -> str:
    """Return a warning that test clips are of classes that no training clip has; '' if there are none."""
    if 'train' not in feeders or 'test' not in feeders:
        return ''
    unseen = sorted(set(feeders['test'].label.tolist()) - set(feeders['train'].label.tolist()))
    classes = counted(len(unseen), 'class', 'classes')
    return f'no training clip is of {classes} of the test clips: {first_few(unseen)}' if unseen else ''


def unusual_scale(feeders: Mapping[str, Feeder]) -> str:
    """Return a warning that training clips, which their feeder does not normalise, look like pixels; else ''."""
    train = feeders.get('train')
    return scale_warning(train.store) if isinstance(train, StoreFeeder) and not train.normalises else ''


def far_longer_clips(feeder: Feeder) -> str:
    """Return a warning that clips are far longer than the window to which they are resampled; '' if none is."""
    if not isinstance(feeder, StoreFeeder) or not hasattr(feeder, 'window_size'):
        return ''
    most = FAR_LONGER * feeder.window_size
    long = [f'{feeder.name[i]} ({feeder.store.length[i]})' for i in np.flatnonzero(feeder.store.length > most)]
    if not long:
        return ''
    return (
        f'{counted(len(long), "clip has", "clips have")} more than {most} frames: {first_few(long)}; each is seen '
        f'as one sample of {feeder.window_size} frames, so cut long recordings into clips of one action each'
    )


def describe(feeders: Mapping[str, Feeder]) -> list[str]:
    """Return two lines for the log: the clips of each part, and the features of the training clips."""
    train = feeders['train']
    clips = ', '.join(f'{len(feeder.name)} {part}' for part, feeder in feeders.items())
    features = [f'{kind} ({width} wide; {train.feature_origin[kind]})' for kind, width in train.feature_width.items()]
    none = 'none, so this trains the plain student'
    return [f'Clips: {clips}', f'Helper features: {", ".join(features) or none}']


def model_arguments(model_args: Mapping[str, Any], widths: Mapping[str, int]) -> tuple[dict[str, Any], str]:
    """Add video_dim and text_dim, as wide as the feeder's features, to the arguments of a model.

    A branch without features is left out: the model is then the plain student.

    Parameters
    ----------
    model_args : dict. As configured; a width there must agree.
    widths : {'video': D_v, 'text': D_t} of the features there are.

    Returns
    -------
    arguments : dict.
    where : str. Where they come from, for messages.
    """
    args = _without(model_args, ('video_dim', 'text_dim'))
    for kind, width in widths.items():
        stated = model_args.get(f'{kind}_dim')
        if stated not in (None, width):
            raise InputError(f'the {kind} features are {width} wide, but model_args has {kind}_dim {stated}')
        args[f'{kind}_dim'] = width
    return args, f'model_args, with the widths of {" and ".join(widths)} features,' if widths else 'model_args'


def _text_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key in TEXT_KEYS and value is not None}


def _without(arguments: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key not in keys}
