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


def random_state() -> list[torch.Tensor]:
    """Return the state of PyTorch's random numbers, of the CPU and of each GPU."""
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return [torch.get_rng_state(), *gpus]


def set_random_state(state: list[torch.Tensor]) -> None:
    """Continue the random numbers of `random_state`; GPUs that it does not know keep theirs."""
    torch.set_rng_state(state[0])
    for number, gpu in enumerate(state[1 : 1 + torch.cuda.device_count()]):
        torch.cuda.set_rng_state(gpu, number)


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
        self.seed_epoch, self.first = (0, 0), 0

    def set_epoch(self, seed: int, epoch: int, first: int = 0) -> None:
        """Choose the order of an epoch, and the first of its batches that is wanted (default: all of them)."""
        self.seed_epoch, self.first = (seed, epoch), first

    def __len__(self) -> int:
        return self.count // self.batch_size if self.shuffle else -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self.count)
        if self.shuffle:
            order = np.random.default_rng(self.seed_epoch).permutation(self.count)
        for batch in range(self.first, len(self)):
            share = order[batch * self.batch_size : (batch + 1) * self.batch_size][self.rank :: self.world_size]
            if len(share):
                yield share.tolist()
