"""The command line of the fusion: the flags of MMCL, those of CTR-GCN, and those of this program."""

import os
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from Ensemble import fusion, labels
from Ensemble.known import STREAMS
from torchlight.command import Parser, count
from torchlight.errors import InputError
from torchlight.files import require_file

SCORE_FILE = 'epoch1_test_score.pkl'  # the scores of the best epoch in a work directory
CTRGCN_FLAGS = {'--joint-dir': 'J', '--bone-dir': 'B', '--joint-motion-dir': 'JM', '--bone-motion-dir': 'BM'}
WEIGHING = 'rates', 'alpha', 'search', 'search_on_test'


class StreamAction(Action):
    """Adds (stream, path) to `streams`, in the order of the command line; refuses a stream that is given twice."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None) -> None:
        """Add one pair, or a list of pairs."""
        for name, path in values if isinstance(values, list) else [values]:
            if name in (fusion.EQUAL, fusion.FUSED):
                raise InputError(
                    f'{option} names a stream {name!r}, which is reserved for the report; choose another name'
                )
            if name in namespace.streams:
                raise InputError(f'the stream {name} is given twice: {namespace.streams[name]} and {path}')
            namespace.streams = {**namespace.streams, name: path}


def get_parser() -> Parser:
    """Define the flags."""
    parser = Parser(prog='ensemble.py', description='Fuse the scores of several streams, clip by clip.')
    parser.set_defaults(streams={})
    add = parser.add
    add_stream = partial(add, action=StreamAction, default=SUPPRESS)
    for name, (title, config) in STREAMS.items():
        text = f'score pickle of the stream {name}: {title} ({config}.yaml)'
        add_stream(f'--{name}_Score', type=_file_of(name), metavar='FILE', help=text)
    text = 'score pickles of streams, each with one of these names or with a name of your choice'
    add_stream('--scores', type=_named_file, nargs='+', metavar='NAME=FILE', help=text)
    add('--benchmark', help=f'benchmark that the clips belong to: {", ".join(labels.NAMES)}')
    text = 'names of the clips, for pickles that number them: a text file with one name per line, or a val_label.pkl'
    add('--val_sample', metavar='FILE', help=text)
    text = 'labels of a custom benchmark: a table name,label from 0 (.csv), a skeleton store (.h5) or a val_label.pkl'
    add('--labels', metavar='FILE', help=text)
    text = 'weight of each stream: numbers in the order of the command line, or NAME=WEIGHT in any order'
    add('--rates', nargs='+', metavar='WEIGHT', help=text)
    text = 'how to bring all streams to one scale before they are summed (default: none)'
    add('--normalise', choices=fusion.NORMALISE, default='none', help=text)
    add('--search', action='store_true', help='find weights on one half of the clips and score the other half')
    text = 'find weights on the same clips that are scored, as publications do; the accuracy is then too high'
    add('--search-on-test', action='store_true', help=text)
    text = 'seed that draws the halves of --search and the bootstrap resamples (default: 0)'
    add('--seed', type=count, default=0, help=text)
    text = (
        'print intervals of the accuracies, by bootstrap over what the clip names number, such as subject, or over clip'
    )
    add('--interval-by', metavar='FIELD', help=text)
    add('--save', metavar='FILE', help='write the fused scores to this pickle, {clip name: scores}')
    text = 'write report.html and tables of classes, confusions, and clips that fusion helps or hurts to this folder'
    add('--report', metavar='DIR', help=text)
    text = f"CTR-GCN's name of the benchmark, instead of --benchmark: {', '.join(labels.CTRGCN_NAMES)}, NW-UCLA"
    add('--dataset', '--datasets', help=text)
    text = "CTR-GCN's flag: weight of the bone stream when only joint (whose weight is 1) and bone are given"
    add('--alpha', type=float, help=text)
    for flag, name in CTRGCN_FLAGS.items():
        text = f"CTR-GCN's flag: work directory of the stream {name}, which contains {SCORE_FILE}"
        add_stream(flag, type=_file_of(name, SCORE_FILE), metavar='DIR', help=text)
    return parser


def parse(argv: Sequence[str] | None = None) -> Namespace:
    """Parse the command line.

    Returns
    -------
    Namespace. `streams` is {stream: path}, `benchmark` one of labels.NAMES, `rates` a fusion.Rates or None.

    Raises
    ------
    InputError
        If flags are unknown or do not fit together, or files are missing.
    """
    args = get_parser().parse_args(argv)
    args.benchmark = _one_benchmark(args)
    if len(args.streams) < 2:
        raise InputError(
            'fusion needs at least two streams, such as --J_Score FILE --B_Score FILE; '
            f'{" ".join(args.streams) or "none"} is given'
        )
    if args.benchmark == labels.CUSTOM and args.labels is None:
        raise InputError('--benchmark custom needs --labels')
    if args.benchmark != labels.CUSTOM and args.labels is not None:
        raise InputError(f'--labels is for --benchmark custom; the labels of {args.benchmark} follow from the names')
    if args.interval_by:
        labels.require_numbered(args.interval_by, args.benchmark)
    weighing = ['--' + flag.replace('_', '-') for flag in WEIGHING if getattr(args, flag) not in (None, False)]
    if len(weighing) > 1:
        raise InputError(f'{" and ".join(weighing)} exclude each other; give one')
    if args.rates:
        args.rates = fusion.given_rates(args.rates, list(args.streams), '--rates')
    elif args.alpha is not None and set(args.streams) == {'J', 'B'}:
        args.rates = fusion.given_rates(['J=1', f'B={args.alpha}'], ['J', 'B'], '--alpha')
    _check_paths(args)
    return args


def _file_of(name: str, *inside: str) -> Callable[[str], tuple[str, str]]:
    """Flag type: a path, or a folder that contains the file `inside` → (stream, path)."""
    return lambda text: (name, os.path.join(text, *inside))


def _named_file(text: str) -> tuple[str, str]:
    """Flag type: NAME=FILE → (stream, path)."""
    name, _, path = text.partition('=')
    if not (name.strip() and path):
        raise ArgumentTypeError(f'{text!r} is not NAME=FILE')
    return name.strip(), path


def _one_benchmark(args: Namespace) -> str:
    named = {labels.benchmark_named(text) for text in (args.benchmark, args.dataset) if text is not None}
    if not named:
        raise InputError(f'--benchmark is missing; give one of {", ".join(labels.NAMES)}')
    if len(named) > 1:
        raise InputError(f'--benchmark is {args.benchmark} and --dataset is {args.dataset}; give one')
    return named.pop()


def _check_paths(args: Namespace) -> None:
    """Raise InputError unless the files to read are there and those to write are others."""
    taken = [require_file(path).resolve() for path in (*args.streams.values(), args.val_sample, args.labels) if path]
    if args.save and (Path(args.save).is_dir() or Path(args.save).resolve() in taken):
        raise InputError(f'--save {args.save} is a folder or one of the files to read; give another name')
    if args.report and Path(args.report).exists() and not Path(args.report).is_dir():
        raise InputError(f'--report {args.report} is a file; give a folder')
