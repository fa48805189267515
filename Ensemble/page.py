"""report.html of a fusion: streams, weights, gains, and the clips that are still wrong.

Legend: N clips. A verdict is what one way of weighing, a stream or a sum of streams, makes of the N clips.
"""

import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from Ensemble.fusion import EQUAL, FUSED, Rates, Verdict
from Ensemble.known import title_of
from Ensemble.report import Certainty, best_stream
from feeders import drawn_clips
from feeders.fingerprints import fingerprint
from feeders.published import published
from feeders.skeleton_store import open_skeletons
from torchlight.class_names import class_title
from torchlight.intervals import LEVEL, RESAMPLES, mcnemar, only_one, paired_difference, wilson
from torchlight.metrics import class_accuracy, confusion
from torchlight.record import describe_session
from torchlight.report.classes import pairs_table, worst_classes
from torchlight.report.clips import Skeletons, wrong_clips
from torchlight.report.page import Table, percent, percents, picture, points, points_range, write_or_warn
from torchlight.report.published import beside_published
from torchlight.report.run import environment_of

MOST_CHANGED = 100  # clips in the table of those that fusion helps or hurts
SECTIONS = {
    'streams': 'Streams and weights',
    'published': 'Comparison with published results',
    'classes': 'Classes',
    'changed': 'Clips that fusion helps or hurts',
    'clips': 'Misclassified clips',
    'run': 'What was run',
    'environment': 'Environment',
}


def write(
    folder: str | Path,
    args: Namespace,
    rates: Rates,
    clips: Sequence[str],
    label: np.ndarray,
    fused: np.ndarray,
    verdicts: Mapping[str, Verdict],
    classes: Sequence[str],
    twins: np.ndarray | None,
    certainty: Certainty | None = None,
) -> bool:
    """Write report.html; return whether that was possible.

    Parameters
    ----------
    folder : path. It has the other files of --report already; the picture among them is put inside.
    args : Namespace. The command line.
    rates : Rates. The weights.
    clips : N str. Names.
    label : (N,) int.
    fused : (N, num_class). Weighted sums of scores.
    verdicts : {name: Verdict}. The streams, EQUAL and FUSED.
    classes : num_class str. Names, '' if unknown.
    twins : (N,) bool or None. Clips that are copies of training clips; None if none are known.
    certainty : Certainty or None. Adds intervals by bootstrap over groups of clips (default None).
    """
    folder, streams = Path(folder), [name for name in verdicts if name not in (EQUAL, FUSED)]
    best = best_stream(verdicts)
    matrices = {name: confusion(verdicts[name].predicted, label, len(classes)) for name in (best, FUSED)}
    right, total = int(verdicts[FUSED].correct.sum()), len(label)
    top2 = np.partition(fused, -2, axis=1)[:, -2:]  # (N, 2), the second highest score and the highest
    found = wrong_clips(
        clips, label, verdicts[FUSED].predicted, top2[:, 1] - top2[:, 0], classes, _skeletons(args.labels, clips)
    )
    session = _session(args)
    return write_or_warn(
        folder / 'report.html',
        'fusion.html',
        title=f'Fusion: {args.benchmark}, {", ".join(streams)}',
        written=time.strftime('%Y-%m-%d %H:%M'),
        sections={key: text for key, text in SECTIONS.items() if key != 'clips' or found['shown']},
        cards=_cards(verdicts, best),
        notes=_notes(args, twins, verdicts[FUSED]),
        source=rates.source,
        streams=_streams_table(verdicts, rates.rate, twins, certainty),
        gain_lines=[*_gain_lines(verdicts, best), *([certainty.line()] if certainty else [])],
        published=beside_published(published(args.benchmark, streams), right, total),
        gains=_gains(matrices, best, classes),
        worst=worst_classes(matrices[FUSED], classes),
        pairs=pairs_table(matrices[FUSED], classes),
        confusion=picture(folder / 'confusion_matrix.png'),
        **_changed(verdicts, streams, best, clips, label, classes),
        command=shlex.join(sys.argv),
        digests=Table('Files that were read', ['file', 'digest'], list(map(list, session['data'].items()))),
        environment=environment_of(session),
        **found,
    )


def _skeletons(path: str | None, clips: Sequence[str]) -> Skeletons | None:
    """Return the skeletons of the clips if the labels come from a store."""
    return drawn_clips.of_store(open_skeletons(path), clips) if path and Path(path).suffix == '.h5' else None


def _session(args: Namespace) -> dict[str, Any]:
    """Describe this start as run.json does, with a digest of each file that was read."""
    files = [str(path) for path in (*args.streams.values(), args.val_sample, args.labels) if path]
    return describe_session(args.seed, (), data={path: fingerprint(path) for path in files})


def _cards(verdicts: Mapping[str, Verdict], best: str) -> list[tuple[str, str, str]]:
    """Return what stands at the top of the page: name, value and note."""
    correct, total = verdicts[FUSED].correct, len(verdicts[FUSED].correct)
    gain, bounds = paired_difference(correct, verdicts[best].correct)
    interval = percents(wilson(int(correct.sum()), total))
    return [
        ('fused, top-1', percent(correct.mean()), f'{LEVEL} % interval {interval} (Wilson)'),
        ('fused, top-5', percent(verdicts[FUSED].in_top5.mean()), f'{total:,} clips'),
        (f'best stream, {best}', percent(verdicts[best].correct.mean()), 'top-1'),
        ('gain over it', f'{points(gain)} points', f'{LEVEL} % interval {points_range(bounds)} (bootstrap by clip)'),
    ]


def _notes(args: Namespace, twins: np.ndarray | None, fused: Verdict) -> list[str]:
    notes = []
    if args.search_on_test:
        notes.append('The weights were fitted to the labels of these clips, so that the accuracy is too high.')
    if args.search:
        notes.append('The weights were searched on half of the clips; everything here is of the other half.')
    if twins is not None and twins.any() and not twins.all():
        rest = percent(fused.correct[~twins].mean())
        notes.append(f'{twins.sum()} test clips are copies of training clips; the other {(~twins).sum()} reach {rest}.')
    return notes


def _streams_table(
    verdicts: Mapping[str, Verdict], rate: Mapping[str, float], twins: np.ndarray | None, certainty: Certainty | None
) -> Table:
    """Return the accuracies of each stream and of both sums."""
    without = twins is not None and not twins.all()
    rows = []
    for name, verdict in verdicts.items():
        weight = f'{rate[name]:.4g}' if name in rate else '1 each' if name == EQUAL else '–'
        row = [name, title_of(name), weight, percent(verdict.correct.mean()), percent(verdict.in_top5.mean())]
        row += [percents(certainty.interval[name])] if certainty else []
        rows.append([*row, percent(verdict.correct[~twins].mean())] if without else row)
    heads = ['scores', 'network, input', 'weight', 'top-1', 'top-5']
    heads += ([f'{LEVEL} % interval by {certainty.by}'] if certainty else []) + ['top-1 without copies'] * without
    return Table('Accuracies', heads, rows)


def _gain_lines(verdicts: Mapping[str, Verdict], best: str) -> list[str]:
    """Return sentences that compare the fused scores with the best stream and with equal weights."""
    lines = []
    for other, title in ((best, f'the best stream, {best}'), (EQUAL, 'equal weights')):
        gain, bounds = paired_difference(verdicts[FUSED].correct, verdicts[other].correct)
        helped, hurt = only_one(verdicts[FUSED].correct, verdicts[other].correct)
        lines.append(
            f'Against {title}: {points(gain)} percentage points, {LEVEL} % interval {points_range(bounds)} (bootstrap, '
            f'{RESAMPLES:,} resamples of the clips); {helped} clips helped, {hurt} hurt, p = '
            f'{mcnemar(helped, hurt):.2g} by McNemar’s exact test.'
        )
    return lines


def _gains(matrices: Mapping[str, np.ndarray], best: str, classes: Sequence[str]) -> Table:
    """Return the accuracy of each class that has clips, the highest gain first."""
    accuracy, count = {name: class_accuracy(matrix) for name, matrix in matrices.items()}, matrices[FUSED].sum(1)
    gain = accuracy[FUSED] - accuracy[best]
    rows = [
        [
            class_title(k, classes),
            int(count[k]),
            percent(accuracy[best][k]),
            percent(accuracy[FUSED][k]),
            points(gain[k]),
        ]
        for k in np.argsort(-gain, kind='stable').tolist()
        if count[k]
    ]
    return Table('Gain by class', ['class', 'clips', best, FUSED, 'gain, points'], rows)


def _changed(
    verdicts: Mapping[str, Verdict],
    streams: Sequence[str],
    best: str,
    clips: Sequence[str],
    label: np.ndarray,
    classes: Sequence[str],
) -> dict[str, Any]:
    """Return the table of clips that the fused scores and the best stream judge differently, and a sentence on it."""
    helped = verdicts[FUSED].correct & ~verdicts[best].correct
    changed = np.flatnonzero(verdicts[FUSED].correct != verdicts[best].correct)
    changed = changed[np.argsort(helped[changed], kind='stable')]  # those that are hurt first
    predicted = [verdicts[name].predicted for name in (FUSED, *streams)]
    rows = [
        [clips[i], 'helped' if helped[i] else 'hurt', *(class_title(k[i], classes) for k in (label, *predicted))]
        for i in changed[:MOST_CHANGED].tolist()
    ]
    line = f'Against {best}, {helped.sum()} clips are helped and {len(changed) - helped.sum()} hurt'
    line += f'; the first {MOST_CHANGED} are listed here, all in helped_hurt.csv.' if len(changed) > len(rows) else '.'
    table = Table('Helped and hurt clips', ['clip', 'effect', 'true', FUSED, *streams], rows)
    return {'changed': table, 'changed_line': line}
