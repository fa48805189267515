"""The commands `import-npz` and `custom`."""

import numpy as np
import pytest

from feeders.prepare.__main__ import main
from feeders.prepare.public_npz import write_public_npz
from feeders.stores import SkeletonStoreWriter, open_skeletons, read_names

RNG = np.random.default_rng(0)
NAMES = ['S001C001P001R001A001', 'S001C002P002R001A005', 'S002C003P003R001A050', 'S002C001P001R001A060']


@pytest.fixture(params=['ntu60', 'ntu120'])
def public(request, tmp_path):
    """(data set, its store, the .npz of X-Sub written from it); the clips have 1, 1, 2 and an empty second person."""
    with SkeletonStoreWriter(tmp_path / 'x.h5', request.param, (2, 25, 3)) as store:
        for persons, name in zip((1, 1, 2, 2), NAMES):
            frames = RNG.normal(size=(5, persons, 25, 3)).astype(np.float32)
            if name == NAMES[3]:
                frames[:, 1] = 0
            store.add(name, int(name[-3:]) - 1, frames)
    write_public_npz(tmp_path / 'x.h5', tmp_path)
    file = {'ntu60': 'NTU60_CS.npz', 'ntu120': 'NTU120_CSub.npz'}[request.param]
    return request.param, open_skeletons(tmp_path / 'x.h5'), tmp_path / file


def test_a_public_npz_comes_back_as_the_store_it_was_written_from(public, tmp_path):
    dataset, store, npz = public
    (tmp_path / 'all.txt').write_text('\r\n'.join(NAMES[::-1]))
    assert (
        main(
            [
                'import-npz',
                '--npz',
                str(npz),
                '--dataset',
                dataset,
                '--names',
                str(tmp_path / 'all.txt'),
                '--benchmark',
                'xsub',
                '--out',
                str(tmp_path / 'back.h5'),
            ]
        )
        == 0
    )
    back = open_skeletons(tmp_path / 'back.h5')
    assert sorted(back.name) == sorted(NAMES)
    for index, name in enumerate(back.name):
        row = NAMES.index(name)
        assert back.clip(index).tobytes() == store.clip(row).tobytes() and back.label[index] == store.label[row]
        assert back.split[index] == ('train' if name[9:12] in ('001', '002') else 'test')
        # NTU60's arrays cannot tell an empty second person from none, and zero fills both
        assert back.person[index] == (1 if dataset == 'ntu60' and row == 3 else store.person[row])


def test_names_in_another_order_are_noticed(public, tmp_path, capsys):
    dataset, store, npz = public
    (tmp_path / 'train.txt').write_text('\n'.join([NAMES[0], NAMES[1], NAMES[3]]))  # the public order is 0, 3, 1
    out = ['--out', str(tmp_path / 'back.h5')]
    assert (
        main(
            ['import-npz', '--npz', str(npz), '--dataset', dataset, '--train-names', str(tmp_path / 'train.txt'), *out]
        )
        == 1
    )
    assert 'the names are in another order' in capsys.readouterr().err
    assert main(['import-npz', '--npz', str(npz), '--dataset', dataset, *out]) == 0
    assert open_skeletons(tmp_path / 'back.h5').name == ['train_0', 'train_1', 'train_2', 'test_0']
    assert main(['import-npz', '--npz', str(npz), '--dataset', dataset, '--names', str(npz), *out]) == 2


@pytest.fixture
def table(tmp_path):
    """Writes <name>.npy files and labels.csv, and gives the command."""

    def write(arrays, text):
        for name, array in arrays.items():
            np.save(tmp_path / f'{name}.npy', array)
        (tmp_path / 'labels.csv').write_text(text)
        return [
            'custom',
            '--raw',
            str(tmp_path),
            '--labels',
            str(tmp_path / 'labels.csv'),
            '--out',
            str(tmp_path / 'x.h5'),
        ]

    return write


@pytest.mark.parametrize('coordinates', [2, 3])
def test_arrays_of_one_or_more_persons_become_a_store(table, tmp_path, coordinates):
    one, two = RNG.normal(size=(6, 17, coordinates)), RNG.normal(size=(4, 2, 17, coordinates))
    assert main(table({'one': one, 'two': two}, 'name,label,split\ntwo,3,test\none,0,train\n')) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.name == ['two', 'one'] and store.label.tolist() == [3, 0] and store.split == ['test', 'train']
    assert store.layout == (2, 17, coordinates) and store.person.tolist() == [2, 1]
    assert np.array_equal(store.clip(0), two.astype(np.float32))
    assert np.array_equal(store.clip(1)[:, 0], one.astype(np.float32)) and not store.clip(1)[:, 1].any()
    assert main(['names', '--store', str(tmp_path / 'x.h5'), '--split', 'test', '--out', str(tmp_path / 'n.txt')]) == 0
    assert read_names(tmp_path / 'n.txt') == ['two']


def test_rows_and_files_that_do_not_fit_are_left_out(table, tmp_path, capsys):
    good = RNG.normal(size=(6, 17, 3))
    arrays = {
        'good': good,
        'joints': good[:, :16],
        'nan': good * np.nan,
        'flat': good[0],
        'text': np.array(['a']),
        'unnamed': good,
    }
    rows = 'good,1\ngood,2\njoints,1\nnan,1\nflat,1\ntext,1\nabsent,1\nbad,-1\nbad,x\nshort\n'
    assert main(table(arrays, 'name,label\n' + rows)) == 1
    assert open_skeletons(tmp_path / 'x.h5').name == ['good']
    report = (tmp_path / 'x.h5.report.txt').read_text()
    for reason in (
        'has the same name as good 1',
        'joints.npy has shape (6, 1, 16, 3)',
        'nan.npy holds NaN',
        'flat.npy has shape (17, 3)',
        'text.npy is not a .npy array of numbers',
        'absent.npy does not exist',
        'line 9',
        'line 10',
        'line 11',
        'unnamed.npy: is not in',
    ):
        assert reason in report, reason


@pytest.mark.parametrize('text', ['', 'a,b\n', 'x' * 200_000, 'name,label\n', 'name,label\nabsent,1\n'])
def test_a_table_without_clips_is_one_line_and_status_2(table, tmp_path, capsys, text):
    assert main(table({}, text)) == 2
    assert capsys.readouterr().err.startswith('error: ') and not (tmp_path / 'x.h5').exists()
