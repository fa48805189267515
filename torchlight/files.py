"""Files that are either complete or absent, and pickles of arrays that cannot run code."""

import contextlib
import csv
import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchlight.errors import InputError
from torchlight.tables import as_cells

ADMITTED = {  # module: the names in it that a pickle of arrays may refer to
    'builtins': {'dict', 'list', 'tuple', 'set', 'frozenset', 'int', 'float', 'str', 'bytes', 'bool'},
    'collections': {'OrderedDict'},
    '_codecs': {'encode'},
    'numpy.core.multiarray': {'_reconstruct', 'scalar'},
    'numpy.core.numeric': {'_frombuffer'},
    'numpy': {'ndarray', 'dtype'},
}
RENAMED_MODULES = {  # newer and older names of those modules
    '__builtin__': 'builtins',
    'numpy._core.multiarray': 'numpy.core.multiarray',
    'numpy._core.numeric': 'numpy.core.numeric',
}


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Convert an OSError while `path` is written, such as a full disk, into an InputError."""
    try:
        yield
    except OSError as error:
        elsewhere = error.filename and Path(error.filename).parent != Path(path).parent
        place = f' ({error.filename})' if elsewhere else ''
        raise InputError(
            f'cannot write {path}: {error.strerror or error}{place}; no partial file is left behind'
        ) from error


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` after success, remove it otherwise."""
    path = Path(path)
    make_folder(path.parent)
    with writing(path):
        handle, name = tempfile.mkstemp(prefix=f'.{path.name}.', suffix='.part', dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with open(temporary, 'rb') as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` in one step."""
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def write_csv(path: str | Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows of cells to `path` as a CSV table in one step; no cell is a formula (see torchlight.tables)."""
    with atomic_path(path) as temporary, open(temporary, 'w', newline='') as file:
        csv.writer(file).writerows(as_cells(rows))


def require_file(path: str | Path) -> Path:
    """Return `path` as a Path; raise InputError if there is no such file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path} does not exist or is not a file')
    return path


def make_folder(path: str | Path) -> None:
    """Make the folder `path` and its parents; raise InputError if that is not possible."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'cannot make the folder {path}: {error.strerror}') from error


class ArrayUnpickler(pickle.Unpickler):
    """Reads numpy arrays, scalars, dtypes and builtin containers; refuses everything else before it is loaded."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the class that a pickle refers to; raise UnpicklingError unless it is admitted."""
        if name not in ADMITTED.get(RENAMED_MODULES.get(module, module), ()):
            raise pickle.UnpicklingError(f'it refers to {module}.{name}')
        return super().find_class(module, name)


def read_arrays(path: str | Path) -> Any:
    """Read a pickle that contains only arrays and builtin containers; raise InputError for anything else."""
    try:
        with open(path, 'rb') as file:
            return ArrayUnpickler(file).load()
    except OSError as error:
        raise InputError(f'cannot read {path}: {error.strerror}') from error
    except (
        *(pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError),
        *(ModuleNotFoundError, OverflowError, MemoryError),
    ) as error:
        raise InputError(f'{path} is not a pickle of arrays: {error}') from error


def write_scores(path: str | Path, name: Sequence[str], scores: np.ndarray) -> None:
    """Write a score pickle, {name: (num_class,) float32 scores}.

    Parameters
    ----------
    path : path. The pickle.
    name : N str. The names of the samples, in the order of the dictionary.
    scores : (N, num_class). Their scores.
    """
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        pickle.dump(dict(zip(name, np.asarray(scores, np.float32))), file, protocol=4)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
