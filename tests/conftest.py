"""What tests share: the folder of real data and reference arrays, where it lies beside the repository."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope='session')
def shared():
    """The folder of real data and reference arrays; a test that needs it is skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / 'shared'
    if not folder.is_dir():
        pytest.skip(f'needs the folder of real data and reference arrays, {folder.name}/ beside the repository')
    return folder


@pytest.fixture(scope='session')
def golden(shared):
    """golden(name) → the reference arrays of that name."""
    return lambda name: np.load(shared / 'golden' / f'{name}.npz')
