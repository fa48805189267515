"""The bodies of a batch: each fills its slots, and nobody's slots stay empty."""

import numpy as np
import pytest
import torch

from feeders.bodies import Bodies
from feeders.feeder_MMCL import Feeder
from feeders.skeleton_store import SkeletonStoreWriter

PERSONS = (1, 3, 2, 1)


@pytest.fixture
def path(tmp_path):
    """Four clips of one to three persons."""
    rng = np.random.default_rng(0)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (3, 25, 3)) as store:
        for i, count in enumerate(PERSONS):
            store.add(f'clip {i}', 0, rng.normal(size=(5 + 3 * i, count, 25, 3)))
    return tmp_path / 'x.h5'


def made(path, **arguments):
    feeder = Feeder(path, 'all', num_person=3, window_size=6, p_interval=[0.5, 1], random_rot=True, **arguments)
    return feeder.__getitems__([2, 0, 3, 1]).skeleton


@pytest.mark.parametrize('how', ['zero', 'copy'])
def test_each_person_fills_a_slot_and_the_others_are_empty_or_a_copy(path, how):
    x = made(path, missing_person=how)
    for clip, count in zip(x, np.array(PERSONS)[[2, 0, 3, 1]]):
        filled = 2 if how == 'copy' and count == 1 else count
        assert clip.abs().amax((0, 1, 2)).bool().tolist() == [slot < filled for slot in range(3)]
        assert torch.equal(clip[..., 0], clip[..., 1]) == (filled > count)


def test_a_copied_body_is_computed_once(path):
    feeder = Feeder(path, 'all', num_person=3, missing_person='copy')
    clip, person, slot = feeder.persons(np.array([2, 1, 0]))
    assert clip.tolist() == [0, 0, 1, 0] and person.tolist() == [0, 1, 0, 0]  # the last one is nobody's
    assert slot.tolist() == [0, 1, 3, 2, 2, 3, 3, 3, 3]


def test_a_bad_number_stays_in_its_clip(path):
    """Empty slots take the frames of no clip, not even with a weight of zero."""
    frames = torch.randn(4, 75)
    frames[0] = torch.nan
    index, weight = torch.tensor([[0, 1], [2, 3], [0, 0]])[:, None], torch.full((3, 1, 2), 0.5)
    parents, layout = torch.zeros(25, dtype=torch.int64), (2, 25, 3)
    x = Bodies(frames, index, weight, torch.tensor([0, 2, 1, 2]), None, parents, layout, True, False).skeleton()
    assert x[0, ..., 0].isnan().all() and not x[..., 1].any() and x[1].isfinite().all()


def test_the_memory_is_in_the_order_that_models_read(path):
    assert made(path).permute(0, 4, 3, 1, 2).is_contiguous()
