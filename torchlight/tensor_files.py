"""Files of tensors: zip archives as `torch.save` writes them, with the SHA-256 of all their bytes.

The SHA-256 is the comment at the end of the archive, and what the file says of its tensors is a record of its own;
`torch.load` passes over both. Files without that comment, of other programs, are checked by the CRCs of their records.
"""

import hashlib
import io
import json
import pickle
import re
import stat
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from torchlight.errors import InputError
from torchlight.files import require_file, write_bytes
from torchlight.pickles import RENAMED_MODULES, CarefulReader

END = b'PK\x05\x06'  # begins the last 22 bytes of an archive; the last two are the length of the comment after them
PLAIN = re.compile(  # what files of dense tensors in the memory of the CPU or a GPU refer to
    r'torch\.(Size|device|(cuda\.)?\w+Storage|storage\.(Untyped|Typed)Storage)|'
    r'torch\._utils\._rebuild_(tensor|tensor_v2|tensor_v3|parameter)|torch\.(b?float|u?int)\d+|torch\.bool'
)
LONGEST_KEY = 8  # values in a tuple
DESCRIPTION, LARGEST_DESCRIPTION = 'description.json', 1 << 20  # bytes
LEGACY_PICKLES = 5  # in files of PyTorch before 1.6: a number, a version, the system, the tensors, their storages


class Damage(Exception):
    """What is wrong with a file."""


def write_tensors(path: str | Path, value: Any, description: Mapping[str, Any] | None = None) -> None:
    """Write tensors in plain containers; `path` changes only when the file is complete.

    Parameters
    ----------
    path : path.
    value : tensors, numbers and texts in lists and dicts.
    description : dict or None. What `read_description` returns, values of JSON (default None: nothing).
    """
    file = io.BytesIO()  # on a full disk, torch.save itself would raise errors of its own
    torch.save(value, file)
    if description is not None:
        with zipfile.ZipFile(file, 'a') as archive:
            root = archive.namelist()[0].split('/')[0]
            archive.writestr(zipfile.ZipInfo(f'{root}/{DESCRIPTION}'), json.dumps(description))
    data = file.getvalue()[:-2] + len(_comment(b'')).to_bytes(2, 'little')
    write_bytes(path, data + _comment(data))


def read_tensors(path: str | Path) -> Any:
    """Read tensors in plain containers, onto the CPU.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind; nothing in it runs, or takes memory that the file does not.
    """
    try:
        if stat.S_ISCHR(Path(path).stat().st_mode):
            raise InputError(f'{path} cannot be read: it is a device')
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f'the weights file {path} does not exist') from error
    except OSError as error:
        raise InputError(f'{path} cannot be read: {error.strerror or error}') from error
    try:
        _require_plain(*_program(data))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # about the pickle protocol of files that are not weights
            return torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)
    except Damage as error:
        raise InputError(f'{path} is damaged: {error}') from error
    except Exception as error:  # on foreign bytes an unpickler raises almost any error
        reason = f' ({error})' if isinstance(error, pickle.UnpicklingError) and 'refers to' in str(error) else ''
        raise InputError(
            f'{path} cannot be read as PyTorch weights: it is damaged, of another kind, or contains more than tensors '
            f'and plain containers{reason}'
        ) from error


def read_containers(path: str | Path) -> Any:
    """Read the containers, numbers and texts of a file, with None in the place of each tensor.

    That takes a fraction of the time of `read_tensors`: the tensors are neither read nor checked.

    Raises
    ------
    InputError
        If the file is missing, or if it is of another kind or damaged where its containers are.
    """
    try:
        with zipfile.ZipFile(require_file(path)) as archive:
            record = archive.getinfo(f'{archive.namelist()[0].split("/")[0]}/data.pkl')
            if record.compress_type:
                raise Damage('its records are compressed')
            program = archive.read(record)
        return TensorsReader(io.BytesIO(program), len(program)).load()
    except InputError:
        raise
    except Exception as error:  # on foreign bytes a reader of archives or pickles raises almost any error
        raise InputError(f'{path} cannot be read as a PyTorch checkpoint: it is damaged or of another kind') from error


def may_be_weights(path: str | Path) -> bool:
    """Return whether a file begins as one of tensors does: a zip archive, or a pickle in older formats of PyTorch."""
    with open(path, 'rb') as file:
        return file.read(2).startswith((b'PK', b'\x80'))


def read_description(path: str | Path) -> dict[str, Any]:
    """Return what a file says of its tensors, {} if it says nothing.

    Raises
    ------
    InputError
        If what it says is damaged, or no mapping in JSON.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError):
        return {}  # an older format of PyTorch, or not a weights file at all, which `read_tensors` reports
    try:
        with archive:
            records = [record for record in archive.infolist() if record.filename.split('/')[1:] == [DESCRIPTION]]
            if not records:
                return {}
            size = LARGEST_DESCRIPTION if records[0].compress_type else records[0].file_size  # nothing is inflated
            if len(records) > 1 or size >= LARGEST_DESCRIPTION:
                raise ValueError('it has several, or one that is compressed or too large')
            found = json.loads(archive.read(records[0]))
    except (OSError, ValueError, RecursionError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(f'what {path} says of its weights cannot be read: {error}') from error
    if not isinstance(found, dict):
        raise InputError(f'what {path} says of its weights cannot be read: it is no mapping')
    return found


def _comment(data: bytes) -> bytes:
    return b'sha256 ' + hashlib.sha256(data).hexdigest().encode()


def _program(data: bytes) -> tuple[bytes, int]:
    """Check the bytes of a file; return those that describe its containers, and how many pickles they are."""
    if not data.startswith(b'PK'):
        return data, LEGACY_PICKLES
    end = data.rindex(END) + 22
    comment = data[end:]
    if comment and comment != _comment(data[:end]):
        raise Damage('its bytes do not have the SHA-256 that was recorded with them')
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        records = archive.infolist()
        names = {record.filename.lower() for record in records}
        if any(record.compress_type for record in records) or sum(record.file_size for record in records) > len(data):
            raise Damage('its records claim more bytes than it has')
        if len(names) < len(records) or len({name.split('/')[0] for name in names}) > 1:
            raise Damage('it has records of one name, or of several archives')
        if not comment and (name := archive.testzip()):
            raise Damage(f'its record {name} does not have its CRC')
        return archive.read(f'{records[0].filename.split("/")[0]}/data.pkl'), 1


def _require_plain(program: bytes, pickles: int) -> None:
    """Raise UnpicklingError if pickles refer to more than dense tensors, or take more time or memory than their size.

    `torch.load` runs no code of them either, but would make an array of any size.
    """
    file = io.BytesIO(program)
    for _ in range(pickles):
        TensorsReader(file, len(program)).load()


class TensorsReader(CarefulReader):
    """Reads the containers of a file of tensors, with nothing in the place of the tensors."""

    def find_class(self, module: str, name: str) -> Callable:
        """Return a stand-in of what the file refers to; raise UnpicklingError for anything but tensors and containers.

        Training checkpoints of other programs have all of these containers, in the state of a schedule for instance.
        """
        containers = {
            'collections.OrderedDict': self.new_ordered,
            'collections.Counter': self.new_ordered,
            'builtins.bytearray': self.new_bytes,
            'builtins.complex': complex,
        }
        stand_in = containers.get(f'{RENAMED_MODULES.get(module, module)}.{name}')
        if stand_in:
            return stand_in
        return self.nothing if PLAIN.fullmatch(f'{module}.{name}') else super().find_class(module, name)

    def is_key(self, value: Any) -> bool:
        """Return whether a value is quick to compare with others: a number, a text, None, or some of them together."""
        if type(value) is tuple:
            return len(value) <= LONGEST_KEY and all(type(part) is not tuple and self.is_key(part) for part in value)
        return value is None or type(value) is float or super().is_key(value)

    def new_ordered(self, items: dict | list = ()) -> OrderedDict:
        """Return a dictionary of items, pairs or a dict, that can have attributes."""
        self.keys([key for key, _ in items] if type(items) is list else self.charged(items))
        return OrderedDict(items)

    def new_bytes(self, data: str | bytes = b'', encoding: str = 'latin-1') -> bytearray:
        """Return a bytearray of bytes that are written out, not one of a given length."""
        if type(data) is int:
            raise pickle.UnpicklingError('it has bytes that it does not contain')
        data = self.charged(data)
        return bytearray(data.encode('latin-1') if type(data) is str else data)

    def nothing(self, *arguments: Any) -> None:
        """Stand for a tensor."""

    def persistent_load(self, pid: Any) -> None:
        """Stand for the memory of a tensor."""
