"""The one way of timing: functions take turns over several rounds, and a ratio compares two times of one round.

What else runs on a machine moves a ratio within a round less than it moves the times. Medians are over the rounds; the
spread of a ratio is its quartiles. FLOPs are those of the plain network's convolutions and matrix products, two for a
multiply-add, also where ours needs fewer: a share of the peak says how fast the plain network's work gets done.
"""

import ctypes
import functools
import gc
import re
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

MATRIX_SIZES, MATRIX_ROUNDS = (512, 1024, 2048), 6  # of which the fastest product is the peak


class Options(NamedTuple):
    """What the command line chooses: the device of the networks, the rounds, and the clips of `test_phase`."""

    device: torch.device
    rounds: int
    clips: int


class Row(NamedTuple):
    """One case of a benchmark.

    Attributes
    ----------
    name, case : str. The benchmark and the case.
    plain_ms, ours_ms : float or None. Median milliseconds a clip; None if the case compares something else.
    ratio, low, high : float. Plain / ours within a round, so how many times faster ours is: the median and the
        quartiles.
    peak_share : float or None. FLOP/s of ours, by the plain network's FLOPs, as a share of a matrix product's.
    note : str. What else was found; it is printed, but is no part of the JSON (default '').
    """

    name: str
    case: str
    plain_ms: float | None
    ours_ms: float | None
    ratio: float
    low: float
    high: float
    peak_share: float | None = None
    note: str = ''


def clock(function: Callable[[], object], device: torch.device | None = None) -> Callable[[], float]:
    """Return a function that calls `function`, waits for the device, and returns the seconds."""

    def seconds():
        synchronise(device)
        began = time.perf_counter()
        function()
        synchronise(device)
        return time.perf_counter() - began

    return seconds


def synchronise(device: torch.device | None) -> None:
    """Wait until a GPU has done what was asked of it."""
    if device is not None and device.type == 'cuda':
        torch.cuda.synchronize(device)


def alternate(functions: Mapping[str, Callable], rounds: int, warm_up: int = 0) -> dict[str, np.ndarray]:
    """Call functions that return seconds, or several of them, in turn.

    Parameters
    ----------
    functions : {name: function}. Every other round goes through them backwards.
    rounds : int. How often each one counts.
    warm_up : int. Rounds before these, which do not count (default 0: a comparison of results came before).

    Returns
    -------
    {name: (rounds, …)}.
    """
    found = {name: [] for name in functions}
    for number in range(-warm_up, rounds):
        order = list(functions) if number % 2 == 0 else list(functions)[::-1]
        for name in order:
            seconds = functions[name]()
            if number >= 0:
                found[name].append(seconds)
    return {name: np.array(values) for name, values in found.items()}


def row(
    name: str,
    case: str,
    plain: np.ndarray,
    ours: np.ndarray,
    clips: int,
    flops: float | None = None,
    device: torch.device | None = None,
    note: str = '',
) -> Row:
    """Summarise the rounds of a case.

    Parameters
    ----------
    name, case : str. The benchmark and the case.
    plain, ours : (rounds,) seconds.
    clips : int. The clips that each of these times is for.
    flops : float or None. Those of the plain network for one clip (default None: no share of the peak).
    device : torch.device. Whose peak.
    note : str. Printed behind the row (default '').
    """
    low, ratio, high = np.quantile(plain / ours, (0.25, 0.5, 0.75)).tolist()
    plain_ms, ours_ms = (1000 * float(np.median(seconds)) / clips for seconds in (plain, ours))
    share = None
    if flops is not None:
        peak = matrix_peak(device, torch.get_num_threads())
        share = 1000 * flops / ours_ms / peak
        speeds = f'{1000 * flops / plain_ms / 1e9:.0f} → {1000 * flops / ours_ms / 1e9:.0f} of {peak / 1e9:.0f} GFLOP/s'
        note = f'{speeds}; {note}' if note else speeds
    return Row(name, case, plain_ms, ours_ms, ratio, low, high, share, note)


@functools.cache
def matrix_peak(device: torch.device, threads: int) -> float:
    """FLOP/s of the fastest float32 matrix product, on a device with the present number of threads."""
    best = 0.0
    for size in MATRIX_SIZES:
        a, b = torch.randn(2, size, size, device=device)
        product = clock(functools.partial(torch.mm, a, b, out=torch.empty_like(a)), device)
        product()
        best = max(best, 2 * size**3 / min(product() for _ in range(MATRIX_ROUNDS)))
    return best


def count_flops(function: Callable[[], object]) -> int:
    """FLOPs of the convolutions and matrix products in a call, backward ones included."""
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


def peak_memory(process: int | str = 'self') -> float:
    """The most bytes of a process that were resident at a time, since its start or `forget_peak_memory`."""
    with suppress(OSError):
        if peak := re.search(r'VmHWM:\s+(\d+) kB', Path(f'/proc/{process}/status').read_text()):
            return 1024 * int(peak[1])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if process == 'self' else 0


def forget_peak_memory() -> None:
    """Let the peak of this process be its present memory, and that only what is in use, where the system can."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # else glibc keeps what was freed, and every child process begins with it
    with suppress(OSError):
        Path('/proc/self/clear_refs').write_text('5')


@contextmanager
def threads(number: int):
    """Run PyTorch in this many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def close(ours: object, plain: object, share: float = 1e-4) -> None:
    """Stop unless two results are within `share` of the plain one's largest magnitude."""
    ours, plain = (np.asarray(torch.as_tensor(x).detach().cpu()) for x in (ours, plain))
    if ours.shape != plain.shape:
        raise AssertionError(f'ours and plain differ in shape: {ours.shape}, {plain.shape}')
    difference, largest = np.abs(ours - plain).max(), np.abs(plain).max()
    if not difference <= share * largest:
        raise AssertionError(f'ours and plain differ by {difference:.3g}, of values up to {largest:.3g}')
