"""The report of a training run or of a test."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import softmax

from torchlight.config import flat
from torchlight.intervals import wilson
from torchlight.metrics import Evaluation
from torchlight.report import charts, clips
from torchlight.report.classes import pairs_table, worst_classes
from torchlight.report.page import Table, percent, percents, picture, write_or_warn
from torchlight.report.published import Published, beside_published

SECTIONS = {
    'published': 'Comparison with published results',
    'curves': 'Curves',
    'classes': 'Classes',
    'clips': 'Misclassified clips',
    'run': 'What was run',
    'data': 'Data',
    'environment': 'Environment',
}
Facts = list[tuple[str, Any]]  # what is known, and its value


class Run(NamedTuple):
    """What the report of a run shows.

    Attributes
    ----------
    title : str.
    command : str. The command line.
    facts, data : (name, value) pairs. About the run and about its data.
    settings, defaults : {name: value}. All settings of the run, and what they are if nobody sets them.
    session : dict. The environment, as in run.json.
    result : Evaluation of the test clips.
    history : dicts, one per epoch, see torchlight.report.charts. Empty for a test.
    published : Published. Results to compare with.
    skeletons : Skeletons or None. Where the frames of the test clips come from.
    notes : str. What a reader must know before believing the result.
    """

    title: str
    command: str
    facts: Facts
    data: Facts
    settings: Mapping[str, Any]
    defaults: Mapping[str, Any]
    session: Mapping[str, Any]
    result: Evaluation
    history: Sequence[Mapping[str, Any]]
    published: Published
    skeletons: clips.Skeletons | None
    notes: Sequence[str] = ()


def write_run(path: str | Path, run: Run) -> None:
    """Write the report of a run; confusion_matrix.png, where it lies beside the report, is put inside."""
    result, matrix = run.result, run.result.confusion()
    right, total = int(matrix.trace()), len(result.label)
    confusion, shown = picture(Path(path).with_name('confusion_matrix.png')), _wrong_clips(result, run.skeletons)
    sections = dict(SECTIONS)
    for key, present in {'curves': run.history, 'clips': shown['shown']}.items():
        if not present:
            del sections[key]
    write_or_warn(
        path,
        'run.html',
        title=run.title,
        written=time.strftime('%Y-%m-%d %H:%M'),
        sections=sections,
        cards=_cards(result, right, total, len(run.history)),
        notes=list(run.notes),
        published=beside_published(run.published, right, total),
        chart=charts.training_chart(run.history),
        epochs=epochs_table(run.history),
        worst=worst_classes(matrix, result.classes),
        pairs=pairs_table(matrix, result.classes),
        confusion=confusion,
        command=run.command,
        facts=run.facts,
        settings=changed_settings(run.settings, run.defaults),
        data=run.data,
        digests=Table('Files that were read', ['file', 'digest'], list(map(list, run.session.get('data', {}).items()))),
        environment=environment_of(run.session),
        **shown,
    )


def _cards(result: Evaluation, right: int, total: int, epochs: int) -> list[tuple[str, str, str]]:
    """Return what stands at the top of the page: name, value and note."""
    cards = [
        ('top-1 accuracy', percent(right / total), f'95 % interval {percents(wilson(right, total))} (Wilson)'),
        ('top-5 accuracy', percent(result.top(5)), f'{result.scores.shape[1]} classes'),
        ('misclassified clips', f'{total - right:,}', f'of {total:,} test clips'),
        ('mean loss', f'{result.loss:.4f}', 'cross entropy of the test clips'),
    ]
    if result.refined is not None:
        refined = result._replace(scores=result.refined)
        cards.insert(
            1, ('top-1, refined', percent(refined.top(1)), 'with the helper branch, which reads text features')
        )
    return cards


def _wrong_clips(result: Evaluation, skeletons: clips.Skeletons | None) -> dict[str, Any]:
    """Return what the section of misclassified clips shows, with the probability of each predicted class."""
    confidence = softmax(result.scores.astype(np.float64), axis=1).max(1)
    found = clips.wrong_clips(result.name, result.label, result.scores.argmax(1), confidence, result.classes, skeletons)
    place = {name: i for i, name in enumerate(result.name)}
    for caption in found['shown']:
        caption['note'] = percent(float(confidence[place[caption['name']]]))
    return found


def epochs_table(history: Sequence[Mapping[str, Any]]) -> Table:
    """Return the numbers of each epoch."""
    lines = charts.series_of(history)
    values = [dict(zip(line['x'], line['y'])) for line in lines]
    form = {'loss': '{:.4f}', 'accuracy': '{:.2%}', 'rate': '{:.6g}'}
    rows = [
        [row['epoch'], *(form[line['kind']].format(v[row['epoch']]) if row['epoch'] in v else '–'
                         for line, v in zip(lines, values))]
        for row in history
    ]  # fmt: skip
    return Table('Each epoch', ['epoch', *(line['name'] for line in lines)], rows)


def changed_settings(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> Table:
    """Return the settings that differ from their defaults; those inside dictionaries have a row each."""
    now, usual = flat(settings), flat(defaults)
    rows = [
        [name, str(value), '–' if usual.get(name) is None else str(usual[name])]
        for name, value in now.items()
        if value != usual.get(name)
    ]
    return Table('Settings that differ from the defaults', ['setting', 'value', 'default'], rows)


def environment_of(session: Mapping[str, Any]) -> Facts:
    """Return what a session of run.json says of the machine and of the program."""
    git = session.get('git') or {}
    commit = f'{git["commit"]}{", with changes" if git.get("changed") else ""}' if git.get('commit') else 'not known'
    versions = {'python': session.get('python'), **(session.get('libraries') or {})}
    facts = [
        ('started', session.get('started', 'not known')),
        ('devices', ', '.join(map(str, session.get('devices', [])))),
        ('threads', session.get('threads', 'not known')),
        ('seed', session.get('seed', 'not known')),
        ('host', session.get('host', 'not known')),
        ('program', f'commit {commit}'),
        ('versions', ', '.join(f'{name} {number}' for name, number in versions.items() if number)),
    ]
    return [(name, value) for name, value in facts if value != '']
