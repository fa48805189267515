"""The pictures of a trained network: which there are, and that they show what the network computes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from model import MMCL, inspection
from model.base import SkeletonModel
from tests.helpers import settle
from torchlight import results


@pytest.fixture
def drawn(monkeypatch):
    """{file name: what is drawn there}, instead of files."""
    seen = {}
    monkeypatch.setattr(results, 'draw', lambda picture, path, *what: seen.update({path.name: what}))
    return seen


@pytest.fixture
def clip(skeleton):
    return 'a clip', skeleton[:1], np.zeros((5, 3))


@pytest.fixture
def aligned(skeleton):
    return SimpleNamespace(skeleton=skeleton, video=torch.randn(3, 6), label=torch.tensor([1, 0, 1]))


def test_a_model_with_the_fam_shows_its_alignment_and_topology(tmp_path, drawn, tiny_mmcl, clip, aligned):
    model = settle(MMCL.Model(**tiny_mmcl), torch.randn(8, 3, 8, 5, 2))
    with torch.no_grad():
        expected = model.fam.similarity(model.student.features(aligned.skeleton), aligned.video)
    inspection.draw(tmp_path, model.train(), clip, aligned, ['sit'])
    assert drawn.keys() == {'topology.png', 'alignment.png'}
    similarity, label, classes = drawn['alignment.png']
    assert label.tolist() == [1, 0, 1] and classes == ['sit']
    np.testing.assert_array_equal(similarity, expected)
    _, rows, edges, pose, names = drawn['topology.png']
    topology = model.student.topology(clip[1])
    for (_, strength), values in zip(rows, topology):
        np.testing.assert_array_equal(strength, values)
    assert edges == [(1, 0), (2, 1), (3, 1), (4, 1)] and pose is clip[2] and names == ()


def test_without_the_fam_or_videos_there_is_only_the_topology(tmp_path, drawn, tiny, tiny_mmcl, clip, aligned):
    inspection.draw(tmp_path, MMCL.Model(**tiny_mmcl), clip, None, [])
    inspection.draw(tmp_path, MMCL.Model(**tiny), clip, aligned, [])
    assert drawn.keys() == {'topology.png'}


def test_a_student_without_a_graph_and_a_model_without_a_student_have_no_pictures(tmp_path, drawn, student, clip):
    student.topology = lambda skeleton: None
    inspection.draw(tmp_path, student, clip, None, [])
    inspection.draw(tmp_path, SkeletonModel(), clip, None, [])
    assert not drawn
