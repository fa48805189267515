"""What is random in a run, and the order of the clips: both follow from (seed, epoch) alone."""

import random

import numpy as np
import torch
from torch.utils.data import Sampler


def init_seed(seed, epoch=0):
    """Seed Python, NumPy and PyTorch for this epoch, and make cuDNN deterministic."""
    mixed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    random.seed(mixed)
    np.random.seed(mixed)
    torch.manual_seed(mixed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


class BatchOrder(Sampler):
    """Lists of clip numbers, a batch each, of which every process takes its share.

    Args:
        count: clips. batch_size: of all processes together. shuffle: a new order for each (seed, epoch), whole
        batches only; without it, all clips in order. rank, world_size: which share; joined, the shares of a
        batch are the same batch whatever the world size.
    """

    def __init__(self, count, batch_size, shuffle, rank=0, world_size=1):
        self.count, self.batch_size, self.shuffle = count, batch_size, shuffle
        self.rank, self.world_size = rank, world_size
        self.seed_epoch = (0, 0)

    def set_epoch(self, seed, epoch):
        self.seed_epoch = (seed, epoch)

    def __len__(self):
        return self.count // self.batch_size if self.shuffle else -(-self.count // self.batch_size)

    def __iter__(self):
        order = np.arange(self.count)
        if self.shuffle:
            order = np.random.default_rng(self.seed_epoch).permutation(self.count)
        for batch in range(len(self)):
            share = order[batch * self.batch_size : (batch + 1) * self.batch_size][self.rank :: self.world_size]
            if len(share):
                yield share.tolist()
