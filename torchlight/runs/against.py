"""Groups of runs that differ only in their seeds, each against one of them: are the differences significant?"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from torchlight.errors import InputError, counted
from torchlight.intervals import LEVEL, Interval, holm, paired_t
from torchlight.report.page import Table
from torchlight.runs.found import FoundRun
from torchlight.runs.listing import WIDTH, groups, mean_and_deviation

HEADS = 'runs', 'seeds', 'accuracy', 'difference', f'{LEVEL} % interval', 'p', 'p (Holm)'
Group = Mapping[str, FoundRun]  # {seed: run}


class Row(NamedTuple):
    """How a group compares with the reference.

    Attributes
    ----------
    group : {seed: run}. Those runs of the group whose seeds the reference has, too.
    difference, interval : float. Mean accuracy − that of the reference with the same seeds, and its bounds.
    p, corrected : float. Of the paired t-test; the same, corrected for the number of groups.
    """

    group: Group
    difference: float
    interval: Interval
    p: float
    corrected: float


class Against(NamedTuple):
    """The reference, {seed: run}, and a row for each group that has two or more seeds in common with it."""

    reference: Group
    rows: list[Row]


def compare_groups(runs: Sequence[FoundRun], chosen: FoundRun) -> Against:
    """Compare the accuracies of each group of runs with those of the group of `chosen`, seed by seed.

    Raises
    ------
    InputError
        If `chosen` is not finished, or if no group has two or more seeds in common with its group.
    """
    found = groups(runs)
    reference = next((group for group in found if chosen in group.values()), None)
    if reference is None:
        raise InputError(f'--against: {chosen.name} is not finished, or a later run has its settings and its seed')
    common = [{seed: run for seed, run in group.items() if seed in reference} for group in found]
    others = [group for group, whole in zip(common, found) if whole is not reference and len(group) > 1]
    if not others:
        raise InputError(
            f'--against: no other group of finished runs has two seeds in common with the '
            f'{counted(len(reference), "run")} that have the settings of {chosen.name}'
        )
    tests = [paired_t(*(np.array([g[s].accuracy for s in group]) for g in (group, reference))) for group in others]
    corrected = holm([p for *_, p in tests])
    return Against(reference, [Row(group, *test, p) for group, test, p in zip(others, tests, corrected)])


def name_of(group: Group) -> str:
    """Name a group by what the names of its runs begin with: 'fam/1' and 'fam/10' are 'fam'."""
    names = [run.name for run in group.values()]
    begin = ''.join(letters[0] for letters in takewhile(lambda letters: len({*letters}) == 1, zip(*names)))
    return begin.rstrip('0123456789').rstrip('/-_. ') or names[0]


def caption(found: Against) -> str:
    """Say what the table is."""
    return (
        f'Against {name_of(found.reference)} (seeds {", ".join(found.reference)}), whose accuracy is '
        f'{mean_and_deviation(found.reference)} %: mean ± standard deviation, mean difference in percentage points of '
        f'runs with the same seed, its {LEVEL} % interval and the p-value of the paired t-test, also corrected by '
        f"Holm's method for {counted(len(found.rows), 'comparison')}"
    )


def cells(row: Row) -> list[str]:
    """Return a row of the table for people, in the order of HEADS."""
    low, high = (100 * bound for bound in row.interval)
    p, corrected = (f'{p:.2g}' if p >= 1e-4 else '< 0.0001' for p in (row.p, row.corrected))
    return [
        name_of(row.group),
        str(len(row.group)),
        f'{mean_and_deviation(row.group)} %',
        f'{100 * row.difference:+.2f}',
        f'{low:+.2f} to {high:+.2f}',
        p,
        corrected,
    ]


def lines(found: Against) -> Iterator[str]:
    """Yield the table as text."""
    yield from textwrap.wrap(caption(found), WIDTH, break_on_hyphens=False)
    rows = [list(HEADS), *map(cells, found.rows)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    yield from ('  '.join(f'{cell:{width}}' for cell, width in zip(row, widths)).rstrip() for row in rows)


def page_table(found: Against) -> Table:
    """Return the table of a page."""
    return Table(caption(found), list(HEADS), list(map(cells, found.rows)))


def table(found: Against) -> list[list[str | float]]:
    """Return heads and rows for a program: means, deviations, differences and bounds in percent, without units."""
    heads = ['runs', 'seeds', 'mean', 'deviation', 'difference', 'low', 'high', 'p', 'p_holm']
    rows: list[list[str | float]] = []
    for group, row in [(found.reference, None), *((row.group, row) for row in found.rows)]:
        accuracy = np.array([100 * run.accuracy for run in group.values()])
        values = accuracy.mean(), accuracy.std(ddof=1), *(() if row is None else _numbers(row))
        rows.append([name_of(group), len(group), *(float(f'{value:.4g}') for value in values)])
        rows[-1] += [''] * (len(heads) - len(rows[-1]))
    return [heads, *rows]


def _numbers(row: Row) -> tuple[float, ...]:
    return 100 * row.difference, *(100 * bound for bound in row.interval), row.p, row.corrected
