"""Devices, and several processes."""

import argparse
import os
import socket

import pytest
import torch
from torch import multiprocessing, nn

from torchlight import distributed
from torchlight.command import device
from torchlight.distributed import choose_devices
from torchlight.errors import InputError


@pytest.fixture
def gpus(monkeypatch):
    """gpus(count): a machine with so many."""

    def pretend(count):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: count > 0)
        monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)
        monkeypatch.setattr(torch.cuda, 'set_device', lambda device: None)

    return pretend


def test_without_a_gpu_the_cpu_is_used_and_said_so(gpus):
    gpus(0)
    assert choose_devices([]) == ([torch.device('cpu')], None)
    assert choose_devices(['cpu']) == ([torch.device('cpu')], None)
    assert choose_devices([0, 1]) == (
        [torch.device('cpu')],
        'no GPU is available to PyTorch: --device 0 1 runs on the CPU',
    )


def test_gpus_are_taken_in_the_order_asked(gpus):
    gpus(2)
    assert choose_devices([]) == ([torch.device('cuda', 0)], None)
    assert choose_devices([1, 0]) == ([torch.device('cuda', 1), torch.device('cuda', 0)], None)
    assert choose_devices(['cpu']) == ([torch.device('cpu')], None)


@pytest.mark.parametrize('asked', [[0, 2], [-1], [1, 1]])
def test_gpus_that_are_not_there_are_refused_with_their_number(gpus, asked):
    gpus(2)
    words = ' '.join(map(str, asked))
    with pytest.raises(
        InputError, match=f'--device {words} names a GPU that does not exist, or names one twice; .* 2 GPUs'
    ):
        choose_devices(asked)


@pytest.mark.parametrize('count', [0, 2])
def test_the_cpu_and_gpus_do_not_mix(gpus, count):
    gpus(count)
    with pytest.raises(InputError, match='--device 0 cpu mixes the CPU and GPUs; give one kind'):
        choose_devices([0, 'cpu'])


def test_words_of_device():
    assert [device(word) for word in ('cpu', '1', 0)] == ['cpu', 1, 0]
    with pytest.raises(argparse.ArgumentTypeError, match="'gpu' is neither cpu nor the number of a GPU"):
        device('gpu')


@pytest.mark.parametrize('allow', [True, False])
def test_tf32_is_allowed_for_products_and_convolutions_alike(allow):
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    try:
        distributed.set_precision(allow)
        assert all(backend.allow_tf32 == allow for backend in backends)
    finally:
        for backend, value in zip(backends, before):
            backend.allow_tf32 = value


def test_deterministic_algorithms_are_asked_for_and_given_up(monkeypatch):
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', ':16:8')
    for deterministic in (True, False):
        distributed.set_precision(False, deterministic)
        assert torch.are_deterministic_algorithms_enabled() == deterministic
    assert os.environ['CUBLAS_WORKSPACE_CONFIG'] == ':16:8'


def test_one_process_is_a_world_of_one():
    with distributed.process_group():  # torchrun did not start this process
        distributed.barrier()
        model = nn.Linear(2, 2)
        assert (distributed.rank(), distributed.world_size(), distributed.gather('x')) == (0, 1, ['x'])
        assert all(distributed.wrap(model, [torch.device('cpu')], train) is model for train in (True, False))


def process(rank, port, folder):
    """What each of two processes does; it leaves what it saw in the folder."""
    os.environ |= {
        'RANK': str(rank),
        'LOCAL_RANK': str(rank),
        'WORLD_SIZE': '2',
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': str(port),
    }
    torch.set_num_threads(1)
    with distributed.process_group():
        work_together(rank, folder)


def work_together(rank, folder):
    model = nn.Linear(1, 1, bias=False)
    model.register_buffer('mean', torch.full((1,), rank + 5.0))
    nn.init.constant_(model.weight, rank + 2.0)
    wrapped = distributed.wrap(model, [torch.device('cpu')], train=True)
    assert distributed.wrap(model, [torch.device('cpu')], train=False) is model
    model.mean.fill_(rank + 5.0)  # as its own share of the clips would
    distributed.share_buffers(model)
    distributed.barrier()
    torch.save(
        {
            'rank': distributed.rank(),
            'world_size': distributed.world_size(),
            'gathered': distributed.gather({'from': rank, 'list': [rank] * (rank + 1)}),
            'weight': wrapped.module.weight.item(),
            'mean': model.mean.item(),
        },
        f'{folder}/{rank}.pt',
    )


def test_two_processes_gather_in_order_and_share_weights_and_buffers(tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    multiprocessing.start_processes(process, (port, str(tmp_path)), nprocs=2, start_method='spawn')
    seen = [torch.load(tmp_path / f'{rank}.pt', weights_only=True) for rank in range(2)]
    same = {
        'world_size': 2,
        'gathered': [{'from': 0, 'list': [0]}, {'from': 1, 'list': [1, 1]}],
        'weight': 2.0,
        'mean': 5.0,
    }
    assert seen == [{'rank': rank, **same} for rank in range(2)]
