"""The results of a fusion: the table on the screen and the files of --report.

Legend: N clips. A verdict is what one way of weighing, a stream or a sum of streams, makes of the N clips.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from Ensemble.fusion import EQUAL, FUSED, Verdict
from torchlight.files import make_folder, write_csv
from torchlight.intervals import LEVEL, RESAMPLES, Interval, middle, percents, resampled_accuracy
from torchlight.metrics import class_accuracy, confusion
from torchlight.results import draw_classes, write_classes

FEW = 10  # groups, below which a bootstrap is rough
EXTREMES = 3  # how many classes are named at either end


class Certainty(NamedTuple):
    """How certain the accuracies are.

    Attributes
    ----------
    by : str. What the clips of a group share, such as 'subject'.
    groups : int. How many groups the clips are.
    interval : {name: Interval}. Of the top-1 accuracies.
    best : str. The best stream.
    gain, gain_interval : float, Interval. Accuracy of the fused scores − accuracy of the best stream.
    """

    by: str
    groups: int
    interval: Mapping[str, Interval]
    best: str
    gain: float
    gain_interval: Interval

    def line(self) -> str:
        """Return a sentence about the gain."""
        low, high = (100 * bound for bound in self.gain_interval)
        few = ': so few make rough intervals' if self.groups < FEW else ''
        return (
            f'fused − {self.best}: {100 * self.gain:+.2f} points, {LEVEL} % interval {low:+.2f} to {high:+.2f} '
            f'(bootstrap, {RESAMPLES:,} resamples by {self.by}, of which there are {self.groups}{few})'
        )


def table(
    verdicts: Mapping[str, Verdict],
    rates: Mapping[str, float],
    twins: np.ndarray | None,
    certainty: Certainty | None = None,
) -> Iterator[str]:
    """Yield lines: each way of weighing with its weight and accuracies.

    Parameters
    ----------
    verdicts : {name: Verdict}.
    rates : {name: weight}. For the names that have one.
    twins : (N,) bool or None. Clips that are copies of training clips; None if none are known.
    certainty : Certainty or None. Adds intervals and a sentence about the gain (default None).
    """
    width = max(map(len, verdicts))
    heading = f'{"":{width}}  weight   top-1   top-5'
    if certainty:
        heading += f'  {f"{LEVEL} % interval":15}'
    if twins is not None:
        heading += f'  top-1 without the {twins.sum()} test clips that are copies of training clips'
        heading += f' ({(~twins).sum()} remain)'
    yield heading.rstrip()
    for name, verdict in verdicts.items():
        weight = f'{rates[name]:6.4g}' if name in rates else ' ' * 6
        line = f'{name:{width}}  {weight}  {100 * verdict.correct.mean():6.2f}  {100 * verdict.in_top5.mean():6.2f}'
        if certainty:
            line += f'  {percents(certainty.interval[name]):>15}'
        if twins is not None:
            line += f'  {100 * verdict.correct[~twins].mean():6.2f}' if not twins.all() else '  none remain'
        yield line
    if certainty:
        yield certainty.line()


def certainty_of(verdicts: Mapping[str, Verdict], by: str, group: np.ndarray, seed: int) -> Certainty:
    """Compute intervals of the accuracies by bootstrap over groups of clips.

    Parameters
    ----------
    verdicts : {name: Verdict}. The streams, EQUAL and FUSED.
    by : str. What the clips of a group share.
    group : (N,) int. The groups, which are drawn whole.
    seed : int. Seed of the draws.
    """
    names, best = list(verdicts), best_stream(verdicts)
    drawn = dict(zip(names, resampled_accuracy(np.stack([verdicts[name].correct for name in names]), group, seed)))
    gain = float(verdicts[FUSED].correct.mean() - verdicts[best].correct.mean())
    interval = {name: middle(accuracies) for name, accuracies in drawn.items()}
    return Certainty(by, len(np.unique(group)), interval, best, gain, middle(drawn[FUSED] - drawn[best]))


def best_stream(verdicts: Mapping[str, Verdict]) -> str:
    """Return the stream with the highest top-1 accuracy, the first of equal ones."""
    return max((n for n in verdicts if n not in (EQUAL, FUSED)), key=lambda name: verdicts[name].correct.mean())


def write_report(
    folder: str | Path, clips: Sequence[str], label: np.ndarray, verdicts: Mapping[str, Verdict], classes: Sequence[str]
) -> Iterator[str]:
    """Write the files and yield the lines that sum them up.

    Parameters
    ----------
    folder : path. It gets what write_classes and draw_classes of torchlight.results make of the fused scores, with the
        accuracies of all of them in per_class.csv; confusion_matrix.csv, with a row for each true class; and
        helped_hurt.csv, the clips that the fused scores classify correctly and the best stream does not, and the other
        way round.
    clips : N str. Names.
    label : (N,) int.
    verdicts : {name: Verdict}. The streams, EQUAL and FUSED.
    classes : num_class str. Names, '' if unknown.
    """
    folder = Path(folder)
    make_folder(folder)
    streams = [name for name in verdicts if name not in (EQUAL, FUSED)]
    best = best_stream(verdicts)
    matrices = {name: confusion(verdict.predicted, label, len(classes)) for name, verdict in verdicts.items()}
    accuracies = {name: class_accuracy(matrix) for name, matrix in matrices.items()}
    gain, count = accuracies[FUSED] - accuracies[best], matrices[FUSED].sum(1)
    accuracies[f'{FUSED} - {best}'] = gain
    title = f'{FUSED}, top-1 {100 * verdicts[FUSED].correct.mean():.2f} % of {len(label)} clips'
    write_classes(folder, matrices[FUSED], classes, accuracies)
    draw_classes(folder, matrices[FUSED], title, classes)
    rows = ([number, *row] for number, row in enumerate(matrices[FUSED]))
    write_csv(folder / 'confusion_matrix.csv', [['true \\ predicted', *range(len(classes))], *rows])
    helped = verdicts[FUSED].correct & ~verdicts[best].correct
    hurt = verdicts[best].correct & ~verdicts[FUSED].correct
    predicted = {name: verdicts[name].predicted for name in (FUSED, *streams)}
    rows = zip(clips, np.where(helped, 'helped', 'hurt'), label, *predicted.values())
    changed = [row for row, differs in zip(rows, helped | hurt) if differs]
    write_csv(folder / 'helped_hurt.csv', [['clip', 'effect', 'true', *predicted], *changed])
    yield f'against {best}, the best stream: {helped.sum()} clips helped, {hurt.sum()} hurt'
    yield from _extremes(gain, count, classes)
    yield f'report: {folder}'


def _extremes(gain: np.ndarray, count: np.ndarray, classes: Sequence[str]) -> Iterator[str]:
    """Yield lines that name the classes with the highest and the lowest gain, among those that have clips."""
    order = [number for number in np.argsort(-gain, kind='stable') if count[number]]
    helped = [number for number in order[:EXTREMES] if gain[number] > 0]
    hurt = [number for number in order[::-1][:EXTREMES] if gain[number] < 0]
    for title, chosen in (('helps most', helped), ('hurts most', hurt)):
        if chosen:
            yield f'{title}: ' + ', '.join(f'{f"{n} {classes[n]}".strip()} {100 * gain[n]:+.1f}' for n in chosen)
