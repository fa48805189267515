"""What is said of a fusion: the table on the screen and the files of --report.

Legend: S streams, N clips, K classes.
"""

import csv
from pathlib import Path

import numpy as np

from feeders.prepare.class_names import class_name
from torchlight.files import atomic_path, make_folder

EXTREMES = 3  # classes named at either end


def table(verdicts, rates, twins=None):
    """Lines: each way of judging, its weight and accuracies.

    Args:
        verdicts: {name: Verdict}. rates: {name: weight}, for those that have one.
        twins: (N,) bool, clips that are copies of training clips, or None.
    """
    width = max(map(len, verdicts))
    copies = (
        ''
        if twins is None
        else f'  top-1 without the {twins.sum()} test clips that are copies of training clips ({(~twins).sum()} remain)'
    )
    yield f'{"":{width}}  weight   top-1   top-5{copies}'
    for name, verdict in verdicts.items():
        weight = f'{rates[name]:6.4g}' if name in rates else ' ' * 6
        line = f'{name:{width}}  {weight}  {100 * verdict.correct.mean():6.2f}  {100 * verdict.in_top5.mean():6.2f}'
        if twins is not None:
            line += f'  {100 * verdict.correct[~twins].mean():6.2f}' if not twins.all() else '  none remain'
        yield line


def write_report(folder, dataset, clips, label, verdicts, fused, single, num_class):
    """Write the files and return the lines that sum them up.

    per_class.csv: accuracies of each class; confusion_matrix.csv and .png: of the fused scores, row: true class;
    helped_hurt.csv: clips that the fusion gets right and the best stream wrong, and the other way round.

    Args:
        dataset: its name for class names, or ''. clips, label: N. verdicts: {name: Verdict} of every way.
        fused: the name among them that is reported. single: the names of the streams.
    """
    from torchlight.figures import draw_confusion  # only here: these take longer to import than six streams to read
    from torchlight.metrics import class_accuracy, confusion

    folder = Path(folder)
    make_folder(folder)
    best = max(single, key=lambda name: verdicts[name].correct.mean())
    matrices = {name: confusion(verdict.predicted, label, num_class) for name, verdict in verdicts.items()}
    accuracies = {name: class_accuracy(matrix) for name, matrix in matrices.items()}
    count = np.bincount(label, minlength=num_class)
    gain = accuracies[fused] - accuracies[best]
    names = [class_name(dataset, number) for number in range(num_class)]

    _write_rows(
        folder / 'per_class.csv',
        ['class', 'name', 'clips', *verdicts, f'{fused} - {best}'],
        (
            [
                number,
                names[number],
                count[number],
                *(f'{accuracies[name][number]:.4f}' for name in verdicts),
                f'{gain[number]:.4f}',
            ]
            for number in range(num_class)
        ),
    )
    _write_rows(
        folder / 'confusion_matrix.csv',
        ['true \\ predicted', *range(num_class)],
        ([number, *row] for number, row in enumerate(matrices[fused])),
    )
    draw_confusion(
        folder / 'confusion_matrix.png', matrices[fused], f'fused, top-1 {100 * verdicts[fused].correct.mean():.2f} %'
    )
    helped = verdicts[fused].correct & ~verdicts[best].correct
    hurt = ~verdicts[fused].correct & verdicts[best].correct
    _write_rows(
        folder / 'helped_hurt.csv',
        ['clip', 'effect', 'true', 'fused', *single],
        (
            [
                clips[i],
                'helped' if helped[i] else 'hurt',
                label[i],
                verdicts[fused].predicted[i],
                *(verdicts[name].predicted[i] for name in single),
            ]
            for i in np.flatnonzero(helped | hurt)
        ),
    )
    return [
        f'against {best}, the best stream: {helped.sum()} clips helped, {hurt.sum()} hurt',
        *_extremes(gain, count, names),
        f'report: {folder}',
    ]


def _extremes(gain, count, names):
    """Lines: the classes that fusing helps and hurts most."""
    order = [number for number in np.argsort(-gain, kind='stable') if count[number]]
    for title, chosen in (
        ('helps most', [n for n in order[:EXTREMES] if gain[n] > 0]),
        ('hurts most', [n for n in order[::-1][:EXTREMES] if gain[n] < 0]),
    ):
        if chosen:
            yield f'{title}: ' + ', '.join(f'{f"{n} {names[n]}".strip()} {100 * gain[n]:+.1f}' for n in chosen)


def _write_rows(path, header, rows):
    with atomic_path(path) as temporary, open(temporary, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
