"""The command `names`."""

import numpy as np
import pytest

from feeders.label_table import read_names
from feeders.prepare.__main__ import main
from feeders.skeleton_store import SkeletonStoreWriter
from tests.helpers import refused

NAMES = ['S001C001P001R001A002', 'S001C001P002R001A001', 'S001C001P001R001A001', 'S001C001P003R001A001']


@pytest.fixture
def store(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ntu60', (2, 25, 3)) as store:
        for name in NAMES:
            store.add(name, int(name[-3:]) - 1, np.ones((2, 1, 25, 3)))
    return str(tmp_path / 'x.h5')


def test_one_split_is_listed_in_the_order_of_the_store_or_in_the_public_one(store, tmp_path):
    command = ['names', '--store', store, '--split', 'train', '--benchmark', 'xsub', '--out', str(tmp_path / 'n.txt')]
    assert main(command) == 0
    assert read_names(tmp_path / 'n.txt') == NAMES[:3]
    assert main([*command, '--public_order']) == 0
    assert read_names(tmp_path / 'n.txt') == [NAMES[2], NAMES[0], NAMES[1]]


@pytest.mark.parametrize(
    'flags, message',
    [
        ([], 'give benchmark (known for this data set: xsub, xview)'),
        (['--benchmark', 'xset'], "benchmark 'xset'"),
        (['--benchmark', 'xview'], 'has no train clips'),
        (['--store', 'nowhere.h5'], 'nowhere.h5 does not exist'),
    ],
)
def test_what_is_missing_is_one_line_and_status_2(store, tmp_path, capsys, flags, message):
    command = ['names', '--store', store, '--split', 'train', '--out', str(tmp_path / 'n.txt'), *flags]
    assert message in refused(capsys, main, command) and not (tmp_path / 'n.txt').exists()


def test_the_public_order_needs_a_benchmark_and_public_arrays(tmp_path, capsys):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'nw-ucla', (1, 20, 3)) as store:
        store.add('a01_s01_e00_v01', 0, np.ones((2, 1, 20, 3)), 'train')
    flags = ['--split', 'train', '--public-order', '--out', str(tmp_path / 'n.txt')]
    command = ['names', '--store', str(tmp_path / 'x.h5'), *flags]
    assert '--public-order needs --benchmark' in refused(capsys, main, command)
    assert 'no public arrays' in refused(capsys, main, [*command, '--benchmark', 'xview'])
