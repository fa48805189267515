"""The stored arrays are what the references compute from the inputs, and small enough to travel with every clone."""

import numpy as np
import pytest

from tests.golden import make


@pytest.fixture(scope='module')
def computed():
    return make.compute()


@pytest.mark.parametrize(
    'name',
    [
        'graphs',
        'mmcl',
        'ctrgcn_ucla',
        'tdgcn_ucla',
        'hdgcn_com1',
        'hdgcn_com2',
        'hdgcn_com21',
        'ntu_feeder',
        'ucla_feeder',
        'recordings',
    ],
)
def test_what_is_stored_is_what_the_references_compute(computed, golden, name):
    stored = golden(name)
    assert set(stored) == set(computed[name])
    for key, values in computed[name].items():
        values = np.asarray(values)
        assert stored[key].dtype == values.dtype and stored[key].shape == values.shape, key
        tolerance = 1e-6 if values.dtype == np.float32 else 1e-9
        error = np.abs(stored[key].astype(float) - values).max()
        assert error <= tolerance * max(1, np.abs(values).max()), key


def test_every_file_is_made_by_the_script(computed):
    assert {path.stem for path in make.FOLDER.glob('*.npz')} == set(computed)


def test_the_files_are_small():
    sizes = [path.stat().st_size for path in make.FOLDER.glob('*.npz')]
    assert max(sizes) < 60_000 and sum(sizes) < 300_000
