"""A data set of one's own: one row of the table and a reader, which gets the command and all checks."""

import dataclasses

import numpy as np
import pytest

from feeders.datasets import DATASETS, Dataset
from feeders.mapped import read_npy
from feeders.prepare import store_builder
from feeders.prepare.__main__ import main
from feeders.recordings.clips import Clip, LeftOut
from feeders.skeleton_store import open_skeletons
from tests.helpers import refused

RNG = np.random.default_rng(0)


class Reader(store_builder.Reader):
    pattern = '*.npy'

    def read(self, source):
        return Clip(source.stem, read_npy(source))


class PickyReader(Reader):
    """A reader that uses all that a reader may override."""

    @staticmethod
    def add_arguments(parser):
        parser.add('--smallest-clip', type=int, default=0, help='number of frames of the smallest clip that is read')

    @property
    def layout(self):
        return (2, 5, 3)

    def sources(self):
        return [
            LeftOut(str(file), 'is a draft', asked=True) if 'draft' in file.stem else file for file in super().sources()
        ]

    def read(self, source):
        clip = super().read(source)
        return clip._replace(label=7, split='test' if len(clip.frames) < self.args.smallest_clip else 'train')

    def finish(self):
        print('finished', self.name)


@pytest.fixture
def own(monkeypatch):
    """Adds a row to the table of data sets; own(reader) puts another reader into it."""
    row = Dataset(
        name='own',
        title='Our own data',
        classes=('wave', 'clap', 'jump'),
        layout=(1, 5, 3),
        graph='graph.custom.Graph',
        name_form='<subject>_<action>',
        pattern=r'(?P<subject>\d+)_(?P<action>\d)',
        recordings='.npy files',
        aliases=('mine',),
    )

    def add(reader='Reader'):
        monkeypatch.setitem(DATASETS, 'own', dataclasses.replace(row, reader=f'{__name__}.{reader}'))

    add()
    return add


def command(tmp_path, *more):
    return ['own', '--raw', str(tmp_path), '--out', str(tmp_path / 'x.h5'), *more]


@pytest.mark.parametrize('workers', ['0', '2'])
def test_a_row_and_a_reader_are_all_that_a_data_set_needs(own, tmp_path, capsys, workers):
    clips = {f'1{index:02}_{index % 3 + 1}': RNG.normal(size=(4, 5, 3)) for index in range(40)}
    for name, frames in clips.items():
        np.save(tmp_path / f'{name}.npy', frames[:, None] if name < '110' else frames)
    assert main(command(tmp_path, '--num-worker', workers)) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert (store.dataset, store.layout, store.name) == ('own', (1, 5, 3), sorted(clips))
    for index, (name, frames) in enumerate(clips.items()):
        assert np.array_equal(store.clip(index)[:, 0], frames.astype(np.float32))
        assert store.label[index] == int(name[-1]) - 1
    assert main(['mine', *command(tmp_path)[1:]]) == 0
    with pytest.raises(SystemExit):
        main(['--help'])
    assert 'own (mine)    make a store of Our own data from .npy files' in capsys.readouterr().out


def test_clips_that_do_not_fit_are_left_out_with_their_reason(own, tmp_path, capsys):
    good = RNG.normal(size=(4, 5, 3))
    wrong = {
        '1_2': (good[:, :4], 'has frames of shape (4, 4, 3), type float64; expected numbers of shape (T, 5, 3)'),
        '1_3': (good * np.nan, 'contains NaN or Inf'),
        '2_1': (np.where(good > 0, np.inf, good), 'contains NaN or Inf'),
        '2_2': (good * 1e300, 'contains NaN or Inf'),
        '2_3': (good[:0], 'has no frames'),
        '3_1': (np.stack([good, good], 1), 'has 2 persons; expected no more than 1'),
        '3_2': (np.array(['a']), 'is not a .npy array of numbers'),
        '3_3': (good[0], 'has frames of shape (5, 3)'),
        '4_4': (good, "clip name '4_4' has action 4, which Our own data does not have"),
        'four': (good, "clip name 'four' is not of the form <subject>_<action>"),
    }
    np.save(tmp_path / '1_1.npy', good)
    for name, (frames, _) in wrong.items():
        np.save(tmp_path / f'{name}.npy', frames)
    assert main(command(tmp_path)) == 1
    assert open_skeletons(tmp_path / 'x.h5').name == ['1_1']
    report = (tmp_path / 'x.h5.report.txt').read_text().splitlines()
    assert report[0] == '1 clip stored, 10 left out' and len(report) == 11
    for name, (_, reason) in wrong.items():
        assert any(line.startswith(f'{tmp_path / name}.npy: ') and reason in line for line in report), name
    assert main(command(tmp_path, '--allow_missing')) == 0


def test_what_a_reader_overrides_takes_effect(own, tmp_path, capsys):
    own('PickyReader')
    for name, length in (('a', 3), ('b', 9), ('draft', 9)):
        np.save(tmp_path / f'{name}.npy', RNG.normal(size=(length, 2, 5, 3)))
    for flag in ('--smallest-clip', '--smallest_clip'):
        assert main(command(tmp_path, flag, '5')) == 0
        store = open_skeletons(tmp_path / 'x.h5')
        assert store.layout == (2, 5, 3) and store.split == ['test', 'train'] and store.label.tolist() == [7, 7]
        printed = capsys.readouterr().out
        assert printed.endswith('finished own\n') and '1 left out, 1 of them as asked' in printed
    assert (tmp_path / 'x.h5.report.txt').read_text().endswith(f'{tmp_path / "draft.npy"}: is a draft\n')


def test_several_folders_are_read_in_their_order(own, tmp_path):
    for folder, name in (('z', '1_1'), ('a', '1_2'), ('a', '1_1')):
        (tmp_path / folder).mkdir(exist_ok=True)
        np.save(tmp_path / folder / f'{name}.npy', RNG.normal(size=(4, 5, 3)))
    assert main(command(tmp_path, '--raw', str(tmp_path / 'z'), str(tmp_path / 'a'))) == 1
    assert open_skeletons(tmp_path / 'x.h5').name == ['1_1', '1_2']
    assert (
        f'has the same name as {tmp_path / "z" / "1_1.npy"}, which is kept'
        in (tmp_path / 'x.h5.report.txt').read_text()
    )


def test_nothing_that_can_be_used_is_one_line_and_status_2(own, tmp_path, capsys):
    assert 'no *.npy in' in refused(capsys, main, command(tmp_path))
    np.save(tmp_path / '1_1.npy', np.zeros((0, 5, 3)))
    error = refused(capsys, main, command(tmp_path))
    assert f'no clip can be used; the first of 1: {tmp_path / "1_1.npy"}: has no frames' in error
    assert not (tmp_path / 'x.h5').exists()


def test_a_reader_cannot_store_a_name_that_leaves_its_folder(own, tmp_path, capsys, monkeypatch):
    for name in ('101_1', '102_2'):
        np.save(tmp_path / f'{name}.npy', RNG.normal(size=(4, 5, 3)))
    monkeypatch.setattr(Reader, 'read', lambda self, source: Clip(f'../{source.stem}', read_npy(source), 1))
    assert '../101_1' in refused(capsys, main, command(tmp_path)) and not (tmp_path / 'x.h5').exists()
