"""The loop that both commands share: read pictures, encode them in batches, keep every result, make the store.

Legend: N pictures of a batch, D feature width.
"""

import contextlib
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from feeders.prepare.build import SHOWN, LeftOut
from feeders.stores import open_features, write_features
from LLMs.images import read_ahead
from LLMs.loading import DTYPES, libraries
from LLMs.partial import Partial, Record, require_same
from torchlight import distributed
from torchlight.errors import InputError

CONTINUE = 'what is done is kept; start the same command again to go on'


def add_arguments(parser):
    """The flags that both commands have."""
    parser.add('--images', metavar='DIR', help='a picture a clip, <name>.jpg or .png, at any depth')
    parser.add('--videos', metavar='DIR', help='or NTU colour videos, <name>_rgb.avi …')
    parser.add('--skeletons', nargs='+', default=[], metavar='DIR', help='… and their .skeleton files')
    parser.add('--names', metavar='FILE.txt', help='only these clips, one a line')
    parser.add(
        '--out', required=True, metavar='FILE.h5', help='the store; clips that are in it already are passed over'
    )
    parser.add('--batch-size', type=int, default=16, metavar='N', help='pictures at a time')
    parser.add(
        '--num-worker',
        type=int,
        default=len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 4,
        metavar='N',
        help='threads that read pictures',
    )
    parser.add(
        '--device',
        type=distributed.parse_device,
        nargs=1,
        default=[],
        metavar='N',
        help='a GPU number, or cpu (default: the first GPU, or else the CPU)',
    )
    parser.add('--dtype', choices=list(DTYPES), default='float32', help='of the weights and the computation')
    parser.add('--allow-missing', action='store_true', help='exit status 0 although pictures were left out')


def run_command(run, parser, argv=None):
    """Parse, run and turn what went wrong into one line; returns the exit status: 0, 1 (clips left out), 2 or 130."""
    try:
        distributed.start()
        args = parser.parse_args(argv)
        if args.batch_size < 1:
            raise InputError(f'--batch-size is {args.batch_size}; at least 1 picture is needed')
        return run(args)
    except InputError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'interrupted; {CONTINUE}', file=sys.stderr)
        return 130
    finally:
        distributed.stop()


def choose_device(args):
    """The one torch.device to run on; says so where the GPU asked for is the CPU."""
    devices, warning = distributed.choose_devices(args.device)
    if warning and distributed.rank() == 0:
        print(f'warning: {warning}', file=sys.stderr)
    return devices[0]


def extract(source, encode, origin, args):
    """Encode every picture of a source that the store lacks, and write the store.

    Under torchrun each process encodes its share and the first one writes.

    Args:
        source: see images.py. encode: list of N PIL images → list of N (feature (D,), answer).
        origin: what makes the features, for the store's attributes; see partial.IDENTITY.
    Returns: the exit status, 0, or 1 where clips were left out.
    Raises InputError where the store was made otherwise, where memory runs out, where nothing can be stored.
    """
    stored = _stored(args.out, origin)
    partial = Partial(args.out, origin, distributed.rank())
    done = set(stored.name if stored else ()) | {record.name for record in partial.records()}
    distributed.barrier()  # all know what is done before any adds to it
    todo = [name for name in source.names if name not in done]
    mine = todo[distributed.rank() :: distributed.world_size()]
    began = time.perf_counter()
    left_out = _encode_all(source, mine, encode, partial, args)
    left_out = source.left_out + [clip for share in distributed.gather(left_out) for clip in share]
    if distributed.rank() == 0:
        _merge(args.out, stored, partial, origin, left_out)
        _summarise(args.out, len(todo), len(done & set(source.names)), left_out, time.perf_counter() - began)
    distributed.barrier()
    return 1 if left_out and not args.allow_missing else 0


def _stored(path, origin):
    """The FeatureStore at `path`, or None; raises InputError where it was made otherwise."""
    if not Path(path).exists():
        return None
    store = open_features(path)
    require_same(path, store.attributes, origin)
    return store


def _encode_all(source, names, encode, partial, args):
    """Encode and keep the pictures of `names`; returns LeftOut of those that gave nothing."""
    left_out, batch = [], []
    bar = tqdm(
        total=len(names),
        unit='image',
        desc=Path(args.out).stem,
        dynamic_ncols=True,
        disable=True if distributed.rank() else None,
    )
    with bar, contextlib.closing(read_ahead(source, names, args.num_worker)) as pictures:
        for number, (name, picture) in enumerate(pictures, 1):
            if isinstance(picture, str):
                left_out.append(LeftOut(name, picture))
                bar.update()
            else:
                batch.append((name, picture))
            if len(batch) == args.batch_size or number == len(names) and batch:
                left_out += _encode_batch(batch, encode, partial, args)
                bar.update(len(batch))
                batch = []
    return left_out


def _encode_batch(batch, encode, partial, args):
    """Encode and keep one list of (name, picture); returns LeftOut of features that are not finite."""
    try:
        with torch.inference_mode():
            found = encode([picture for _, picture in batch])
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _is_memory(error):
            raise
        smaller = f'--batch-size {max(1, len(batch) // 2)}' if len(batch) > 1 else 'a smaller model'
        lighter = ' or --dtype bf16' if args.dtype == 'float32' else ''
        raise InputError(
            f'out of memory with --batch-size {args.batch_size} and --dtype {args.dtype}; try {smaller}'
            f'{lighter}; {CONTINUE}'
        ) from error
    records = [Record(name, feature, answer) for (name, _), (feature, answer) in zip(batch, found)]
    partial.add([record for record in records if np.isfinite(record.feature).all()])
    return [
        LeftOut(record.name, f'its feature is not finite in {args.dtype}; try --dtype bf16 or float32')
        for record in records
        if not np.isfinite(record.feature).all()
    ]


def _is_memory(error):
    """Is this what PyTorch says when memory runs out? (On the CPU it has no class of its own.)"""
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ('out of memory', "can't allocate memory", 'not enough memory')
    )


def _merge(path, stored, partial, origin, left_out):
    """Write the store: what it held, and every process's records, by name."""
    records = {record.name: (record.feature, record.answer) for record in partial.records()}
    if not records and stored is None:
        reason = f'; the first: {left_out[0].source}: {left_out[0].reason}' if left_out else ''
        raise InputError(f'no picture gives a feature{reason}')
    if records:
        if stored:
            answers = stored.answer or [''] * len(stored.name)
            records = dict(zip(stored.name, zip(stored.feature[:], answers))) | records
        names = sorted(records)
        features, answers = zip(*(records[name] for name in names))
        write_features(
            path,
            names,
            np.stack(features),
            answers if any(answers) else None,
            **origin,
            width=len(features[0]),
            libraries=libraries(),
            created=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        )
    partial.remove()


def _summarise(path, wanted, before, left_out, seconds):
    """Say what was made, and what was left out."""
    store = open_features(path)
    for clip in left_out[:SHOWN]:
        print(f'left out: {clip.source}: {clip.reason}', file=sys.stderr)
    if len(left_out) > SHOWN:
        print(f'left out: {len(left_out) - SHOWN} more', file=sys.stderr)
    print(
        f'{path}: {len(store.name)} features of width {store.width}; {before} there before, '
        f'{wanted} images in {seconds:.1f} s ({wanted / seconds:.1f} images/s), {len(left_out)} left out'
    )
