"""The command `import-npz`."""

import numpy as np
import pytest

from feeders.prepare.__main__ import main
from feeders.public_npz import write_public_npz
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from tests.helpers import refused

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


def command(npz, dataset, out, **flags):
    words = [word for flag, value in flags.items() for word in (f'--{flag.replace("_", "-")}', value)]
    return list(map(str, ['import-npz', '--npz', npz, '--dataset', dataset, '--out', out, *words]))


def test_a_public_npz_comes_back_as_the_store_it_was_written_from(public, tmp_path):
    dataset, store, npz = public
    (tmp_path / 'all.txt').write_text('\r\n'.join(NAMES[::-1]))
    assert main(command(npz, dataset, tmp_path / 'back.h5', names=tmp_path / 'all.txt', benchmark='xsub')) == 0
    back = open_skeletons(tmp_path / 'back.h5')
    assert sorted(back.name) == sorted(NAMES)
    for index, name in enumerate(back.name):
        row = NAMES.index(name)
        assert back.clip(index).tobytes() == store.clip(row).tobytes() and back.label[index] == store.label[row]
        assert back.split[index] == ('train' if name[9:12] in ('001', '002') else 'test')
        # NTU60's arrays cannot tell an empty second person from none, and zero fills both
        assert back.person[index] == (1 if dataset == 'ntu60' and row == 3 else store.person[row])


def test_names_in_another_order_are_noticed(public, tmp_path, capsys):
    dataset, _, npz = public
    out = tmp_path / 'back.h5'
    (tmp_path / 'train.txt').write_text('\n'.join([NAMES[0], NAMES[1], NAMES[3]]))  # the public order is 0, 3, 1
    assert main(command(npz, dataset, out, train_names=tmp_path / 'train.txt')) == 1
    assert 'left out: train 1: has label 59, but S001C002P002R001A005 means 4: the names' in capsys.readouterr().err
    assert main(command(npz, dataset, out)) == 0
    assert open_skeletons(out).name == ['train_0', 'train_1', 'train_2', 'test_0']


def test_names_that_do_not_fit_are_one_line_and_status_2(public, tmp_path, capsys):
    dataset, _, npz = public
    (tmp_path / 'all.txt').write_text('\n'.join(NAMES))
    for flags, message in (
        ({'names': npz}, 'give --benchmark'),
        ({'names': tmp_path / 'all.txt', 'benchmark': 'xsub', 'test_names': npz}, 'no other list'),
        ({'test_names': tmp_path / 'all.txt'}, '4 names are given for 1 clip of x_test'),
        ({'names': tmp_path / 'all.txt', 'benchmark': {'ntu60': 'xset', 'ntu120': 'xview'}[dataset]}, 'is not one of'),
        ({'train_names': tmp_path / 'nothing.txt'}, 'nothing.txt does not exist'),
    ):
        assert message in refused(capsys, main, command(npz, dataset, tmp_path / 'back.h5', **flags))
        assert not (tmp_path / 'back.h5').exists()
