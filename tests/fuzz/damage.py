"""Damage to bytes, and what reading the result does."""

import resource
import signal
from typing import NamedTuple

import numpy as np

from feeders.recordings.clips import ClipError
from torchlight.errors import InputError

TIME, MEMORY = 10, 1 << 30  # seconds, bytes
NUMBERS = 0, 1, 127, 128, 255, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1


class Failure(NamedTuple):
    """What a reader must not do."""

    text: str


def damaged(original, seed):
    """The bytes with one kind of damage, which follows from the seed."""
    random = np.random.default_rng(seed)
    data, size = bytearray(original), len(original)
    at = int(random.integers(size))
    match seed % 5:
        case 0 | 1:  # a flipped bit
            data[at] ^= 1 << int(random.integers(8))
        case 2:  # the end is missing
            del data[at:]
        case 3:  # a number that claims something
            width = int(random.choice([1, 2, 4, 8]))
            number = int(random.choice(np.array(NUMBERS, dtype=object))) % (1 << 8 * width)
            data[at : at + width] = number.to_bytes(width, 'little')
        case 4:  # a part in another place
            length = int(random.integers(1, 64))
            data[at : at + length] = data[(start := int(random.integers(size))) : start + length]
    return bytes(data)


def run(read, path):
    """What `read` returns; None if it refuses the file or the clip; a Failure for anything else."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    previous = signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, TIME)
    try:
        found = read(path)
    except (InputError, ClipError) as error:
        found = None if '\n' not in str(error) else Failure(f'more than one line: {error}')
    except Exception as error:
        found = Failure(f'{type(error).__name__}: {str(error)[:200]}')
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return Failure(f'takes {grown >> 20} MB of memory') if grown > MEMORY else found


def _too_slow(number, frame):
    raise TimeoutError(f'takes longer than {TIME} s')
