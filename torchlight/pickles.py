"""Pickles of arrays, scalars and builtin containers: reading runs no code, and takes what the file's size allows.

Restricting `pickle.Unpickler` to numpy's functions is not enough: they build arrays of any size and dtypes that take
numbers for objects, and a key of tuples inside tuples, 1 MB long, crashes the process. So numpy's functions have
stand-ins here, and a file with tuples other than theirs is read by Python's own, slower unpickler, which checks keys.
"""

import hashlib
import io
import pickle
import re
import stat
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from torchlight.errors import InputError
from torchlight.files import write_bytes

RENAMED_MODULES = {  # newer and older names of modules that a pickle may refer to
    '__builtin__': 'builtins',
    'numpy._core.multiarray': 'numpy.core.multiarray',
    'numpy._core.numeric': 'numpy.core.numeric',
}
KEYS = str, bytes, int, np.integer, np.character  # of other types, tuples, comparing may take a time without bound
PLAIN_DTYPE = re.compile(r'[biufcSUO][0-9]*')
TRAILER = len(b'\nsha256 \n') + 64  # bytes

PUT = rb'q.|r.{2}[\0-\x3f]\0'  # below 2^22: Python takes memory for as many places as the number says
MEMO = rb'(?:\x94|' + PUT + rb')?'
INT = rb'(?:K.|M..|J.{4}|\x8a\x01.|\x8a\x02..)'
# Operations of a fixed length, and of tuples only shapes, (int, …), and what a function or a state takes at once:
RUN = re.compile(
    rb'(?:(?:' + INT + rb'{1,3}+[\x85-\x87]|\(' + INT + rb'*+t|[\x85-\x87t]' + MEMO + rb'(?=[Rb]))' + MEMO + rb'|'
    rb'[\x94()\]}NRbuaes\x88\x89\x8f\x90\x93]|' + INT + rb'|h.|j.{4}|' + PUT + rb'|G.{8}|\x80.|\x95.{8}|'
    rb'c[^\n]*+\n[^\n]*+\n)*+',
    re.DOTALL,
)
SIZED = {**dict.fromkeys(b'\x8cCU', 1), **dict.fromkeys(b'XBT', 4), **dict.fromkeys(b'\x8d\x8e\x96', 8)}
LENGTH = [SIZED.get(code, 0) for code in range(256)]  # bytes of the length that follows an operation, 0 for none


def read_arrays(path: str | Path) -> Any:
    """Read a pickle that contains only arrays and builtin containers.

    Raises
    ------
    InputError
        If it contains anything else, is damaged, or does not have the SHA-256 that `write_scores` recorded in it.
    """
    try:
        if stat.S_ISCHR(Path(path).stat().st_mode):
            raise InputError(f'cannot read {path}: it is a device')
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f'cannot read {path}: {error.strerror}') from error
    last = data[-TRAILER:]
    if last.startswith(b'\nsha256 ') and last != trailer(memoryview(data)[:-TRAILER]):
        raise InputError(f'{path} is damaged: its bytes do not have the SHA-256 that was recorded with them')
    file = io.BytesIO(data)
    try:
        reader = CarefulReader if _has_other_tuples(data) else Reader
        value = reader(file, len(data)).load()
        if file.tell() not in (len(data), len(data) - TRAILER) or file.read(8) not in (b'', b'\nsha256 '):
            raise ValueError('more bytes follow its end')
    except Exception as error:  # on foreign bytes an unpickler raises almost any error
        raise InputError(f'{path} is not a pickle of arrays: {" ".join(str(error).split())[:200]}') from error
    return value


def write_scores(path: str | Path, name: Sequence[str], scores: np.ndarray) -> None:
    """Write a score pickle, {name: (num_class,) float32 scores}, followed by its SHA-256.

    Parameters
    ----------
    path : path. The pickle.
    name : N str. The names of the samples, in the order of the dictionary.
    scores : (N, num_class). Their scores.
    """
    data = pickle.dumps(dict(zip(name, np.asarray(scores, np.float32))), protocol=4)
    write_bytes(path, data + trailer(data))


def trailer(data: bytes | memoryview) -> bytes:
    """Return the line that follows a pickle, its SHA-256; `pickle.load` ignores it."""
    return b'\nsha256 %s\n' % hashlib.sha256(data).hexdigest().encode()


class DType:
    """A dtype of numbers, text or objects, which a pickle describes in two steps."""

    __slots__ = ('value',)

    def __init__(self, text: str, align: bool = False, copy: bool = True) -> None:
        if not PLAIN_DTYPE.fullmatch(text):
            raise pickle.UnpicklingError(f'it has an array of dtype {text[:20]}')
        self.value = np.dtype(text)

    def __setstate__(self, state: tuple) -> None:
        _, order, *structure = state[:5]
        if structure != [None, None, None]:
            raise pickle.UnpicklingError('it has an array of records')
        self.value = self.value.newbyteorder(order)


class PickledArray(np.ndarray):
    """An array from a pickle; it is empty until its state follows."""

    __slots__ = ('reader',)

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, raw = state
        self.reader.require_fit(raw, dtype, shape)
        del self.reader
        np.ndarray.__setstate__(self, (version, shape, dtype.value, fortran, raw))


class Limits:
    """What both readers have: the stand-ins, and `room` for bytes and elements that are built from those in the file.

    An honest file contains every byte once, or twice if it writes bytes as text.
    """

    def __init__(self, file: io.BytesIO, size: int) -> None:
        super().__init__(file)
        self.room = 2 * size
        self.last: tuple = ()  # raw type, length, dtype and shape that fitted
        self.stand_ins: dict[str, Callable] = {
            'numpy.core.multiarray._reconstruct': self.new_array,
            'numpy.core.multiarray.scalar': lambda dtype, raw: self.new_view(raw, dtype, (1,))[0],
            'numpy.core.numeric._frombuffer': self.new_view,
            'numpy.dtype': DType,
            'numpy.ndarray': lambda: None,  # only referred to
            '_codecs.encode': self.encode,
            'builtins.bytes': lambda: b'',
            'builtins.set': lambda values: set(self.keys(self.charged(values))),
            'builtins.frozenset': lambda values=(): frozenset(self.keys(self.charged(values))),
            'collections.OrderedDict': self.new_dict,
        }

    def find_class(self, module: str, name: str) -> Callable:
        """Return the stand-in of what a pickle refers to; raise UnpicklingError if there is none."""
        known = self.stand_ins.get(f'{RENAMED_MODULES.get(module, module)}.{name}')
        if known is None:
            raise pickle.UnpicklingError(f'it refers to {module}.{name}')
        return known

    def new_dict(self) -> dict:
        """Return a dict whose items follow."""
        return {}

    def new_array(self, kind: Any, shape: Any, code: Any) -> PickledArray:
        """Return an array whose state follows."""
        array = PickledArray(0, np.int8)
        array.reader = self
        return array

    def new_view(self, raw: Any, dtype: DType, shape: tuple[int, ...], order: str = 'C') -> np.ndarray:
        """Return an array of these bytes."""
        self.require_fit(raw, dtype, shape)
        return np.frombuffer(raw, dtype.value).reshape(shape, order=order)

    def require_fit(self, raw: Any, dtype: DType, shape: tuple[int, ...]) -> None:
        """Raise UnpicklingError unless there are as many bytes, or objects in a list, as the array needs."""
        self.charged(raw)
        described = type(raw), len(raw), dtype, shape
        if described == self.last:
            return
        if type(dtype) is not DType or type(raw) not in (bytes, bytearray, list):
            raise pickle.UnpicklingError('it has an array of an unknown form')
        objects = dtype.value.hasobject
        size = 1 if objects else dtype.value.itemsize
        flat = type(shape) is tuple and len(shape) <= 32 and all(type(n) is int and 0 <= n < 1 << 60 for n in shape)
        if (type(raw) is list) != objects or not flat or not size or prod(shape) * size != len(raw):
            raise pickle.UnpicklingError('it has an array with more or fewer numbers than its shape says')
        self.last = described

    def encode(self, text: str, encoding: str) -> bytes:
        """Return bytes that protocols 0 to 2 write as text."""
        return self.charged(text).encode('latin-1')

    def keys(self, values: Sequence) -> Sequence:
        """Return keys of a dict or members of a set; raise UnpicklingError for those that may be slow to compare."""
        for value in values:
            if not self.is_key(value):
                raise pickle.UnpicklingError(f'it has a key of type {type(value).__name__}, or a very large number')
        return values

    def is_key(self, value: Any) -> bool:
        """Return whether a value is quick to compare with others."""
        return isinstance(value, KEYS) and not (type(value) is int and abs(value) >> 60)

    def charged(self, values: Any) -> Any:
        """Return values after counting them."""
        self.room -= len(values)
        if self.room < 0:
            raise pickle.UnpicklingError('it builds more than it contains')
        return values


class Reader(Limits, pickle.Unpickler):
    """Reads a pickle without tuples of tuples."""


class CarefulReader(Limits, pickle._Unpickler):
    """Reads any pickle, checking each key before it is compared with others."""

    dispatch = dict(pickle._Unpickler.dispatch)


def _has_other_tuples(data: bytes) -> bool:
    """Return whether a pickle has tuples besides those of its arrays, or operations that RUN does not know."""
    at = code = 0
    after = [b''] * 256  # what followed the last operation of each code: mostly, it comes again
    while at < len(data):  # past it, an operation claims more bytes than there are
        width = LENGTH[data[at]]
        if not width:
            run = after[code] = RUN.match(data, at)[0]
            if not run:
                return data[at] != pickle.STOP[0]
        else:
            code = data[at]
            at += 1 + width + (data[at + 1] if width == 1 else int.from_bytes(data[at + 1 : at + 1 + width], 'little'))
            run = after[code]
            if not data.startswith(run, at):
                continue
        at += len(run)
    raise EOFError('it ends early')


def _checking(operation: Callable, keys: Callable[[CarefulReader], Sequence]) -> Callable[[CarefulReader], None]:
    def checked(reader: CarefulReader) -> None:
        reader.keys(keys(reader))
        operation(reader)

    return checked


for _code, _keys in {
    pickle.SETITEM: lambda reader: reader.stack[-2:-1],
    pickle.SETITEMS: lambda reader: reader.stack[::2],
    pickle.DICT: lambda reader: reader.stack[::2],
    pickle.ADDITEMS: lambda reader: reader.stack,
    pickle.FROZENSET: lambda reader: reader.stack,
}.items():
    CarefulReader.dispatch[_code[0]] = _checking(CarefulReader.dispatch[_code[0]], _keys)


def _load_bytearray(reader: CarefulReader) -> None:
    reader.load_binbytes8()  # Python's own operation takes the memory before it reads
    reader.stack[-1] = bytearray(reader.stack[-1])


CarefulReader.dispatch[pickle.BYTEARRAY8[0]] = _load_bytearray
