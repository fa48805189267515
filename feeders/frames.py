"""Where the frames of a feeder's clips are: in the file of the store, in memory, or on a device.

Legend: B bodies (persons of clips), T frames of one, M persons, D = V·C numbers of a person in one frame.
"""

import multiprocessing

import numpy as np
import torch
from torch import Tensor

from feeders.mapped import MappedArray
from feeders.skeleton_store import SkeletonStore
from torchlight.errors import InputError

Place = tuple[Tensor, np.ndarray, int]  # rows (R, D); each body's first row (B,); rows from a frame to the next


class StoreFrames:
    """The frames of a store, a row for each frame and person.

    Parameters
    ----------
    store : SkeletonStore.
    """

    on_device = False

    def __init__(self, store: SkeletonStore) -> None:
        persons, joints, coordinates = store.layout
        self.start, self.persons = store.start, persons
        self.rows = store.frames.reshape(len(store.frames) * persons, joints * coordinates)

    def find(self, clip: np.ndarray, person: np.ndarray, start: np.ndarray, length: np.ndarray) -> Place:
        """Find parts of clips; they are copied only if their file cannot be read in place.

        Parameters
        ----------
        clip, person : (B,) int. Whose body it is.
        start, length : (B,) int. The part, in frames of the clip.
        """
        first = (self.start[clip] + start) * self.persons + person
        if isinstance(self.rows, MappedArray):
            rows = self.rows.tensor(int(length.sum()) * 4 * self.rows.shape[1])
        else:
            rows = torch.from_numpy(self.rows) if self.rows.dtype == np.float32 else None
        return self.cut(first, length) if rows is None else (rows, first, self.persons)

    def copy(self, clip: np.ndarray, person: np.ndarray, start: np.ndarray, length: np.ndarray) -> Place:
        """Do what `find` does, but always copy the parts out of the store, one after the other."""
        return self.cut((self.start[clip] + start) * self.persons + person, length)

    def cut(self, first: np.ndarray, length: np.ndarray) -> Place:
        """Copy bodies of `length` (B,) frames that begin at the rows `first` (B,)."""
        rows, place = ragged(first, length, self.persons)
        return torch.from_numpy(self.rows.take(rows, 0).astype(np.float32, copy=False)), place, 1


class LoadedFrames:
    """The frames of a store's clips in memory, body after body; processes that are forked share them.

    Parameters
    ----------
    store : SkeletonStore.
    device : torch.device. Where they are kept.

    Raises
    ------
    InputError
        If the device has not enough free memory.
    """

    def __init__(self, store: SkeletonStore, device: torch.device) -> None:
        self.length, self.on_device = store.length, device.type != 'cpu'
        persons = store.person
        size = store.length * persons
        self.first = np.cumsum(size) - size
        width = int(np.prod(store.layout[1:]))
        require_memory(device, int(size.sum()) * width * 4)
        self.rows = torch.empty((int(size.sum()) + 1, width), device=device)  # the last row is for nobody
        self.rows[-1] = 0
        source = StoreFrames(store)
        for begin in range(0, len(store), 1024):
            clip, person = np.nonzero(np.arange(store.layout[0]) < persons[begin : begin + 1024, None])
            clip += begin
            rows, _, _ = source.copy(clip, person, np.zeros_like(clip), store.length[clip])
            self.rows[self.first[begin] : self.first[begin] + len(rows)] = rows.to(device)
        method = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
        if not self.on_device and method != 'fork':
            self.rows.share_memory_()

    def find(self, clip: np.ndarray, person: np.ndarray, start: np.ndarray, length: np.ndarray) -> Place:
        """Find parts of clips, as StoreFrames.find does."""
        return self.rows, self.first[clip] + person * self.length[clip] + start, 1

    def copy(self, clip: np.ndarray, person: np.ndarray, start: np.ndarray, length: np.ndarray) -> Place:
        """Copy parts of clips, as StoreFrames.copy does; on a device there is no need to."""
        place = self.find(clip, person, start, length)
        if self.on_device:
            return place
        rows, first = ragged(place[1], length, 1)
        return self.rows.index_select(0, torch.from_numpy(rows)), first, 1


def ragged(first: np.ndarray, length: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """List rows first, first + step, …, `length` (B,) of them from each `first` (B,).

    Returns
    -------
    rows : (Σ length,) int64.
    place : (B,) int64. Where those of each body begin.
    """
    place = np.cumsum(length) - length
    return np.repeat(first - step * place, length) + step * np.arange(length.sum()), place


def require_memory(device: torch.device, size: int) -> None:
    """Raise InputError if `size` bytes would take more than three quarters of a GPU's free memory."""
    if device.type != 'cuda':
        return
    free, _ = torch.cuda.mem_get_info(device)
    if size > 0.75 * free:
        raise InputError(
            f'--preload device needs {size / 1e9:.2f} GB for the frames of a split, but {device} has '
            f'{free / 1e9:.2f} GB free, a quarter of which is for the network; use --preload memory'
        )
