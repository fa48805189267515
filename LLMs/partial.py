"""A feature store while it is being made: lines of text beside it, one a clip, so that a killed run loses none."""

import base64
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from torchlight.errors import InputError
from torchlight.files import make_folder

# Of features that belong together:
IDENTITY = 'kind', 'encoder', 'weights', 'dtype', 'prompt', 'feature_kind', 'image', 'sentence_encoder'


class Record(NamedTuple):
    """One clip's feature (D,) float32, and the answer it was read from ('' for an image encoder)."""

    name: str
    feature: np.ndarray
    answer: str = ''


class Partial:
    """The folder FILE.h5.partial: <rank>.jsonl, appended by each process, the first line saying what made it.

    Args:
        out: the store it will become. origin: dict of what makes the features. rank: this process's number.
    Raises InputError where the folder was begun by another encoder, prompt ….
    """

    def __init__(self, out, origin, rank):
        self.folder, self.origin = Path(f'{out}.partial'), {key: origin.get(key, '') for key in IDENTITY}
        self.path = self.folder / f'{rank}.jsonl'
        for path in self.files():
            for line in _lines(path):
                if 'origin' in line:
                    require_same(self.folder, line['origin'], self.origin)

    def files(self):
        """The files of all processes, of this run and of those before it."""
        return sorted(self.folder.glob('*.jsonl'))

    def records(self):
        """Yield every Record; a line that was cut short is passed over."""
        for path in self.files():
            for line in _lines(path):
                if 'name' in line:
                    feature = np.frombuffer(base64.b64decode(line['feature']), np.float32)
                    yield Record(line['name'], feature, line['answer'])

    def add(self, records):
        """Append a list of Records; once this returns, a killed process loses none of them."""
        new = not self.path.exists()
        make_folder(self.folder)
        lines = [{'origin': self.origin}] if new else []
        lines += [
            {
                'name': record.name,
                'answer': record.answer,
                'feature': base64.b64encode(np.asarray(record.feature, np.float32).tobytes()).decode(),
            }
            for record in records
        ]
        text = ''.join(json.dumps(line, ensure_ascii=False) + '\n' for line in lines)
        try:
            with open(self.path, 'a', encoding='utf-8') as file:
                file.write(text if new else '\n' + text)  # after a line that a kill cut short
        except OSError as error:
            raise InputError(f'cannot write {self.path}: {error.strerror}') from error

    def remove(self):
        """Delete the folder; its records are in the store by now."""
        shutil.rmtree(self.folder, ignore_errors=True)


def require_same(path, found, wanted):
    """Raise InputError where two origins differ in what decides the features."""
    for key in IDENTITY:
        if str(found.get(key, '')) != str(wanted.get(key, '')):
            raise InputError(
                f'{path} was made with {key} {found.get(key, "")!r}, and this run has '
                f'{wanted.get(key, "")!r}; choose another --out, or remove it'
            )


def _lines(path):
    """Yield the JSON objects of a file's lines; a line that is none was cut short."""
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                continue
