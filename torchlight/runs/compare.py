"""Two runs on the same clips: is the difference significant?

Legend: N clips that both have scored.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from torchlight.errors import InputError
from torchlight.intervals import LEVEL, RESAMPLES, Interval, mcnemar, only_one, paired_difference
from torchlight.pickles import read_arrays
from torchlight.runs.found import FoundRun, evaluation_files, read_pairs

SIGNIFICANT = 0.05


class Comparison(NamedTuple):
    """How two runs judge the clips that both have scored.

    Attributes
    ----------
    names : (str, str). The runs.
    clips : (int, int). How many each has scored.
    both, only, neither : int, (int, int), int. Clips that both get right, only one, and none.
    difference, interval : float. Accuracy of the first − accuracy of the second, and its bounds.
    p : float. Of McNemar's exact test.
    """

    names: tuple[str, str]
    clips: tuple[int, int]
    both: int
    only: tuple[int, int]
    neither: int
    difference: float
    interval: Interval
    p: float


def compare(first: FoundRun, second: FoundRun) -> Comparison:
    """Compare the runs on the clips that both have scored with their best epochs, joined by name.

    Raises
    ------
    InputError
        If a run has no scores, no clip is of both, or a clip has two labels.
    """
    verdicts = [verdicts_of(run) for run in (first, second)]
    common = [name for name in verdicts[0] if name in verdicts[1]]
    if not common:
        raise InputError(f'{first.name} and {second.name} have scored no clip in common')
    (predicted_a, label_a), (predicted_b, label_b) = (np.array([v[name] for name in common]).T for v in verdicts)
    if (label_a != label_b).any():
        name = common[int((label_a != label_b).argmax())]
        raise InputError(f'{first.name} and {second.name} have other labels, such as of the clip {name}')
    right = predicted_a == label_a, predicted_b == label_b
    difference, interval = paired_difference(*right)
    only, both = only_one(*right), int((right[0] & right[1]).sum())
    return Comparison(
        (first.name, second.name),
        (len(verdicts[0]), len(verdicts[1])),
        both,
        only,
        len(common) - both - sum(only),
        difference,
        interval,
        mcnemar(*only),
    )


def verdicts_of(run: FoundRun) -> dict[str, tuple[int, int]]:
    """Return {clip name: (predicted class, true class)} by the best epoch of a run.

    The names and predictions are in the score pickle. The true classes are in the list beside the weights, which is of
    the same clips in the same order: its predictions must be those of the scores.
    """
    if not run.best:
        raise InputError(f'{run.name} has no best epoch yet, so there is nothing to compare')
    scores_path, right_path, _ = evaluation_files(run.path, run.settings, run.best)
    for path in (scores_path, right_path):
        if not Path(path).is_file():
            raise InputError(f'{run.name} has not scored the test clips with its best epoch: {path} does not exist')
    scores, pairs = read_arrays(scores_path), read_pairs(right_path)
    rows = list(scores.values()) if isinstance(scores, dict) else []
    if not rows or not all(isinstance(row, np.ndarray) and row.ndim == 1 and row.size for row in rows):
        raise InputError(f'{scores_path} is not a pickle of the scores of clips')
    if [int(row.argmax()) for row in rows] != [predicted for predicted, _ in pairs]:
        raise InputError(
            f'{scores_path} and {right_path} are not of one evaluation; write both again with --phase test --weights '
            f'{str(right_path).removesuffix("_right.txt")}.pt --save-score True'
        )
    return dict(zip(map(str, scores), pairs))


def lines(found: Comparison) -> list[str]:
    """Return the comparison in words."""
    (a, b), (only_a, only_b) = found.names, found.only
    total = found.both + only_a + only_b + found.neither
    accuracy = [100 * (found.both + only) / total for only in found.only]
    low, high = (100 * bound for bound in found.interval)
    p = f'p = {found.p:.2g}' if found.p >= 1e-4 else 'p < 0.0001'
    text = [
        f'{a} against {b}: {total} clips',
        f'  both right {found.both}, only {a} {only_a}, only {b} {only_b}, neither {found.neither}',
        f'  {a} {accuracy[0]:.2f} %, {b} {accuracy[1]:.2f} %',
        f'  difference {100 * found.difference:+.2f} percentage points, {LEVEL} % interval {low:+.2f} to {high:+.2f}',
        f'  (bootstrap, {RESAMPLES:,} resamples of the clips)',
        f"  McNemar's exact test of {only_a} against {only_b} clips: {p}",
        '  (the probability of at least this difference between equally accurate runs)',
        f'  {"" if found.p < SIGNIFICANT else "not "}significant at the {100 * SIGNIFICANT:g} % level',
    ]
    if set(found.clips) != {total}:
        text.append(f'  only the clips that both have scored count; {a} has {found.clips[0]}, {b} {found.clips[1]}')
    return text
