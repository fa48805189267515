"""What a weights file says of itself, so that it can be used alone: its model, its preprocessing and its classes.

{"format": 1, "config": "<YAML>", "dataset": "ntu60", "classes": ["drink water", …], "normalised": false, "confidence":
false}; the last two are those of the skeleton store. Weights that --phase export has written also say how they were
trained, by run.json: "training": {"command": …, "seed": 1, "started": …, "commit": …, "torch": …, "top1": …, "clips":
430, "epoch": …}.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from feeders.datasets import DATASETS
from feeders.feeder import Feeder, StoreFeeder
from feeders.skeleton_store import FACTS
from feeders.transforms import STREAMS
from torchlight import config, record
from torchlight.checkpoint import without
from torchlight.command import Parser
from torchlight.errors import InputError
from torchlight.files import require_file
from torchlight.tensor_files import may_be_weights, read_description
from torchlight.yaml_file import read_yaml

WORDS = {'normalised': 'centred and scaled', 'confidence': 'keypoints with a confidence'}
TRAINING = {'started': str, 'seed': int, 'top1': float, 'clips': int}  # what the log says of it, and its types
CARRIED = 'model', 'model_args', 'feeder', 'test_feeder_args', 'stream'  # settings


def describe(arg: argparse.Namespace, feeder: Feeder) -> dict[str, Any]:
    """Return what weights that are trained with these settings on the clips of a feeder say of themselves."""
    text = config.dump_only(arg, CARRIED)
    return {'format': 1, 'config': text, 'dataset': feeder.dataset, 'classes': list(feeder.classes), **_facts(feeder)}


def of_weights(arg: argparse.Namespace, feeder: Feeder | None) -> dict[str, Any]:
    """Return what weights that are passed on say of themselves, with the training that made them if it is known.

    It is known of the best weights of a finished run, by the run.json beside them, and of weights that say it already.
    """
    path = Path(arg.weights)
    said = read_description(path) or (describe(arg, feeder) if feeder else {})
    run = record.read(path.parent)
    epoch = (run.get('result') or {}).get('epoch')
    if epoch is None or not re.fullmatch(rf'best\.pt|.*-{epoch}-\d+\.pt', path.name):
        return said
    session = run['sessions'][0] if run['sessions'] else {}
    git, libraries = session.get('git') or {}, session.get('libraries') or {}
    known = {
        **{key: session.get(key) for key in ('command', 'seed', 'started')},
        'commit': git.get('commit'),
        'torch': libraries.get('torch'),
        **run['result'],
    }
    return {**said, 'training': {key: value for key, value in known.items() if value is not None}}


def weights_line(weights: str, left_out: Sequence[str]) -> str:
    """Return the line of the log about a file of weights.

    Parameters
    ----------
    weights : str. The file.
    left_out : names of its weights that were not needed.
    """
    made = read_description(weights).get('training')
    line = f'Weights: {weights}{without(left_out)}'
    values = [made.get(key) for key in TRAINING] if isinstance(made, dict) else []
    if [type(value) for value in values] == list(TRAINING.values()) and values[0].isprintable():
        started, seed, top1, clips = values
        line += f', trained on {started[:10]} with seed {seed}: top-1 {100 * top1:.2f} % of {clips} test clips'
    return line


def carried_settings(words: argparse.Namespace) -> tuple[str, str] | None:
    """Return the text of the settings in --weights, and the path of that file, for `torchlight.config.parse`.

    None to train, as the weights to begin with may be of another model, and if there are none.

    Raises
    ------
    InputError
        If the weights carry no settings.
    """
    if words.phase == 'train' or not words.weights:
        return None
    path = words.weights[0]
    if not may_be_weights(require_file(path)):
        raise InputError(f'{path} is not a weights file')
    text = read_description(path).get('config')
    if not isinstance(text, str):
        raise InputError(f'{path} carries no settings; give the YAML file of its training with --config')
    return text, path


def settings_of_each(
    get_parser: Callable[[], Parser], argv: Sequence[str] | None, folder: Path
) -> list[argparse.Namespace]:
    """Parse a command line; several --weights give the settings of each, and `weights` is a single file everywhere.

    Parameters
    ----------
    get_parser : function. Returns a parser of the flags.
    argv : list of str or None. The command line; None for the process's.
    folder : path. Where configs are, see torchlight.config.parse.

    Raises
    ------
    InputError
        If there are several weights in another phase than predict, the same twice, beside flags that would make them
        the same stream, or of different data sets.
    """
    argv = sys.argv[1:] if argv is None else argv

    def parse(words: Sequence[str]) -> argparse.Namespace:
        return config.parse(get_parser(), words, folder, carried_settings, CARRIED)

    settings = parse(argv)
    files = settings.weights or [None]
    if len(files) > 1:
        if settings.phase != 'predict':
            raise InputError(f'--phase {settings.phase} takes one file of --weights; only predict fuses several')
        words = get_parser().parse_args(argv, argparse.Namespace(config=None, stream=None))
        given = [f'--{key}' for key in ('config', 'stream') if getattr(words, key)]
        given += [f'{key} of --test-feeder-args' for key in ('bone', 'vel') if key in words.test_feeder_args]
        if given:
            raise InputError(f'several --weights are fused by the settings that each carries; leave out {given[0]}')
        if len({Path(file).resolve() for file in files}) < len(files):
            raise InputError('--weights has the same file twice, which would count twice')
        _require_one_data_set(files)
    every = [settings] + [parse([*argv, '--weights', file]) for file in files[1:]]
    for each, file in zip(every, files):
        each.weights = file
    return every


def _require_one_data_set(files: Sequence[str]) -> None:
    """Raise InputError if weights were trained on different data sets, or for different classes."""
    every = {file: read_description(require_file(file)) for file in files}
    first = every[files[0]]
    for file, other in every.items():
        if other.get('dataset') != first.get('dataset'):
            data = [each.get('dataset') or 'unknown data' for each in (first, other)]
            both = f'{files[0]} was trained on {data[0]}, but {file} on {data[1]}'
            raise InputError(f'{both}; fuse streams of one data set')
        if other.get('classes') != first.get('classes'):
            raise InputError(f'{files[0]} and {file} have different classes; fuse streams of one data set')


def class_names(arg: argparse.Namespace, feeder: Feeder | None, num_class: int) -> list[str]:
    """Return the names of the classes by label: those that --weights carry, except to train.

    If they carry none, the classes have the names of the clips, if a data set has just these; otherwise the list is
    empty.
    """
    names = read_description(arg.weights).get('classes') if arg.weights and arg.phase != 'train' else None
    if names and isinstance(names, list):
        return [name if isinstance(name, str) and name.isprintable() else '' for name in names]
    every = list(feeder.classes) if feeder else []
    names = every[:num_class]
    known = len(every) == num_class or any(names == list(row.classes) for row in DATASETS.values())
    return names if known else []


def facts_of_training(weights: str) -> tuple[bool, ...]:
    """Return the FACTS of the store that weights were trained on."""
    said = read_description(weights)
    return tuple(said.get(key) is True for key in FACTS)


def compare(arg: argparse.Namespace, feeder: Feeder | None) -> str:
    """Compare the clips to score, and the stream, with those that weights were trained on.

    Parameters
    ----------
    arg : Namespace. All settings.
    feeder : Feeder or None. Of the clips to score.

    Returns
    -------
    str. A warning that clips are prepared otherwise or that the stream is another one; '' if all is as it was.

    Raises
    ------
    InputError
        If the clips to test number their classes otherwise.
    """
    said = read_description(arg.weights) if feeder and arg.phase in ('test', 'predict') else {}
    if not isinstance(said.get('config'), str):
        return ''
    if arg.phase == 'test' and not arg.test_feeder_args.get('label_map'):
        _require_same_classes(said.get('classes'), feeder, arg.weights)
    here, then = _facts(feeder), dict(zip(FACTS, facts_of_training(arg.weights)))
    wrong = [f'are {"" if then[key] else "not "}{WORDS[key]}' for key in FACTS if here[key] != then[key]]
    trained, now = _stream(read_yaml(said['config'], arg.weights)), _stream(vars(arg))
    found = []
    if wrong:
        found.append(
            f'the clips that {arg.weights} was trained on {" and ".join(wrong)}, unlike those to score; make the store '
            'of these with the same flags of feeders.prepare'
        )
    if trained != now:
        found.append(f'{arg.weights} was trained on the stream {trained}, but scores the stream {now}')
    return '; '.join(found)


def _require_same_classes(classes: Any, feeder: Feeder, weights: str) -> None:
    names = classes if isinstance(classes, list) else []
    for label, (theirs, ours) in enumerate(zip(names, feeder.classes)):
        if theirs and ours and theirs != ours:
            raise InputError(
                f'class {label} is {theirs!r} for {weights}, but {ours!r} for the clips to test; number the classes '
                'alike, with --classes of feeders.prepare custom, or map them with label_map'
            )


def _stream(settings: Mapping[str, Any]) -> str:
    """Return the name of the stream that settings say, `joint` and so on."""
    feeder_args = {**(settings.get('test_feeder_args') or {}), **STREAMS.get(settings.get('stream'), {})}
    flags = {key: bool(feeder_args.get(key)) for key in ('bone', 'vel')}
    return next(name for name, values in STREAMS.items() if values == flags)


def _facts(feeder: Feeder) -> dict[str, bool]:
    return {key: isinstance(feeder, StoreFeeder) and getattr(feeder.store, key) for key in FACTS}
