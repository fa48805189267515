"""The one way to a store: read clips in parallel, write them in order, report what is left out.

Memory stays flat in the number of clips: no more than a few chunks wait between the readers and the writer.
"""

import contextlib
import os
import signal
import sys
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from feeders.prepare.skeleton_file import ClipError
from feeders.stores import SkeletonStoreWriter
from torchlight.errors import InputError
from torchlight.files import write_text

CHUNK = 16  # clips a process reads at a time
WORTH_CHUNKS = 4  # fewer are read sooner than processes start
SHOWN = 10  # left-out clips named on the terminal; the report names all


class Clip(NamedTuple):
    """One clip for the store: frames (T, persons, V, C) float32; split 'train', 'test' or '' (by rule)."""

    name: str
    label: int
    frames: np.ndarray
    split: str = ''


class LeftOut(NamedTuple):
    """A clip that is not in the store. asked: the user named it."""

    source: str
    reason: str
    asked: bool = False


def add_arguments(parser, out='FILE.h5', out_help='the store to write; it appears when whole'):
    """The flags that every data set's command has."""
    parser.add_argument('--out', required=True, metavar=out, help=out_help)
    parser.add_argument(
        '--allow-missing',
        action='store_true',
        help='exit status 0 although clips were left out (the report names them)',
    )
    parser.add_argument(
        '--num-worker',
        type=int,
        default=None,
        metavar='N',
        help='processes that read (default: one a core; 0: none besides this one)',
    )


def build_store(args, dataset, layout, sources, read, left_out=()):
    """Write a store from all of `sources` that can be read, and its report beside it.

    Args:
        args: the flags of add_arguments. dataset: the store's name for it. layout: (M, V, C).
        sources: list of paths. read: source → Clip, picklable; raises ClipError or InputError.
        left_out: LeftOut of clips that were not even tried.
    Returns: 0, or 1 where a clip was left out that nobody asked to leave out.
    Raises InputError where nothing is left to store; then no store is written.
    """
    left_out, began, taken = list(left_out), time.perf_counter(), {}
    with whole_or_error(args.out), SkeletonStoreWriter(args.out, dataset, layout) as store:
        results = ordered_map(partial(attempt, read), sources, args.num_worker)
        for source, clip in zip(sources, tqdm(results, total=len(sources), unit='clip', desc=dataset, disable=None)):
            if isinstance(clip, Clip) and clip.name in taken:
                clip = f'has the same name as {_title(taken[clip.name])}, which is kept'
            if isinstance(clip, str):
                left_out.append(LeftOut(_title(source), clip))
                continue
            taken[clip.name] = source
            store.add(clip.name, clip.label, clip.frames, clip.split)
        if not taken:
            raise InputError(f'none of {len(sources) + len(left_out)} clips is usable; {_first(left_out)}')
    return summarise(
        args, len(taken), left_out, time.perf_counter() - began, f'{Path(args.out).stat().st_size / 1e6:.1f} MB'
    )


@contextlib.contextmanager
def whole_or_error(path):
    """Turn what the disk says while `path` is written, such as that it is full, into an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f'cannot write {path}: {error.strerror or error}; nothing half-written is left') from error


def attempt(read, source):
    """What `read` gives for `source`, or the reason why it gives nothing."""
    try:
        return read(source)
    except (ClipError, InputError) as error:
        return str(error)


def ordered_map(function, items, processes=None, chunk=CHUNK):
    """Yield function(item) for each of a list, in order, computed by `processes` (None: one a core).

    `chunk` items go to a process at a time: many where each is quick, 1 where each takes long.
    """
    if processes is None:
        processes = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
        processes = processes if len(items) >= WORTH_CHUNKS * chunk else 0
    if processes < 2:
        yield from map(function, items)
        return
    chunks = (items[first : first + chunk] for first in range(0, len(items), chunk))
    with ProcessPoolExecutor(processes, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        waiting = deque()
        try:
            for part in chunks:
                waiting.append(pool.submit(_map_chunk, function, part))
                if len(waiting) > 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise InputError(
                'a reading process was ended by the system, perhaps for want of memory; try a smaller --num-worker'
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def summarise(args, kept, left_out, seconds, note):
    """Print the summary with a note on the clips kept, write the report, and return the exit status."""
    out = Path(args.out)
    report = out.with_name(f'{out.name}.report.txt')
    unasked = [clip for clip in left_out if not clip.asked]
    write_text(
        report,
        ''.join(
            [
                f'{kept} clips stored, {len(left_out)} left out\n',
                *(f'{clip.source}: {clip.reason}\n' for clip in left_out),
            ]
        ),
    )
    for clip in unasked[:SHOWN]:
        print(f'left out: {clip.source}: {clip.reason}', file=sys.stderr)
    if len(unasked) > SHOWN:
        print(f'left out: {len(unasked) - SHOWN} more, see {report}', file=sys.stderr)
    print(
        f'{out}: {kept} clips, {note}, {seconds:.1f} s ({kept / seconds:.0f} clips/s); '
        f'{len(left_out)} left out, {len(left_out) - len(unasked)} of them as asked; report: {report}'
    )
    if unasked and not args.allow_missing:
        print(f'{len(unasked)} clips were left out unasked; --allow-missing accepts that', file=sys.stderr)
        return 1
    return 0


def _title(source):
    return ' '.join(map(str, source)) if isinstance(source, tuple) else str(source)


def _map_chunk(function, chunk):
    return list(map(function, chunk))


def _first(left_out):
    return f'the first: {left_out[0].source}: {left_out[0].reason}' if left_out else 'none was found'
