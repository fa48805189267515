"""Figures that are made but not rendered, which is what takes the time."""

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def figures(monkeypatch):
    """The figures that were to be saved; their files are empty."""
    seen = []
    monkeypatch.setattr(Figure, 'savefig', lambda self, *_, **__: seen.append(self))
    return seen
