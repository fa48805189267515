"""Score pickles of several streams, joined by clip name.

Legend: S streams, N clips, K classes.
"""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from Ensemble.benchmarks import some
from torchlight.errors import InputError
from torchlight.scores import read_arrays

ORDER = 'J', 'B', 'JM', 'BM', 'HDJ', 'HDB'  # the paper's six streams; others follow by name
COUNTED = re.compile(r'test_(\d+)')


class Streams(NamedTuple):
    """name: S str. clip: N str. scores: (S, N, K) float32.

    Streams stand in one order, whatever order they were given in, so that sums round alike.
    """

    name: list
    clip: list
    scores: np.ndarray


def read_streams(files, sample=None):
    """Read and join score pickles.

    Args:
        files: {stream: path}; each file holds {clip: (K,) scores}, its clips under their names or counted
            (integers or test_<i>: places in `sample`).
        sample: the N clip names in the order to return, or None: as the first stream has them.
    Returns: Streams.
    Raises InputError where a file is no score pickle, clips differ between files or from `sample`, class counts
    differ, or a score is not finite.
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
            raise InputError(f'{path} has {len(rows[0])} classes, and {files[names[0]]} has {joined.shape[2]}')
        fill(joined[row], rows)
        _require_finite(joined[row], clips, path)
    return Streams(names, clips, joined)


def rows_of(scores, clips, path, reference):
    """N arrays (K,): the scores of `clips`, in their order.

    Raises InputError unless the scores' clips are just these, those of `reference`, and each has one array of K
    numbers.
    """
    if list(scores) == clips:
        rows = list(scores.values())
    else:
        _require_same_clips(scores, clips, path, reference)
        rows = [scores[clip] for clip in clips]
    dtypes = {row.dtype for row in rows} if set(map(type, rows)) == {np.ndarray} else {np.dtype(object)}
    shapes = {row.shape for row in rows} if all(dtype.kind in 'fiu' for dtype in dtypes) else {()}
    if len(shapes) > 1:
        raise InputError(f'{path} has scores of several shapes, such as {" and ".join(map(str, sorted(shapes)[:2]))}')
    shape = shapes.pop()
    if len(shape) != 1 or shape[0] < 2:
        raise InputError(f'{path} does not hold one array of class scores (K,) for each clip')
    return rows


def fill(joined, rows):
    """Write N arrays (K,) into `joined` (N, K) float32; what that cannot hold becomes Inf."""
    with np.errstate(over='ignore'):
        np.concatenate(rows, out=joined.reshape(-1), casting='unsafe')


def copies(streams):
    """Pairs of streams whose scores are the same, value for value: a list of (name, name)."""
    name, _, scores = streams
    return [
        (name[a], name[b])
        for b in range(len(name))
        for a in range(b)
        if np.array_equal(scores[a, 0], scores[b, 0]) and np.array_equal(scores[a], scores[b])
    ]


def read_mapping(path):
    """The dict in a score pickle; raises InputError for anything else and for an empty one."""
    scores = read_arrays(path)
    if not isinstance(scores, dict):
        raise InputError(f'{path} holds a {type(scores).__name__}, not a dict {{clip name: scores}}')
    if not scores:
        raise InputError(f'{path} holds no scores')
    return scores


def by_name(scores, sample, path):
    """{clip name: scores} of a mapping whose keys are names, integers or test_<i>; the last two are places in sample.

    Raises InputError for keys of another form, for two keys of one clip, and where counted clips have no names.
    """
    text_only = set(map(type, scores)) == {str}
    if text_only and (next(iter(scores)) in set(sample or ()) or not all(map(COUNTED.fullmatch, scores))):
        return scores
    if sample is None:
        raise InputError(
            f'{path} counts its clips (its first key is {next(iter(scores))!r}) instead of naming them; '
            'give their names with --val_sample, a name list (.txt) or a val_label.pkl'
        )
    places = [_place(key, path) for key in scores]
    named = [sample[place] if place < len(sample) else f'test_{place}' for place in places]
    repeated = [name for name, count in Counter(named).items() if count > 1]
    if repeated:
        raise InputError(f'{path}: {some(len(sample), repeated)} come more than once')
    return dict(zip(named, scores.values()))


def _place(key, path):
    """The integer that a counting key means."""
    match = COUNTED.fullmatch(key) if isinstance(key, str) else None
    if match:
        return int(match[1])
    if isinstance(key, (int, np.integer)) and key >= 0:
        return int(key)
    raise InputError(
        f'{path} has the key {str(key)[:60]!r} among keys that count; expected clip names alone, or '
        'integers or test_<i> from 0 alone'
    )


def _refuse_one_file_twice(names, files):
    seen = {}
    for name in names:
        place = Path(files[name]).resolve()
        if place in seen:
            raise InputError(f'{files[name]} is given twice, as {seen[place]} and as {name}')
        seen[place] = name


def _require_same_clips(scores, clips, path, reference):
    """Raise InputError unless the scores' clips are `clips`, those of `reference`."""
    known = set(clips)
    if scores.keys() == known:
        return
    missing = [clip for clip in clips if clip not in scores]
    extra = [clip for clip in scores if clip not in known]
    parts = [f'it lacks {some(len(clips), missing)} of {reference}'] * bool(missing)
    parts += [f'{some(len(scores), extra)} are not in {reference}'] * bool(extra)
    raise InputError(f'{path} does not fit: {"; ".join(parts)}')


def _require_finite(scores, clips, path):
    finite = np.isfinite(scores)
    if not finite.all():
        broken = [clips[i] for i in np.flatnonzero(~finite.all(1))]
        raise InputError(f'{path}: the scores of {some(len(clips), broken)} hold NaN or Inf')
