"""Fuse the scores of several streams, clip by clip: Σ weight · scores, then the highest class.

    cd Ensemble; python ensemble.py --J_Score ./Score/NTU120_XSub_J.pkl --B_Score … --JM_Score … --BM_Score …
        --HDJ_Score … --HDB_Score … --val_sample ./Val_Sample/NTU120_XSub_Val.txt --benchmark NTU120XSub
    python Ensemble/ensemble.py --scores J=j.pkl B=b.pkl --rates 0.6 0.4 --benchmark NW-UCLA
    python Ensemble/ensemble.py --dataset ntu120/xsub --joint-dir work_dir/joint --bone-dir work_dir/bone

Legend: S streams, N clips, K classes.
"""

import os
import sys
from pathlib import Path

if __name__ == '__main__' and not __package__:
    # Run as a file, Python looks for modules beside it, not in the repository's root. So the same process starts
    # over as the module, which is found through PYTHONPATH from any folder: the working folder stays the user's, and
    # so do relative paths, exit status and signals. PYTHONSAFEPATH keeps out modules that happen to lie in that folder.
    root = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get('PYTHONPATH')]))
    os.execve(
        sys.executable,
        [sys.executable, '-m', 'Ensemble.ensemble', *sys.argv[1:]],
        {**os.environ, 'PYTHONPATH': paths, 'PYTHONSAFEPATH': '1'},
    )

import argparse

import numpy as np

from Ensemble import benchmarks, fusion, report
from Ensemble.streams import ORDER, copies, read_streams
from feeders.stores import require_file
from torchlight.config import Parser
from torchlight.errors import InputError
from torchlight.imports import nearest
from torchlight.scores import write_scores

SCORE_FILE = 'epoch1_test_score.pkl'  # where a work directory keeps the scores of its best epoch
FUSED, EQUAL = 'fused', 'equal weights'  # the names of sums beside those of streams
CTRGCN_FLAGS = {'--joint-dir': 'J', '--bone-dir': 'B', '--joint-motion-dir': 'JM', '--bone-motion-dir': 'BM'}


class StreamAction(argparse.Action):
    """Collects (stream, path) in the order of the command line; refuses a stream given twice."""

    def __call__(self, parser, namespace, values, option_string=None):
        for text in values if isinstance(values, list) else [values]:
            name, path = self.stream_of(text, option_string)
            if name in (FUSED, EQUAL):
                raise InputError(f'{option_string} names a stream {name!r}, which the report needs for itself')
            if name in namespace.streams:
                raise InputError(f'the stream {name} is given twice: {namespace.streams[name]} and {path}')
            namespace.streams = {**namespace.streams, name: path}

    def stream_of(self, text, option):
        if self.const is None:
            name, equals, path = text.partition('=')
            if not (name.strip() and equals and path):
                raise InputError(f'{option} has {text!r}, not NAME=FILE')
            return name.strip(), path
        return self.const, str(Path(text) / SCORE_FILE) if option.endswith('dir') else text


def get_parser():
    """The flags: MMCL's, CTR-GCN's, and those of this program."""
    parser = Parser(prog='ensemble.py', description='Fuse the scores of several streams, clip by clip.')
    parser.set_defaults(streams={})
    for name in ORDER:
        parser.add(
            f'--{name}_Score',
            action=StreamAction,
            const=name,
            default=argparse.SUPPRESS,
            metavar='FILE',
            help=f'score pickle of the stream {name}',
        )
    parser.add(
        '--scores',
        action=StreamAction,
        nargs='+',
        default=argparse.SUPPRESS,
        metavar='NAME=FILE',
        help='score pickles of streams by any name',
    )
    parser.add('--benchmark', help=', '.join([*benchmarks.BENCHMARKS, benchmarks.CUSTOM]))
    parser.add(
        '--val_sample',
        metavar='FILE',
        help="the clips' names, in the order in which scores may count them: a list, one a line, or a val_label.pkl",
    )
    parser.add(
        '--labels',
        metavar='FILE',
        help='for custom: a table name,label from 0 (.csv), a skeleton store (.h5) or a val_label.pkl',
    )
    parser.add(
        '--rates',
        nargs='+',
        metavar='WEIGHT',
        help='a weight for each stream, in the order of the command line, or NAME=WEIGHT',
    )
    parser.add('--normalise', choices=fusion.NORMALISE, default='none', help='bring the streams to one scale first')
    parser.add('--search', action='store_true', help='find weights on half of the clips, score the other half')
    parser.add(
        '--search-on-test',
        action='store_true',
        help='find weights on the very clips that are scored: no accuracy to report, but the field does it',
    )
    parser.add('--seed', type=int, default=0, help='of the halves and of the resampling (default: 0)')
    parser.add('--save', metavar='FILE', help='write the fused scores, {clip name: scores}')
    parser.add(
        '--report',
        metavar='DIR',
        help='write accuracies by class, the confusion matrix, and what fusing helps and hurts',
    )
    parser.add(
        '--dataset', '--datasets', help=f"CTR-GCN's for --benchmark: {', '.join(benchmarks.CTRGCN_NAMES)}, NW-UCLA"
    )
    parser.add('--alpha', type=float, help="CTR-GCN's: weight of bone beside joint, where there is no other stream")
    for flag, name in CTRGCN_FLAGS.items():
        parser.add(
            flag,
            action=StreamAction,
            const=name,
            default=argparse.SUPPRESS,
            metavar='DIR',
            help=f"CTR-GCN's: work directory of the stream {name}, with {SCORE_FILE} in it",
        )
    return parser


def parse(argv=None):
    """The command line → Namespace, `benchmark` by its own name; raises InputError for what does not fit together."""
    parser = get_parser()
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        flags = [flag for action in parser.settings().values() for flag in action.option_strings]
        raise InputError(f'unknown argument {unknown[0]!r}{nearest(unknown[0], flags, list_all=False)} (see --help)')
    named = {benchmarks.benchmark_named(text) for text in (args.benchmark, args.dataset) if text is not None}
    if len(named) != 1:
        known = ', '.join([*benchmarks.BENCHMARKS, benchmarks.CUSTOM])
        raise InputError(
            f'--benchmark is {args.benchmark} and --dataset is {args.dataset}; give one'
            if named
            else f'--benchmark is missing: one of {known}'
        )
    args.benchmark = named.pop()
    if len(args.streams) < 2:
        raise InputError(
            f'{len(args.streams)} streams are given; fusing takes two or more, such as --J_Score FILE --B_Score FILE'
        )
    if (args.benchmark == benchmarks.CUSTOM) != (args.labels is not None):
        raise InputError(
            '--benchmark custom needs --labels'
            if args.labels is None
            else f'--labels is for --benchmark custom; the labels of {args.benchmark} follow from the names'
        )
    weighing = [
        flag for flag in ('rates', 'alpha', 'search', 'search_on_test') if getattr(args, flag) not in (None, False)
    ]
    if len(weighing) > 1:
        raise InputError(f'{" and ".join("--" + flag.replace("_", "-") for flag in weighing)} exclude each other')
    if args.seed < 0:
        raise InputError(f'--seed is {args.seed}; expected 0 or more')
    if args.rates:
        args.rates = fusion.given_rates(args.rates, list(args.streams), '--rates')
    elif args.alpha is not None and set(args.streams) == {'J', 'B'}:
        args.rates = fusion.given_rates(['J=1', f'B={args.alpha}'], ['J', 'B'], '--alpha')
    _check_paths(args)
    return args


def _check_paths(args):
    inputs = list(filter(None, [*args.streams.values(), args.val_sample, args.labels]))
    for path in inputs:
        require_file(path)
    taken = [Path(path).resolve() for path in inputs]
    if args.save and (Path(args.save).is_dir() or Path(args.save).resolve() in taken):
        raise InputError(f'--save {args.save} is a folder or one of the files to read; give another name')
    if args.report and Path(args.report).exists() and not Path(args.report).is_dir():
        raise InputError(f'--report {args.report} is a file; give a folder')


def run(args):
    """Read, weigh, fuse, report."""
    streams = read_streams(args.streams, benchmarks.read_sample(args.val_sample) if args.val_sample else None)
    classes = streams.scores.shape[2]
    label = benchmarks.labels_of(args.benchmark, streams.clip, classes, args.labels)
    for pair in copies(streams):
        print(f'warning: the streams {" and ".join(pair)} hold the same scores', file=sys.stderr)
    fusion.normalise(streams.scores, args.normalise)
    print(f'{args.benchmark}: {len(label)} clips, {classes} classes')
    for remark in benchmarks.remarks(args.benchmark, streams.clip):
        print(f'note: {remark}')
    if args.search or args.search_on_test:
        rates, scored = search_rates(args, streams, label)
    else:
        rates, scored = choose_rates(args, streams.name), np.ones(len(label), bool)
    print(f'weights: {rates.source}')
    fused = fusion.fuse(streams.scores, [rates.rate[name] for name in streams.name])
    verdicts = judge_all(streams, label, fused, scored)
    print_result(args, streams, verdicts, rates, scored)
    if args.report:
        clips = [streams.clip[i] for i in np.flatnonzero(scored)]
        for line in report.write_report(
            args.report,
            benchmarks.dataset_of(args.benchmark),
            clips,
            label[scored],
            verdicts,
            FUSED,
            streams.name,
            classes,
        ):
            print(line)
    if args.save:
        write_scores(args.save, streams.clip, fused)
        print(f'fused scores: {args.save}')


def choose_rates(args, names):
    """The weights without a search: those given, else those published for these streams, else equal ones."""
    if args.rates:
        return args.rates
    if args.alpha is not None:
        print('note: --alpha weighs bone beside joint where there is no other stream; here it changes nothing')
    return fusion.published_rates(args.benchmark, names, args.normalise) or fusion.equal_rates(
        names,
        f'equal; none are published for these streams of {args.benchmark}'
        + (f', normalised by {args.normalise}' if args.normalise != 'none' else ''),
    )


def search_rates(args, streams, label):
    """Weights by search, and the mask (N,) of the clips that may be scored with them; prints how sure they are."""
    from Ensemble import search  # only here: scipy's optimisers take their time to import

    if args.search_on_test:
        rates = _found(streams, search.find_rates(streams.scores, label))
        print(
            '--search-on-test: the weights were fitted to the labels of the very clips scored below, so that '
            'accuracy is too high to expect on others; --search tells what to expect'
        )
        return fusion.Rates(rates, f'searched on all {len(label)} clips'), np.ones(len(label), bool)
    group = search.groups_of(streams.clip)
    chosen = search.half_of(label, group, args.seed)
    scored = ~chosen
    rates = _found(streams, search.find_rates(streams.scores[:, chosen], label[chosen]))
    ways = {
        'searched': fusion.Rates(rates, ''),
        'equal': fusion.equal_rates(streams.name),
        'published': fusion.published_rates(args.benchmark, streams.name, args.normalise),
    }
    correct = {}
    for way, weights in ways.items():
        if weights:
            fused = fusion.fuse(streams.scores[:, scored], [weights.rate[name] for name in streams.name])
            correct[way] = fused.argmax(1) == label[scored]
    for line in search.compare(correct, group[scored], args.seed):
        print(line)
    return fusion.Rates(
        rates, f'searched on {chosen.sum()} clips (seed {args.seed}); the other {scored.sum()} are scored below'
    ), scored


def _found(streams, rates):
    """{stream: weight} of a search; prints it as the flag that gives it again."""
    rates = dict(zip(streams.name, rates.tolist()))
    print(f'--rates {" ".join(f"{name}={rate:g}" for name, rate in rates.items())}')
    return rates


def judge_all(streams, label, fused, scored):
    """{name: Verdict} on the scored clips: each stream, equal weights, fused."""
    verdicts = {name: fusion.judge(scores, label) for name, scores in zip(streams.name, streams.scores)}
    verdicts[EQUAL] = fusion.judge(fusion.fuse(streams.scores, np.ones(len(streams.name))), label)
    verdicts[FUSED] = fusion.judge(fused, label)
    return {name: verdict.on(scored) for name, verdict in verdicts.items()}


def print_result(args, streams, verdicts, rates, scored):
    """The table, then wrong_num, total_num and acc of the fused scores."""
    twins = None
    if args.benchmark == 'NW-UCLA':
        known = benchmarks.read_twins()
        twins = np.array([clip in known for clip in streams.clip])[scored]
    for line in report.table(verdicts, {**rates.rate, EQUAL: 1}, twins):
        print(line)
    correct = verdicts[FUSED].correct
    print(f'wrong_num: {(~correct).sum()}\ntotal_num: {len(correct)}\nacc: {correct.mean()}')


def main(argv=None):
    """Run the command line; returns the exit status: 0, 2 for a mistake the user can mend, 130 when interrupted."""
    try:
        run(parse(argv))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (InputError, OSError) as error:  # OSError: no room on the disk, no permission
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
