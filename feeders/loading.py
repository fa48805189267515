"""From a feeder to batches on a device: the order, the data-loading processes, and the copies to a GPU."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from feeders.feeder import Batch, Feeder
from torchlight.errors import InputError
from torchlight.interruption import leave_group
from torchlight.seed import BatchOrder


def make_loader(
    feeder: Feeder, batch_size: int, train: bool, workers: int, pin_memory: bool, rank: int = 0, world_size: int = 1
) -> DataLoader:
    """Load whole batches of a feeder.

    Parameters
    ----------
    feeder : Feeder.
    batch_size : int. Clips of a batch, over all processes.
    train : bool. Shuffle, and leave out an incomplete batch; otherwise every clip comes once, in order.
    workers : int. Processes that read (0: this one, as also for a single batch to evaluate).
    pin_memory : bool. For copies to a GPU.
    rank, world_size : int. This process's share of every batch (default: all of it).
    """
    if train and len(feeder) < batch_size:
        raise InputError(f'batch_size is {batch_size}, but there are only {len(feeder)} training clips')
    order = BatchOrder(len(feeder) if train else len(feeder.name), batch_size, train, rank, world_size)
    workers = 0 if feeder.in_main_process or (not train and len(order) == 1) else workers
    return BatchLoader(
        _Source(feeder),
        batch_sampler=order,
        num_workers=workers,
        collate_fn=_unchanged,
        pin_memory=pin_memory,
        persistent_workers=workers > 0,
        worker_init_fn=leave_group,
        generator=torch.Generator(),  # its own, so that dropout draws the same for any number of workers
    )


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """Move batches to a device; a GPU gets each batch while it still computes with the one before."""
    if device.type != 'cuda':
        yield from (batch.to(device) for batch in batches)
        return
    stream, ahead = torch.cuda.Stream(device), None
    stream.wait_stream(torch.cuda.current_stream(device))  # frames may just have been put on the device
    for batch in batches:
        with torch.cuda.stream(stream):
            moved = batch.to(device)
        if ahead is not None:
            yield ahead
        torch.cuda.current_stream(device).wait_stream(stream)
        for tensor in filter(torch.is_tensor, moved):
            if tensor.is_cuda:
                tensor.record_stream(torch.cuda.current_stream(device))
        ahead = moved
    if ahead is not None:
        yield ahead


class BatchLoader(DataLoader):
    """Loads batches of a feeder; its InputErrors are raised as they are, without the traceback of a worker."""

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        for batch in super().__iter__():
            if isinstance(batch, InputError):
                raise batch
            yield batch


class _Source(Dataset):
    """A feeder that returns its InputErrors, as a DataLoader would add a worker's traceback to what is raised."""

    def __init__(self, feeder: Feeder) -> None:
        self.feeder = feeder

    def __getitems__(self, indices: Sequence[int]) -> Batch | InputError:
        try:
            return self.feeder.__getitems__(indices)
        except InputError as error:
            return error


def _unchanged(batch: Batch | InputError) -> Batch | InputError:
    """Return what `__getitems__` gave, which is a batch already."""
    return batch
