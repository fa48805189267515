"""The loop that both commands share: read pictures, encode them in batches, keep every result, write the store.

Legend: N pictures of a batch, D feature width.
"""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from feeders.feature_store import open_features
from feeders.recordings.clips import LeftOut
from LLMs.hub import DTYPES
from LLMs.images import Picture, PictureSource, read_ahead
from LLMs.resume import RESUME_HINT, PartialStore, Record
from torchlight import distributed
from torchlight.command import Parser, count, device, positive
from torchlight.errors import InputError

SHOWN = 10  # left-out clips that are named on the terminal
Encode = Callable[[list[Picture]], Sequence[tuple[np.ndarray, str]]]
MEMORY_WORDS = 'out of memory', "can't allocate memory", 'not enough memory'  # of PyTorch's RuntimeError on the CPU


def add_arguments(parser: Parser) -> None:
    """Add the flags that both commands have."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    parser.add('--images', metavar='DIR', help='folder with one picture per clip, <name>.jpg, .png, …, at any depth')
    parser.add('--videos', metavar='DIR', help='folder with NTU colour videos, <name>_rgb.avi, instead of --images')
    parser.add('--skeletons', nargs='+', default=[], metavar='DIR', help='folders with the .skeleton files of --videos')
    parser.add('--names', metavar='FILE.txt', help='list of the clips to encode, one name per line (default: all)')
    parser.add('--out', required=True, metavar='FILE.h5', help='feature store to write, or to add clips to')
    parser.add(
        '--batch-size', type=positive, default=16, metavar='N', help='number of pictures encoded together (default: 16)'
    )
    parser.add(
        '--num-worker', type=count, default=cores, metavar='N', help='number of reading threads (default: one per core)'
    )
    parser.add(
        '--device',
        type=device,
        nargs=1,
        default=[],
        metavar='N',
        help='number of the GPU to run on, or cpu (default: the first GPU, or the CPU if there is none)',
    )
    parser.add(
        '--dtype',
        choices=list(DTYPES),
        default='float32',
        help='number format of weights and computation (default: float32)',
    )
    parser.add('--allow-missing', action='store_true', help='end with exit status 0 even if pictures are left out')


def choose_device(args: Namespace) -> torch.device:
    """Return the device to run on; warn if a GPU is asked for but there is none."""
    devices, warning = distributed.choose_devices(args.device)
    if warning and distributed.rank() == 0:
        print(f'warning: {warning}', file=sys.stderr)
    return devices[0]


def extract(source: PictureSource, encode: Encode, origin: Mapping[str, Any], args: Namespace) -> int:
    """Encode every picture that the store lacks, and write the store.

    Under torchrun each process encodes its share and the first one writes.

    Parameters
    ----------
    source : PictureSource.
    encode : function of N images. It returns for each its feature, (D,), and the answer that it was read from.
    origin : dict. What makes the features, for the store's attributes; see resume.IDENTITY.
    args : Namespace. The flags of `add_arguments`.

    Returns
    -------
    int. The exit status: 0, or 1 if clips were left out.

    Raises
    ------
    InputError
        If the store was made in another way, if memory runs out, or if no picture gives a feature.
    """
    rank, began, left_out = distributed.rank(), time.perf_counter(), []
    store = PartialStore(args.out, origin, rank)
    done = store.names()
    distributed.barrier()  # every process knows what is done before one of them adds to it
    todo = [name for name in source.names if name not in done]
    mine = todo[rank :: distributed.world_size()]
    with _progress(args.out, len(mine)) as bar, closing(read_ahead(source, mine, args.num_worker)) as pictures:
        while batch := dict(islice(pictures, args.batch_size)):
            images = {name: picture for name, picture in batch.items() if not isinstance(picture, str)}
            left_out += [LeftOut(name, reason) for name, reason in batch.items() if name not in images]
            with _memory_errors(args, len(images)), torch.inference_mode():
                encoded = encode(list(images.values())) if images else []
            left_out += store.add([Record(name, *result) for name, result in zip(images, encoded)])
            bar.update(len(batch))
    left_out = source.left_out + list(chain(*distributed.gather(left_out)))

    def finish() -> None:
        store.finish(left_out)
        _summarise(args.out, len(todo), len(done & set(source.names)), left_out, time.perf_counter() - began)

    distributed.on_first(finish)
    return 1 if left_out and not args.allow_missing else 0


def _progress(out: str, total: int) -> tqdm:
    """Return the progress bar, which only the first process shows, and only on a terminal."""
    hidden = True if distributed.rank() else None
    return tqdm(total=total, unit='image', desc=Path(out).stem, dynamic_ncols=True, disable=hidden)


@contextmanager
def _memory_errors(args: Namespace, size: int) -> Iterator[None]:
    """Raise InputError with advice if memory runs out while `size` images are encoded."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not known and not any(words in str(error) for words in MEMORY_WORDS):
            raise
        smaller = f'--batch-size {size // 2}' if size > 1 else 'a smaller model'
        advice = f'{smaller} or --dtype bf16' if args.dtype == 'float32' else smaller
        raise InputError(
            f'out of memory with --batch-size {args.batch_size} and --dtype {args.dtype}; try {advice}; {RESUME_HINT}'
        ) from error


def _summarise(out: str, tried: int, before: int, left_out: Sequence[LeftOut], seconds: float) -> None:
    """Print the size of the store, the speed, and the clips that were left out."""
    store = open_features(out)
    for clip in left_out[:SHOWN]:
        print(f'left out: {clip.source}: {clip.reason}', file=sys.stderr)
    if len(left_out) > SHOWN:
        print(f'left out: {len(left_out) - SHOWN} more', file=sys.stderr)
    print(
        f'{out}: {len(store.name)} features of width {store.width}; {tried} images in {seconds:.1f} s '
        f'({tried / seconds:.1f} images/s), {before} already done, {len(left_out)} left out'
    )
