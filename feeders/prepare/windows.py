"""Windows over long recordings: each is classified as a clip of its own.

Legend: N windows, T frames of a recording.
"""

import argparse
from typing import Any, NamedTuple

import numpy as np

from feeders.integrity import refuse
from feeders.prepare.inputs import open_input
from feeders.skeleton_store import SkeletonStore
from torchlight.errors import InputError, counted, first_few


class Windows(NamedTuple):
    """Parts of recordings as the clips of a store.

    Attributes
    ----------
    store : SkeletonStore. The windows; their frames are those of the recordings, not copied.
    whole : SkeletonStore. The recordings.
    clip : (N,) int. The recording that each window is of.
    first, last : (N,) int. Its first frame and its last one, counted from 0.
    size : int or None. Frames of a window; None if every recording is one window.
    """

    store: SkeletonStore
    whole: SkeletonStore
    clip: np.ndarray
    first: np.ndarray
    last: np.ndarray
    size: int | None = None

    @property
    def name(self) -> list[str]:
        """N names of recordings."""
        return [self.whole.name[i] for i in self.clip]

    @property
    def frames(self) -> np.ndarray | None:
        """(N, 2), the first and last frames; None if the recordings are not cut."""
        return np.stack([self.first, self.last], 1) if self.size else None

    @property
    def note(self) -> str:
        """What a user should know: which recordings are shorter than a window; '' if none is."""
        length = self.whole.length
        short = [f'{self.whole.name[i]} ({length[i]})' for i in np.flatnonzero(length < (self.size or 0))]
        if not short:
            return ''
        which = counted(len(short), 'clip has', 'clips have')
        return (
            f'{which} fewer frames than --window {self.size}: {first_few(short)}; each is one window, resampled to the '
            'length that the network takes, as in training'
        )


def of_input(arg: argparse.Namespace, *expected: Any) -> Windows:
    """Open what --input names, as `open_input` does for the `expected` clips, in the windows that the settings say."""
    return cut(open_input(arg.input, *expected), arg.window, arg.stride)


def check(windows: Windows | None, window: int | None, figure: str | None) -> None:
    """Raise InputError if --window or --figure ask for what the clips do not allow.

    Parameters
    ----------
    windows : Windows, or None for a feeder that reads --input by itself.
    window : int or None. As --window says.
    figure : str or None. As --figure says.
    """
    if windows is None and (window or figure):
        raise InputError('--window and --figure work with feeders that take a skeleton store, as those of this program')
    if windows and figure and len(windows.whole) != 1:
        raise InputError(f'--figure draws one clip, but --input has {len(windows.whole)}')


def cut(whole: SkeletonStore, window: int | None, stride: int | None = None) -> Windows:
    """Cut recordings into windows, the last of which ends with the recording.

    Parameters
    ----------
    whole : SkeletonStore. The recordings.
    window : int or None. Frames of a window; a recording that is shorter is one window. None: so is every recording.
    stride : int or None. Frames from the start of a window to that of the next one; None for half of the window
        (default).

    Raises
    ------
    InputError
        If frames of the recordings are damaged.
    """
    if window is None:
        clips = np.arange(len(whole))
        return Windows(whole, whole, clips, 0 * clips, whole.length - 1)
    refuse(whole.path, whole.faults(np.arange(len(whole))))  # the checksums are those of whole clips
    stride = stride or max(window // 2, 1)
    firsts = [_firsts(length, window, stride) for length in whole.length.tolist()]
    clip, first = np.repeat(np.arange(len(whole)), [len(each) for each in firsts]), np.concatenate(firsts)
    length = np.minimum(whole.length[clip], window)
    last = first + length - 1
    name = [f'{whole.name[i]}[{a}:{b + 1}]' for i, a, b in zip(clip, first, last)]
    store = whole.take(clip)
    store.name, store.start, store.length, store.crc32 = name, store.start + first, length, None
    return Windows(store, whole, clip, first, last, window)


def _firsts(length: int, window: int, stride: int) -> np.ndarray:
    """Return the first frames of the windows of a recording: every `stride`, and one that ends with it."""
    end = max(length - window, 0)
    return np.unique(np.append(np.arange(0, end + 1, stride), end))
