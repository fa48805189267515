"""Random numbers of a run and the order of its samples: both follow only from (seed, epoch)."""

import random
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Sampler


def init_seed(seed: int, epoch: int = 0) -> None:
    """Seed Python, NumPy and PyTorch for this epoch, and make cuDNN deterministic."""
    mixed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    random.seed(mixed)
    np.random.seed(mixed)
    torch.manual_seed(mixed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


class BatchOrder(Sampler):
    """Lists of sample numbers, one per batch, of which every process takes its share.

    Parameters
    ----------
    count : int. Samples.
    batch_size : int. Samples of a batch, over all processes.
    shuffle : bool. A new order for each (seed, epoch), and only whole batches; otherwise all samples in order.
    rank, world_size : int. The share to take; together the shares are the same batch for any world size.
    """

    def __init__(self, count: int, batch_size: int, shuffle: bool, rank: int = 0, world_size: int = 1) -> None:
        self.count, self.batch_size, self.shuffle = count, batch_size, shuffle
        self.rank, self.world_size = rank, world_size
        self.seed_epoch = (0, 0)

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Choose the order of an epoch."""
        self.seed_epoch = (seed, epoch)

    def __len__(self) -> int:
        return self.count // self.batch_size if self.shuffle else -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self.count)
        if self.shuffle:
            order = np.random.default_rng(self.seed_epoch).permutation(self.count)
        for batch in range(len(self)):
            share = order[batch * self.batch_size : (batch + 1) * self.batch_size][self.rank :: self.world_size]
            if len(share):
                yield share.tolist()
