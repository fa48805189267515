"""Score pickles: {clip name: (K,) float32 logits}, one for each stream."""

import pickle

import numpy as np

from torchlight.errors import InputError
from torchlight.files import atomic_path

ADMITTED = {  # module: names a score pickle may refer to
    **dict.fromkeys(
        ('builtins', '__builtin__'),
        {'dict', 'list', 'tuple', 'set', 'frozenset', 'int', 'float', 'str', 'bytes', 'bool'},
    ),
    'collections': {'OrderedDict'},
    '_codecs': {'encode'},
    **dict.fromkeys(('numpy.core.multiarray', 'numpy._core.multiarray'), {'_reconstruct', 'scalar'}),
    **dict.fromkeys(('numpy.core.numeric', 'numpy._core.numeric'), {'_frombuffer'}),
    'numpy': {'ndarray', 'dtype'},
}


class ArrayUnpickler(pickle.Unpickler):
    """Reads numpy arrays, scalars, dtypes and builtin containers; refuses everything else unread."""

    def find_class(self, module, name):
        if name not in ADMITTED.get(module, ()):
            raise pickle.UnpicklingError(f'it refers to {module}.{name}')
        return super().find_class(module, name)


def read_arrays(path):
    """The arrays and containers in a pickle, by ArrayUnpickler; raises InputError for anything else."""
    try:
        with open(path, 'rb') as file:
            return ArrayUnpickler(file).load()
    except OSError as error:
        raise InputError(f'cannot read {path}: {error.strerror}') from error
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
        ModuleNotFoundError,
        OverflowError,
        MemoryError,
    ) as error:
        raise InputError(f'{path} is not a pickle of arrays alone: {error}') from error


def write_scores(path, name, scores):
    """Write (N, K) scores under their N clip names, in this order."""
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        pickle.dump(dict(zip(name, np.asarray(scores, np.float32))), file, protocol=4)
