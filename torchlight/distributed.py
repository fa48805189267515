"""Devices, and several of them: DataParallel in one process, DistributedDataParallel under torchrun."""

import os

import torch
import torch.distributed as dist
from torch import nn

from torchlight.errors import InputError


def start():
    """Join the process group when torchrun started this process: gloo, and nccl between GPUs."""
    if {'RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR'} <= os.environ.keys() and not dist.is_initialized():
        dist.init_process_group('cpu:gloo,cuda:nccl' if torch.cuda.is_available() else 'gloo')


def stop():
    """Leave the process group, where there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank():
    """This process's number, 0 for the only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size():
    """Processes of this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def barrier():
    """Wait for the other processes, where there are any."""
    if dist.is_initialized():
        dist.barrier()


def gather(value):
    """A list of every process's `value`, in rank order, on every process."""
    if not dist.is_initialized():
        return [value]
    values = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def on_first(action):
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


def share_buffers(model):
    """Give every process the first one's buffers (batch-norm statistics), as the weights already are."""
    if dist.is_initialized():
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def parse_device(word):
    """A word of --device: `cpu`, or the number of a GPU."""
    return 'cpu' if str(word) == 'cpu' else int(word)


def choose_devices(asked):
    """The devices to run on, the first one first.

    Args:
        asked: [] for the first GPU or else the CPU; ['cpu']; or GPU numbers.
    Returns: list of torch.device, and a sentence to warn with, or None.
    Raises InputError for a GPU that is not there. Without any GPU the CPU is used, and the sentence says so.
    """
    if 'cpu' in asked:
        if len(asked) > 1:
            raise InputError(f'--device {" ".join(map(str, asked))} mixes the CPU and GPUs; name one kind')
        return [torch.device('cpu')], None
    if not torch.cuda.is_available():
        warning = f'no GPU is available to PyTorch: --device {" ".join(map(str, asked))} runs on the CPU'
        return [torch.device('cpu')], warning if asked else None
    count = torch.cuda.device_count()
    absent = [number for number in asked if not 0 <= number < count]
    if absent or len(set(asked)) < len(asked):
        raise InputError(
            f'--device {" ".join(map(str, asked))} asks for GPUs that are not there or twice for one; '
            f'this machine has {count}, numbered from 0'
        )
    if dist.is_initialized():
        asked, local = asked or list(range(count)), int(os.environ['LOCAL_RANK'])
        if local >= len(asked):
            raise InputError(f'torchrun started more processes here than the {len(asked)} GPUs they may use')
        asked = [asked[local]]
    devices = [torch.device('cuda', number) for number in asked or [0]]
    torch.cuda.set_device(devices[0])
    return devices, None


def wrap(model, devices, train):
    """The model on all devices: DataParallel on several GPUs of one process, DDP to train under torchrun."""
    if len(devices) > 1:
        return nn.DataParallel(model, devices)
    if train and dist.is_initialized():
        return nn.parallel.DistributedDataParallel(model, devices if devices[0].type == 'cuda' else None)
    return model


def scorer(parallel):
    """What `wrap` gave, as evaluation calls it: under torchrun each process scores its share by itself."""
    return parallel.module if isinstance(parallel, nn.parallel.DistributedDataParallel) else parallel
