"""Score pickles of several streams, joined by clip name.

Legend: S streams, N clips.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from Ensemble.known import STREAMS
from Ensemble.labels import describe_clips, refuse_repeated
from torchlight.errors import InputError
from torchlight.pickles import read_arrays

ORDER = tuple(STREAMS)  # others follow by name
NUMBERED = re.compile(r'test_(\d+)')


class Streams(NamedTuple):
    """Streams in one order, whatever order they were given in, so that sums round alike.

    Attributes
    ----------
    name : S str.
    clip : N str.
    scores : (S, N, num_class) float32.
    """

    name: list[str]
    clip: list[str]
    scores: np.ndarray

    def select(self, mask: np.ndarray) -> 'Streams':
        """Return the clips for which `mask` (N,) is true; their scores are copied."""
        return Streams(self.name, [self.clip[i] for i in np.flatnonzero(mask)], self.scores[:, mask])


def read_streams(files: dict[str, str | Path], sample: list[str] | None = None) -> Streams:
    """Read and join score pickles.

    Parameters
    ----------
    files : {stream: path}. Each file contains {clip: (num_class,) scores}; its clips are named, or numbered by
        integers or test_<i>, which are places in `sample`.
    sample : N str or None. The clip names in the order to return; None for those of the first stream (default).

    Raises
    ------
    InputError
        If a file is not a score pickle, clips differ between files or from `sample`, class counts differ, or a score
        is not finite.
    """
    names = sorted(files, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    _refuse_one_file_twice(names, files)
    clips, reference, joined = sample, '--val_sample', None
    for row, name in enumerate(names):
        path = files[name]
        scores = by_name(read_mapping(path), sample, path)
        if clips is None:
            clips, reference = list(scores), path
        rows = rows_of(scores, clips, path, reference)
        if joined is None:
            joined = np.empty((len(names), len(clips), len(rows[0])), np.float32)
        if len(rows[0]) != joined.shape[2]:
            raise InputError(f'{path} has {len(rows[0])} classes, but {files[names[0]]} has {joined.shape[2]}')
        fill(joined[row], rows)
        _require_finite(joined[row], clips, path)
    return Streams(names, clips, joined)


def rows_of(scores: dict[str, Any], clips: list[str], path: str | Path, reference: str | Path) -> list[np.ndarray]:
    """Return the scores of `clips`, in their order.

    Parameters
    ----------
    scores : {clip: (num_class,) scores}.
    clips : N str. Names.
    path, reference : path. Where the scores and the names come from, for the error.

    Returns
    -------
    N arrays (num_class,).

    Raises
    ------
    InputError
        If the clips of the scores are not exactly `clips`, or a clip does not have one array of num_class numbers.
    """
    if list(scores) != clips:
        _require_same_clips(scores, clips, path, reference)
    rows = [scores[clip] for clip in clips]
    dtypes = {row.dtype for row in rows} if all(isinstance(row, np.ndarray) for row in rows) else {np.dtype(object)}
    shapes = {row.shape for row in rows} if all(dtype.kind in 'fiu' for dtype in dtypes) else {()}
    if len(shapes) > 1:
        raise InputError(f'{path} has scores of several shapes, such as {" and ".join(map(str, sorted(shapes)[:2]))}')
    shape = shapes.pop()
    if len(shape) != 1 or shape[0] < 2:
        raise InputError(f'{path} does not contain one array (num_class,) of class scores for each clip')
    return rows


def fill(joined: np.ndarray, rows: Sequence[np.ndarray]) -> None:
    """Write N arrays (num_class,) into `joined`, (N, num_class) float32; a number too large for it becomes Inf."""
    with np.errstate(over='ignore'):
        np.concatenate(rows, out=joined.reshape(-1), casting='unsafe')


def copies(streams: Streams) -> Iterator[tuple[str, str]]:
    """Yield the names of two streams that have the same scores, value for value."""
    name, _, scores = streams
    for b in range(len(name)):
        for a in range(b):
            if np.array_equal(scores[a, 0], scores[b, 0]) and np.array_equal(scores[a], scores[b]):
                yield name[a], name[b]


def read_mapping(path: str | Path) -> dict:
    """Read the dict in a score pickle; raise InputError for anything else and for an empty one."""
    scores = read_arrays(path)
    if not isinstance(scores, dict):
        raise InputError(f'{path} contains a {type(scores).__name__}, not a dict {{clip name: scores}}')
    if not scores:
        raise InputError(f'{path} contains no scores')
    return scores


def by_name(scores: dict, sample: list[str] | None, path: str | Path) -> dict[str, Any]:
    """Replace the numbers of clips by their names.

    Parameters
    ----------
    scores : {clip: scores}. Its keys are names, or integers or test_<i>, which are places in `sample`.
    sample : N str or None. The clips' names.
    path : path. Where the scores come from, for the error.

    Raises
    ------
    InputError
        If a key has another form, two keys mean one clip, or clips are numbered and there is no `sample`.
    """
    text_only = set(map(type, scores)) == {str}
    if text_only and (next(iter(scores)) in set(sample or ()) or not all(map(NUMBERED.fullmatch, scores))):
        return scores
    if sample is None:
        raise InputError(
            f'{path} numbers its clips (its first key is {next(iter(scores))!r}) instead of naming them; '
            'give their names with --val_sample, a list of names (.txt) or a val_label.pkl'
        )
    places = [_place(key, path) for key in scores]
    named = [sample[place] if place < len(sample) else f'test_{place}' for place in places]
    refuse_repeated(path, named, len(sample))
    return dict(zip(named, scores.values()))


def _place(key: Any, path: str | Path) -> int:
    """Return the integer in the key of a numbered clip."""
    match = NUMBERED.fullmatch(key) if isinstance(key, str) else None
    if match:
        return int(match[1])
    if isinstance(key, (int, np.integer)) and key >= 0:
        return int(key)
    raise InputError(
        f'{path} has the key {str(key)[:60]!r} among numbered keys; expected only clip names, or only integers or '
        'test_<i> from 0'
    )


def _refuse_one_file_twice(names: Sequence[str], files: dict[str, str | Path]) -> None:
    seen = {}
    for name in names:
        other = seen.setdefault(Path(files[name]).resolve(), name)
        if other != name:
            raise InputError(f'{files[name]} is given twice, as {other} and as {name}')


def _require_same_clips(scores: dict[str, Any], clips: list[str], path: str | Path, reference: str | Path) -> None:
    known = set(clips)
    missing = [clip for clip in clips if clip not in scores]
    extra = [clip for clip in scores if clip not in known]
    parts = [f'it lacks {describe_clips(missing, len(clips))} of {reference}'] * bool(missing)
    parts += [f'{describe_clips(extra, len(scores))} are not in {reference}'] * bool(extra)
    if parts:
        raise InputError(f'{path} does not fit: {"; ".join(parts)}')


def _require_finite(scores: np.ndarray, clips: Sequence[str], path: str | Path) -> None:
    finite = np.isfinite(scores)
    if not finite.all():
        broken = [clips[i] for i in np.flatnonzero(~finite.all(1))]
        raise InputError(f'{path}: the scores of {describe_clips(broken, len(clips))} contain NaN or Inf')
