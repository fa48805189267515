"""Groups of runs that differ only in their seeds, compared seed by seed."""

import csv

import pytest

from tests.helpers import refused
from tests.runs.folders import leave
from torchlight.errors import InputError
from torchlight.runs.__main__ import main
from torchlight.runs.against import compare_groups, lines, name_of
from torchlight.runs.found import find_runs

CLIPS, LABEL = [f'c{i}' for i in range(10)], [0] * 10


@pytest.fixture
def folder(tmp_path):
    """Leave runs whose right clips of ten are: plain 5 6 7, better 8 8 9 (one seed more), other 6 5 8 and 9."""
    for setting, right in {'plain': [5, 6, 7], 'better': [8, 8, 9, 0], 'other': [6, 5, 8]}.items():
        for seed, count in enumerate(right, 1):
            predicted = [0] * count + [1] * (10 - count)
            leave(tmp_path / setting / str(seed), predicted, clips=CLIPS, label=LABEL, setting=setting, seed=seed)
    return tmp_path


def chosen(runs, name):
    return next(run for run in runs if run.name == name)


def test_runs_are_paired_by_their_seeds(folder):
    leave(folder / 'single', [0] * 10, clips=CLIPS, label=LABEL, setting='single')
    leave(folder / 'better' / '5', state='running', setting='better', seed=3)
    runs = find_runs(folder)
    found = compare_groups(runs, chosen(runs, 'plain/2'))
    better, other = found.rows
    assert [name_of(group) for group in (found.reference, better.group, other.group)] == ['plain', 'better', 'other']
    assert sorted(better.group) == ['1', '2', '3'] and better.difference == pytest.approx(0.7 / 3)
    assert other.difference == pytest.approx(0.1 / 3) and other.p == pytest.approx(0.667, abs=1e-3)
    text = '\n'.join(lines(found))
    assert 'Against plain (seeds 1, 2, 3), whose accuracy is 60.00 ± 10.00 %' in text and '2 comparisons' in text
    assert '63.33 ± 15.28 %  +3.33' in text


@pytest.mark.parametrize(
    'names, name',
    [
        (['fam/1', 'fam/10'], 'fam'),
        (['joint', 'joint2'], 'joint'),
        (['align_0.1/1', 'align_0.1/2'], 'align_0.1'),
        (['a', 'b'], 'a'),
    ],
)
def test_a_group_is_named_by_what_its_runs_have_in_common(tmp_path, names, name):
    for seed, run in enumerate(names):
        leave(tmp_path / run, seed=seed)
    assert name_of(dict(enumerate(find_runs(tmp_path)))) == name


def test_what_cannot_be_compared_is_one_line(folder):
    leave(folder / 'unfinished', state='running')
    runs = find_runs(folder)
    with pytest.raises(InputError, match='unfinished is not finished'):
        compare_groups(runs, chosen(runs, 'unfinished'))
    alone = [run for run in runs if run.name in ('plain/1', 'plain/2', 'other/1')]
    with pytest.raises(InputError, match=r'no other group .* with the 2 runs that have the settings of plain/1'):
        compare_groups(alone, chosen(runs, 'plain/1'))


def test_the_table_is_printed_and_written(folder, tmp_path, capsys):
    files = ['--csv', str(tmp_path / 'a.csv'), '--html', str(tmp_path / 'a.html')]
    assert main([str(folder), '--against', 'plain/1', *files]) == 0
    assert '+23.33' in capsys.readouterr().out
    heads, plain, better, _ = csv.reader(open(tmp_path / 'a.csv'))
    assert dict(zip(heads, plain)) | {'mean': '60.0', 'deviation': '10.0', 'p': ''} == dict(zip(heads, plain))
    assert better[:5] == ['better', '3', '83.33', '5.774', '23.33']
    assert 'Comparison by seeds' in (html := (tmp_path / 'a.html').read_text()) and '+3.33' in html
    assert "--against: no run is called 'plain'" in refused(capsys, main, [folder, '--against', 'plain'])
