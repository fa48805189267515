"""Fuse the scores of several streams, clip by clip: Σ weight · scores, then the highest class.

    cd Ensemble; python ensemble.py --J_Score ./Score/NTU120_XSub_J.pkl --B_Score … --JM_Score … --BM_Score …
        --HDJ_Score … --HDB_Score … --val_sample ./Val_Sample/NTU120_XSub_Val.txt --benchmark NTU120XSub
    python Ensemble/ensemble.py --scores J=j.pkl B=b.pkl --rates 0.6 0.4 --benchmark NW-UCLA
    python Ensemble/ensemble.py --dataset ntu120/xsub --joint-dir work_dir/joint --bone-dir work_dir/bone

Legend: S streams, N clips.
"""

import os
import sys
from pathlib import Path

if __name__ == '__main__' and not __package__:
    # Run as a file, Python looks for modules next to it, not in the repository's root. So the same process starts again
    # as a module, which is found through PYTHONPATH from any folder: the working folder stays the user's, and so do
    # relative paths, exit status and signals. PYTHONSAFEPATH keeps out modules that happen to be in that folder.
    root = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get('PYTHONPATH')]))
    environment = {**os.environ, 'PYTHONPATH': paths, 'PYTHONSAFEPATH': '1'}
    os.execve(sys.executable, [sys.executable, '-m', 'Ensemble.ensemble', *sys.argv[1:]], environment)

from argparse import Namespace
from collections.abc import Sequence

import numpy as np

from Ensemble import fusion, labels, page, report, search
from Ensemble.arguments import parse
from Ensemble.fusion import EQUAL, FUSED, Rates, Verdict
from Ensemble.streams import Streams, copies, read_streams
from torchlight.command import run_command
from torchlight.pickles import write_scores


def run(argv: Sequence[str] | None = None) -> None:
    """Read the streams, choose weights, fuse, and print and write the results."""
    args = parse(argv)
    streams = read_streams(args.streams, labels.read_sample(args.val_sample) if args.val_sample else None)
    num_class = streams.scores.shape[2]
    label = labels.labels_of(args.benchmark, streams.clip, num_class, args.labels)
    for pair in copies(streams):
        print(f'warning: the streams {" and ".join(pair)} have the same scores', file=sys.stderr)
    fusion.normalise(streams.scores, args.normalise)
    print(f'{args.benchmark}: {len(label)} clips, {num_class} classes')
    for remark in labels.remarks(args.benchmark, streams.clip):
        print(f'note: {remark}')
    rates, scored = choose_rates(args, streams, label)
    print(f'weights: {rates.source}')
    fused = fusion.fuse(streams.scores, rates.of(streams.name))
    clips, label = [streams.clip[i] for i in np.flatnonzero(scored)], label[scored]
    verdicts = judge_all(streams, fused, label, scored)
    twins = labels.twins_among(args.benchmark, clips)
    certainty = None
    if args.interval_by:
        group = labels.groups_by(args.interval_by, args.benchmark, clips)
        certainty = report.certainty_of(verdicts, args.interval_by, group, args.seed)
    print(*report.table(verdicts, {**rates.rate, EQUAL: 1}, twins, certainty), sep='\n')
    correct = verdicts[FUSED].correct
    print(f'wrong_num: {(~correct).sum()}\ntotal_num: {len(correct)}\nacc: {correct.mean()}')
    if args.report:
        names = labels.class_names(args.benchmark, num_class, args.labels)
        print(*report.write_report(args.report, clips, label, verdicts, names), sep='\n')
        page.write(args.report, args, rates, clips, label, fused[scored], verdicts, names, twins, certainty)
    if args.save:
        write_scores(args.save, streams.clip, fused)
        print(f'fused scores: {args.save}')


def choose_rates(args: Namespace, streams: Streams, label: np.ndarray) -> tuple[Rates, np.ndarray]:
    """Choose the weights: searched, given, published for these streams, or equal.

    Returns
    -------
    rates : Rates.
    scored : (N,) bool. The clips that may be scored with them.
    """
    if args.search:
        return search_half(args, streams, label)
    if args.search_on_test:
        rates = Rates(find_named_rates(streams, label), f'searched on all {len(label)} clips')
        print(
            '--search-on-test: the weights were fitted to the labels of the same clips that are scored below, so the '
            'accuracy is too high to be expected on other clips; --search gives a fair estimate'
        )
    elif args.rates:
        rates = args.rates
    else:
        if args.alpha is not None:
            print('note: --alpha is ignored; it is the weight of the bone stream when only joint and bone are given')
        normalised = f', normalised by {args.normalise}' if args.normalise != 'none' else ''
        rates = fusion.published_rates(args.benchmark, streams.name, args.normalise) or fusion.equal_rates(
            streams.name, f'equal; none are published for these streams of {args.benchmark}{normalised}'
        )
    return rates, np.ones(len(label), bool)


def search_half(args: Namespace, streams: Streams, label: np.ndarray) -> tuple[Rates, np.ndarray]:
    """Find weights on half of the clips; return them and the mask (N,) of the others; print how sure they are."""
    group = search.groups_of(streams.clip)
    chosen = search.half_of(label, group, args.seed)
    scored = ~chosen
    rate = find_named_rates(streams.select(chosen), label[chosen])
    source = f'searched on {chosen.sum()} clips (seed {args.seed}); the other {scored.sum()} are scored below'
    ways = {'searched': Rates(rate, source), 'equal': fusion.equal_rates(streams.name)}
    if published := fusion.published_rates(args.benchmark, streams.name, args.normalise):
        ways['published'] = published
    others, correct = streams.select(scored).scores, {}
    for way, rates in ways.items():
        correct[way] = fusion.fuse(others, rates.of(streams.name)).argmax(1) == label[scored]
    print(*search.compare(correct, group[scored], args.seed), sep='\n')
    return ways['searched'], scored


def find_named_rates(streams: Streams, label: np.ndarray) -> dict[str, float]:
    """Find {stream: weight}; print it as the flag that gives these weights."""
    rate = dict(zip(streams.name, search.find_rates(streams.scores, label).tolist()))
    print(f'--rates {" ".join(f"{name}={weight:g}" for name, weight in rate.items())}')
    return rate


def judge_all(streams: Streams, fused: np.ndarray, label: np.ndarray, scored: np.ndarray) -> dict[str, Verdict]:
    """Judge the scored clips by each stream, by the sum with equal weights, and by the fused scores.

    Parameters
    ----------
    streams : Streams of N clips.
    fused : (N, num_class).
    label : int, one per scored clip.
    scored : (N,) bool.
    """
    equal = fusion.fuse(streams.scores, np.ones(len(streams.name)))
    ways = {**dict(zip(streams.name, streams.scores)), EQUAL: equal, FUSED: fused}
    return {name: fusion.judge(scores[scored], label) for name, scores in ways.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(run, argv)


if __name__ == '__main__':
    sys.exit(main())
