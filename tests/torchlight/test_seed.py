"""What is random follows from (seed, epoch) alone, however many processes share a batch."""

import random
from itertools import chain

import numpy as np
import pytest
import torch

from torchlight.seed import BatchOrder, init_seed


def shares(world_size, shuffle=True, epoch=0, count=23, batch_size=6):
    orders = [BatchOrder(count, batch_size, shuffle, rank, world_size) for rank in range(world_size)]
    for order in orders:
        order.set_epoch(1, epoch)
    return [list(order) for order in orders]


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_shares_of_a_batch_joined_are_the_same_batch(world_size):
    (whole,) = shares(1)
    parts = shares(world_size)
    assert all(len(share) == 6 // world_size for rank in parts for share in rank)
    assert [sorted(chain(*joined)) for joined in zip(*parts)] == [sorted(batch) for batch in whole]


def test_training_takes_whole_batches_of_different_clips_in_a_new_order_each_epoch():
    first, second = shares(1)[0], shares(1, epoch=1)[0]
    assert [len(batch) for batch in first] == [6, 6, 6] and len(BatchOrder(23, 6, True)) == 3
    assert len(set(chain(*first))) == 18 and first != second and first == shares(1)[0]
    other = BatchOrder(23, 6, True)
    other.set_epoch(2, 0)
    assert list(other) != first


@pytest.mark.parametrize('world_size', [1, 2, 3, 8])
def test_evaluation_covers_every_clip_once(world_size):
    parts = shares(world_size, shuffle=False)
    assert sorted(chain(*chain(*parts))) == list(range(23))
    assert len(BatchOrder(23, 6, False)) == 4
    if world_size == 1:
        assert list(chain(*parts[0])) == list(range(23))


def test_init_seed_decides_all_three_generators():
    def drawn(seed, epoch):
        init_seed(seed, epoch)
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert drawn(1, 0) == drawn(1, 0)
    for one, other in zip(drawn(1, 0), drawn(1, 1)):
        assert one != other
    assert drawn(1, 2) != drawn(2, 1)
