"""Building a store: clips are read in parallel and written in order, and what is left out is reported.

Memory stays flat in the number of clips: no more than a few chunks wait between the readers and the writer.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from feeders.datasets import Dataset, dataset_named
from feeders.recordings.clips import Clip, LeftOut, attempt, checked_frames, find_files, ordered_map
from feeders.recordings.normalise import normalise
from feeders.skeleton_store import SkeletonStoreWriter
from torchlight.command import Parser, count
from torchlight.errors import InputError, counted
from torchlight.files import write_text, writing
from torchlight.names import safe_name

SHOWN = 10  # left-out clips that are named on the terminal; the report names all


class Reader:
    """How the recordings of one data set become clips; a data set's own reader derives from it.

    A subclass gives `pattern` and `read`, and overrides the rest as it needs. It is pickled to the reading processes.

    Parameters
    ----------
    name : str. The data set's name in the store.
    args : Namespace. The flags of the command.

    Attributes
    ----------
    pattern : str. The form of the names of the files below --raw, such as '*.npy'.
    """

    pattern: str

    def __init__(self, name: str, args: argparse.Namespace) -> None:
        self.name, self.args = name, args

    @staticmethod
    def add_arguments(parser: Parser) -> None:
        """Add the flags that this data set has beyond the common ones; by default none."""

    @property
    def dataset(self) -> Dataset:
        """The data set's row of feeders.datasets."""
        return dataset_named(self.name)

    @property
    def layout(self) -> tuple[int, int, int]:
        """(M, V, C) of the store; by default the data set's."""
        return self.dataset.layout

    @property
    def facts(self) -> dict[str, Any]:
        """What the store says of all its clips: classes, normalised and confidence; by default nothing."""
        return {}

    def sources(self) -> list:
        """Return what `read` takes, one per clip; by default the files of `pattern`, in order of their paths.

        A LeftOut among them is a clip that is not read, but reported.
        """
        return find_files(self.args.raw, self.pattern)

    def read(self, source: Any) -> Clip:
        """Read one clip.

        Parameters
        ----------
        source : one of `sources()`.

        Returns
        -------
        Clip. The form of its frames is checked by the caller; its label may be None if it follows from its name.

        Raises
        ------
        ClipError, InputError
            If the clip cannot be used; it is then left out and reported.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """Do what remains after the store is written; by default nothing."""


def add_arguments(
    parser: Parser, out: str = 'FILE.h5', out_help: str = 'store to write; it appears when it is complete'
) -> None:
    """Add the flags that every command which reads recordings has."""
    parser.add('--out', required=True, metavar=out, help=out_help)
    parser.add(
        '--allow-missing', action='store_true', help='end with exit status 0 even if clips are left out and reported'
    )
    parser.add(
        '--num-worker',
        type=count,
        metavar='N',
        help='number of processes that read (default: one per core; 0: no processes besides this one)',
    )


def build_store(reader: Reader) -> int:
    """Write a store of all clips that can be read, and a report in the same folder.

    Returns
    -------
    int. The exit status: 0, or 1 if a clip was left out that nobody asked to leave out.

    Raises
    ------
    InputError
        If no clip can be used; no store is written then.
    """
    args, began, taken = reader.args, time.perf_counter(), {}
    found = reader.sources()
    left_out = [source for source in found if isinstance(source, LeftOut)]
    sources = [source for source in found if not isinstance(source, LeftOut)]
    with writing(args.out), SkeletonStoreWriter(args.out, reader.name, reader.layout, **reader.facts) as store:
        clips = ordered_map(partial(attempt, partial(_read, reader)), sources, args.num_worker)
        clips = tqdm(clips, total=len(sources), unit='clip', desc=reader.name, disable=None)
        for source, clip in zip(sources, clips):
            if isinstance(clip, Clip) and clip.name in taken:
                clip = f'has the same name as {_title(taken[clip.name])}, which is kept'
            if isinstance(clip, str):
                left_out.append(LeftOut(_title(source), clip))
                continue
            taken[clip.name] = source
            store.add(clip.name, clip.label, clip.frames, clip.split)
        if not taken:
            first = f'{left_out[0].source}: {left_out[0].reason}' if left_out else 'none was found'
            raise InputError(f'no clip can be used; the first of {len(found)}: {first}')
    size = Path(args.out).stat().st_size / 1e6
    status = summarise(args, len(taken), left_out, time.perf_counter() - began, f'{size:.1f} MB')
    reader.finish()
    return status


def summarise(args: argparse.Namespace, kept: int, left_out: Sequence[LeftOut], seconds: float, note: str) -> int:
    """Print the summary, write the report <out>.report.txt, and return the exit status.

    Parameters
    ----------
    args : Namespace. The flags of `add_arguments`.
    kept : int. Clips that were stored.
    left_out : list of LeftOut.
    seconds : float. How long it took.
    note : str. A remark on the clips that were stored.
    """
    out = Path(args.out)
    report = out.with_name(f'{out.name}.report.txt')
    unasked = [clip for clip in left_out if not clip.asked]
    lines = [
        f'{counted(kept, "clip")} stored, {len(left_out)} left out',
        *(f'{clip.source}: {clip.reason}' for clip in left_out),
    ]
    write_text(report, ''.join(f'{line}\n' for line in lines))
    for clip in unasked[:SHOWN]:
        print(f'left out: {clip.source}: {clip.reason}', file=sys.stderr)
    if len(unasked) > SHOWN:
        print(f'left out: {len(unasked) - SHOWN} more, see {report}', file=sys.stderr)
    print(
        f'{out}: {counted(kept, "clip")}, {note}, {seconds:.1f} s ({kept / seconds:.0f} clips/s); '
        f'{len(left_out)} left out, {len(left_out) - len(unasked)} of them as asked; report: {report}'
    )
    if not unasked or args.allow_missing:
        return 0
    which = counted(len(unasked), 'clip was', 'clips were')
    print(f'{which} left out without being asked for; --allow-missing accepts that', file=sys.stderr)
    return 1


def _read(reader: Reader, source: Any) -> Clip:
    """Read one clip, check its name and its frames, and label it."""
    clip = reader.read(source)
    safe_name(clip.name, _title(source))
    label = _label_by_name(reader.dataset, clip.name) if clip.label is None else clip.label
    frames = checked_frames(clip.frames, reader.layout)
    if reader.facts.get('normalised'):
        frames = normalise(frames, reader.facts['confidence'])
    return clip._replace(frames=frames, label=label)


def _label_by_name(dataset: Dataset, name: str) -> int:
    """Return the label that a clip's name states; say what takes clips of other names."""
    try:
        dataset.fields(name)
    except InputError as error:
        raise InputError(
            f'{error}; {dataset.title} takes its labels from the names, while `python -m feeders.prepare custom` takes '
            '.npy clips of any name and a table of labels'
        ) from error
    return dataset.label(name)


def _title(source: Any) -> str:
    return ' '.join(str(part) for part in source if part != '') if isinstance(source, tuple) else str(source)
