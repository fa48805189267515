"""The table of runs: what they have reached and in which settings they differ; repetitions with other seeds."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from torchlight.config import flat
from torchlight.progress import duration
from torchlight.runs.found import FoundRun

WIDTH = 80
# Settings that say where a run is, how it is watched, how fast it is and how it is used, not what it computes.
NOT_THE_EXPERIMENT = {
    'work_dir', 'model_saved_name', 'seed', 'device', 'num_worker', 'preload', 'augment_on', 'compile', 'print_log',
    'log_json', 'log_interval', 'show_topk', 'save_score', 'save_interval', 'save_epoch', 'checkpoint_minutes',
    'test_batch_size', 'topk', 'pictures',
}  # fmt: skip
# Settings that older runs do not record, with the value by which they were made.
ADDED = {'held_out_by': None, 'label_smoothing': 0.0}
HEADS = 'run', 'best', 'epoch', 'state', 'time', 'date', 'seed', 'device'


def cells(run: FoundRun) -> list[str]:
    """Return what is known of a run, in the order of HEADS; '–' for what is not."""
    devices = run.session.get('devices')
    known = [
        run.name,
        None if run.accuracy is None else f'{100 * run.accuracy:.2f} %',
        run.best and run.best['epoch'],
        state_of(run),
        None if run.seconds is None else duration(run.seconds),
        str(run.session.get('started', ''))[:10],
        run.settings.get('seed', run.session.get('seed')),
        ' '.join(map(str, devices)) if isinstance(devices, list) else None,
    ]
    return ['–' if value in (None, '') else str(value) for value in known]


def state_of(run: FoundRun) -> str:
    """Return 'finished', 'damaged', or how far the run is."""
    if run.problems:
        return 'damaged'
    return 'finished' if run.finished else f'{run.epoch} of {run.settings.get("num_epoch", "?")} epochs'


def differences(runs: Sequence[FoundRun]) -> dict[str, list[str]]:
    """Return {setting: its value in each run} of the settings in which the runs differ, '–' where one is not known."""
    settings = [experiment(run) for run in runs]
    names = dict.fromkeys(name for found in settings for name in found)
    values = {name: [str(found.get(name, '–')) for found in settings] for name in names}
    readable = [k for k, found in enumerate(settings) if found]
    return {name: found for name, found in values.items() if len({found[k] for k in readable}) > 1}


def experiment(run: FoundRun) -> dict[str, Any]:
    """Return the settings of a run that say what it computes, those inside dictionaries under longer names."""
    settings = {**ADDED, **run.settings} if run.settings else {}
    return flat({name: value for name, value in settings.items() if name not in NOT_THE_EXPERIMENT})


def groups(runs: Sequence[FoundRun]) -> list[dict[str, FoundRun]]:
    """Return {seed: run} for each group of finished runs that differ only in their seeds; a single run is one, too."""
    found: dict[str, dict[str, FoundRun]] = {}
    for run in runs:
        if run.finished and not run.problems and run.accuracy is not None:
            group = found.setdefault(repr(sorted(experiment(run).items(), key=str)), {})
            group[str(run.settings.get('seed'))] = run
    return list(found.values())


def repetitions(runs: Sequence[FoundRun]) -> list[str]:
    """Return a line for each group of several runs that differ only in their seeds: mean ± standard deviation."""
    return [
        f'{", ".join(run.name for run in group.values())} (seeds {", ".join(group)}): {mean_and_deviation(group)} %'
        for group in groups(runs)
        if len(group) > 1
    ]


def mean_and_deviation(group: Mapping[str, FoundRun]) -> str:
    """Write the accuracies of two or more runs, in percent, as '83.33 ± 1.50'."""
    accuracy = np.array([100 * run.accuracy for run in group.values()])
    return f'{accuracy.mean():.2f} ± {accuracy.std(ddof=1):.2f}'


def lines(runs: Sequence[FoundRun]) -> Iterator[str]:
    """Yield the table as text, within WIDTH columns unless the names of the runs are long."""
    rows, short = [list(HEADS), *map(cells, runs)], len(HEADS) - 1
    devices = {row[-1] for row in rows[1:]} - {'–'}
    widths = [max(len(row[k]) for row in rows) for k in range(short)]
    for row in rows:
        yield '  '.join(f'{cell:{width}}' for cell, width in zip(row, widths)).rstrip()
    differing = differences(runs)
    if len(devices) > 1:
        differing['device'] = [row[-1] for row in rows[1:]]
    if differing:
        yield from ('', 'Settings that differ')
        for k, run in enumerate(runs):
            text = ', '.join(f'{name} {values[k]}' for name, values in differing.items() if values[k] != '–')
            indent = {'initial_indent': f'{run.name:{widths[0]}}  ', 'subsequent_indent': ' ' * (widths[0] + 2)}
            yield from textwrap.wrap(text or '–', WIDTH, break_long_words=False, break_on_hyphens=False, **indent)
    if groups := repetitions(runs):
        yield from ('', 'The same settings with several seeds, mean ± standard deviation', *groups)
    if problems := [problem for run in runs for problem in run.problems]:
        yield from ('', 'Runs and files that cannot be read', *problems)


def table(runs: Sequence[FoundRun], for_programs: bool = False) -> list[list[Any]]:
    """Return the heads and a row for each run, with a column for each setting in which they differ.

    For a program, accuracies are in percent and times in seconds without these units.
    """
    differing = differences(runs)
    rows = [[*cells(run), *(values[k] for values in differing.values())] for k, run in enumerate(runs)]
    if for_programs:
        for row, run in zip(rows, runs):
            row[HEADS.index('best')] = '' if run.accuracy is None else round(100 * run.accuracy, 4)
            row[HEADS.index('time')] = '' if run.seconds is None else round(run.seconds)
    return [[*HEADS, *differing], *rows]
