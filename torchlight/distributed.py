"""Devices, and several of them: DataParallel in one process, DistributedDataParallel under torchrun."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from torchlight.errors import InputError

AMP = {'no': None, 'bf16': torch.bfloat16, 'fp16': torch.float16}


def set_precision(tf32: bool, deterministic: bool = False) -> None:
    """Choose how products are rounded, and whether the same run gives the same bits on a GPU.

    Parameters
    ----------
    tf32 : bool. Let GPUs round the factors of float32 products and convolutions to TF32 (10 bits). PyTorch by itself
        allows it for convolutions only, and so does the public code; here 1×1 convolutions are products.
    deterministic : bool. Use only algorithms that add in the same order every time (default False).
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    if deterministic != torch.are_deterministic_algorithms_enabled():  # the call imports its compiler
        torch.use_deterministic_algorithms(deterministic)
    if deterministic:
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')


def autocast(device: torch.device, amp: str) -> torch.autocast:
    """Return the context of a network in the number format of --amp."""
    return torch.autocast(device.type, AMP[amp], enabled=amp != 'no')


@contextlib.contextmanager
def process_group() -> Iterator[None]:
    """Join the process group if torchrun started this process (gloo; nccl between GPUs), and leave it at the end.

    Raises
    ------
    InputError
        If the device runs out of memory inside.
    """
    if {'RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR'} <= os.environ.keys() and not dist.is_initialized():
        backend = 'cpu:gloo,cuda:nccl' if torch.cuda.is_available() else 'gloo'
        store, number, count = next(dist.rendezvous('env://'))
        dist.init_process_group(backend, store=_of_this_start(store), rank=number, world_size=count)
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise InputError('the device is out of memory; try a lower --batch-size, or --amp') from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _of_this_start(store: dist.Store) -> dist.Store:
    """Return the part of torchrun's store that is for this start of the processes.

    PyTorch keeps one store through all restarts, where the addresses of the processes before would be found. Several
    machines may count restarts differently, so that they use it as it is.
    """
    if os.environ.get('LOCAL_WORLD_SIZE') != os.environ['WORLD_SIZE']:
        return store
    return dist.PrefixStore(f'start {os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)}', store)


def rank() -> int:
    """Return the number of this process, 0 for the only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes of this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def barrier() -> None:
    """Wait for the other processes, if there are any."""
    if dist.is_initialized():
        dist.barrier()


def gather(value: Any) -> list:
    """Return a list of every process's `value`, in rank order, on every process."""
    if not dist.is_initialized():
        return [value]
    values = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def gather_in_order(batches: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, np.ndarray]:
    """Join what the processes computed of the batches of a data set, in the order of its samples.

    Parameters
    ----------
    batches : [{'index': (N,) int64 sample numbers, name: (N, …) values, …}]. The batches of this process.

    Returns
    -------
    {name: (samples, …) float32}. The values, on every process.
    """
    share = {name: torch.cat([batch[name] for batch in batches]).cpu() for name in batches[0]} if batches else {}
    shares = list(filter(None, gather(share)))
    values = {name: torch.cat([share[name] for share in shares]) for name in shares[0]}
    order = values.pop('index').argsort()
    return {name: rows[order].float().numpy() for name, rows in values.items()}


def maximum(value: torch.Tensor) -> torch.Tensor:
    """Return the largest of every process's tensor, on its device; no process waits for a GPU."""
    if dist.is_initialized():
        dist.all_reduce(value, dist.ReduceOp.MAX)
    return value


def any_of(*own: bool) -> list[bool]:
    """Return for each of these whether it is true in any process."""
    return maximum(torch.tensor(own, dtype=torch.float32)).bool().tolist()


def on_first(action: Callable[[], None]) -> None:
    """Call `action()` on the first process; an InputError there is raised on every process."""
    problem = None
    if rank() == 0:
        try:
            action()
        except InputError as error:
            problem = str(error)
    problem = gather(problem)[0]
    if problem:
        raise InputError(problem)


def from_first(function: Callable[[], Any]) -> Any:
    """Return what `function()` returns on the first process, on every one; an InputError there is raised on all."""
    found: list[Any] = []
    on_first(lambda: found.append(function()))
    return gather(found)[0][0]


def share_buffers(model: nn.Module) -> None:
    """Give every process the first one's buffers (batch-norm statistics), as the weights already are."""
    if dist.is_initialized():
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def choose_devices(asked: Sequence[str | int]) -> tuple[list[torch.device], str | None]:
    """Choose the devices to run on.

    Parameters
    ----------
    asked : [] for the first GPU or, without one, the CPU; ['cpu']; or GPU numbers.

    Returns
    -------
    devices : list of torch.device, the main one first.
    warning : str or None. A sentence to warn with, if GPUs were asked for and there is none.

    Raises
    ------
    InputError
        If a GPU is not there or is named twice, or if the CPU is mixed with GPUs.
    """
    words = ' '.join(map(str, asked))
    if 'cpu' in asked:
        if len(asked) > 1:
            raise InputError(f'--device {words} mixes the CPU and GPUs; give one kind')
        return [torch.device('cpu')], None
    if not torch.cuda.is_available():
        warning = f'no GPU is available to PyTorch: --device {words} runs on the CPU'
        return [torch.device('cpu')], warning if asked else None
    count = torch.cuda.device_count()
    absent = [number for number in asked if not 0 <= int(number) < count]
    if absent or len(set(asked)) < len(asked):
        raise InputError(
            f'--device {words} names a GPU that does not exist, or names one twice; this machine has {count} GPUs, '
            'numbered from 0'
        )
    if dist.is_initialized():
        asked, local = asked or list(range(count)), int(os.environ['LOCAL_RANK'])
        if local >= len(asked):
            raise InputError(f'torchrun started more processes on this machine than the {len(asked)} GPUs it may use')
        asked = [asked[local]]
    devices = [torch.device('cuda', int(number)) for number in asked or [0]]
    torch.cuda.set_device(devices[0])
    return devices, None


def wrap(model: nn.Module, devices: Sequence[torch.device], train: bool) -> nn.Module:
    """Put the model on all devices: DataParallel on the GPUs of one process, DDP to train under torchrun."""
    if len(devices) > 1:
        return nn.DataParallel(model, devices)
    if train and dist.is_initialized():
        return nn.parallel.DistributedDataParallel(model, devices if devices[0].type == 'cuda' else None)
    return model
