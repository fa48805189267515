"""Fixtures of several packages' tests; and one thread, with which networks as tiny as those here run fastest."""

import os
import signal

import numpy as np
import pytest
import torch

from tests.helpers import ROOT, scramble, settle
from torchlight.imports import admit

admit(['tests'])  # feeders, models and graphs of tests are cited by their dotted names
torch.set_num_threads(1)
os.environ.setdefault('OMP_NUM_THREADS', '1')  # of the commands that tests start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts background jobs
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope='session')
def shared():
    """The folder of real data and public reference arrays; a test that needs it is skipped where it is absent."""
    folder = ROOT.parent / 'shared'
    if not folder.is_dir():
        pytest.skip('needs the real data and public reference arrays, ../shared beside the repository')
    return folder


@pytest.fixture(scope='session')
def public(shared):
    """public(name) → the arrays of that name that the public implementations computed."""
    return lambda name: np.load(shared / 'golden' / f'{name}.npz')


@pytest.fixture(scope='session')
def golden():
    """golden(name) → the small arrays of that name that the references in tests/reference computed."""
    return lambda name: np.load(ROOT / 'tests' / 'golden' / f'{name}.npz')


@pytest.fixture
def tiny():
    """Arguments of a tiny student: five joints in a star, two persons, four classes."""
    return {
        'num_class': 4,
        'num_point': 5,
        'num_person': 2,
        'graph': 'graph.custom.Graph',
        'graph_args': {'num_point': 5, 'edges': [[1, 0], [2, 1], [3, 1], [4, 1]]},
        'base_channel': 8,
    }


@pytest.fixture
def tiny_mmcl(tiny):
    """Arguments of a tiny MMCL model with both branches."""
    return {**tiny, 'video_dim': 6, 'text_dim': 3}


@pytest.fixture
def skeleton():
    """Three clips of the tiny student's size, (N, C, T, V, M)."""
    torch.manual_seed(2)
    return torch.randn(3, 3, 8, 5, 2)


@pytest.fixture
def student(tiny):
    """A tiny CTR-GCN whose values are those of a trained one in size: none at its start, statistics of a batch."""
    from model.ctrgcn import Model

    torch.manual_seed(0)
    return settle(scramble(Model(**tiny)), torch.randn(8, 3, 8, 5, 2), torch.randn(8, 3, 8, 5, 2))


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    from matplotlib.figure import Figure

    seen, save = [], Figure.savefig
    monkeypatch.setattr(Figure, 'savefig', lambda self, *a, **b: (seen.append(self), save(self, *a, **b)))
    return seen
