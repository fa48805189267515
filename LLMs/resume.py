"""A feature store in the making: a line of text per clip, in a folder next to it, so that a killed run loses none."""

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from feeders.feature_store import open_features, write_features
from feeders.integrity import in_range
from feeders.recordings.clips import LeftOut
from LLMs.hub import library_versions
from torchlight.errors import InputError
from torchlight.files import make_folder, writing

RESUME_HINT = 'progress is saved; run the same command again to resume'
# What the features of one store have in common:
IDENTITY = 'kind', 'encoder', 'weights', 'dtype', 'prompt', 'feature_kind', 'image', 'sentence_encoder'


DIGEST = 65  # bytes at the end of a line: a tab and the SHA-256 of what is before it


class Record(NamedTuple):
    """One clip's feature, (D,) float32, and the answer that it was read from ('' for an image encoder)."""

    name: str
    feature: np.ndarray
    answer: str = ''


class PartialStore:
    """A feature store in the making: the store of earlier runs, if there is one, and the folder FILE.h5.partial.

    In that folder each process appends to its own <rank>.jsonl, whose first line is the origin of the features. Each
    line ends with the SHA-256 of the origin and its text: damaged lines are passed over, and their clips made anew.

    Parameters
    ----------
    out : path. The store.
    origin : dict. What makes the features; its IDENTITY must be that of the features already there.
    rank : int. The number of this process (default 0).

    Raises
    ------
    InputError
        If features are there that another encoder, prompt, … made.
    """

    def __init__(self, out: str | Path, origin: Mapping[str, Any], rank: int = 0) -> None:
        self.out, self.origin, self.folder = Path(out), origin, Path(f'{out}.partial')
        self.file = self.folder / f'{rank}.jsonl'
        self.identity = {key: str(origin.get(key, '')) for key in IDENTITY}
        self.stored = open_features(out) if self.out.exists() else None
        if self.stored:
            self._require_same_origin(out, self.stored.attributes)
        for line in self._lines():
            if 'origin' in line:
                self._require_same_origin(self.folder, line['origin'])

    def names(self) -> set[str]:
        """Return the clips that have a feature already."""
        return {record.name for record in self.records()} | set(self.stored.name if self.stored else ())

    def records(self) -> Iterator[Record]:
        """Yield the records of all processes, of this run and of those before it."""
        for line in self._lines():
            if 'name' in line:
                feature = np.frombuffer(base64.b64decode(line['feature']), np.float32)
                yield Record(line['name'], feature, line['answer'])

    def add(self, records: Sequence[Record]) -> list[LeftOut]:
        """Append records; once this returns, a killed process loses none of them.

        Returns
        -------
        list of LeftOut. The records that are not kept because their features are not finite.
        """
        finite = [record for record in records if in_range(record.feature)]
        if finite:
            self._append(finite)
        reason = f'its feature is not finite in {self.origin["dtype"]}; try --dtype bf16 or float32'
        kept = {record.name for record in finite}
        return [LeftOut(record.name, reason) for record in records if record.name not in kept]

    def finish(self, left_out: Sequence[LeftOut]) -> None:
        """Join the earlier store and the records, sorted by name, in one store; then delete the folder.

        Parameters
        ----------
        left_out : list of LeftOut. The clips without a feature.

        Raises
        ------
        InputError
            If no clip has a feature.
        """
        records = {record.name: record for record in self.records()}
        if not records and not self.stored:
            first = f'; the first: {left_out[0].source}: {left_out[0].reason}' if left_out else ''
            raise InputError(f'no picture gives a feature{first}')
        if records:
            if stored := self.stored:
                answers = stored.answer or [''] * len(stored.name)
                records = {r[0]: Record(*r) for r in zip(stored.name, stored.feature[:], answers)} | records
            names, features, answers = zip(*(records[name] for name in sorted(records)))
            created = datetime.now(timezone.utc).isoformat(timespec='seconds')
            attributes = {**self.origin, 'width': len(features[0]), 'libraries': library_versions(), 'created': created}
            write_features(self.out, names, np.stack(features), answers if any(answers) else None, **attributes)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _append(self, records: Sequence[Record]) -> None:
        text = b'\n'  # a kill may have cut a line short
        if not self.file.exists():
            text = _signed(json.dumps({'origin': self.identity}, ensure_ascii=False).encode())
        for name, feature, answer in records:
            data = base64.b64encode(np.asarray(feature, np.float32).tobytes()).decode()
            line = {'name': name, 'answer': answer, 'feature': data}
            text += _signed(json.dumps(line, ensure_ascii=False).encode(), self.identity)
        make_folder(self.folder)
        with writing(self.file), open(self.file, 'ab') as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> Iterator[dict]:
        """Yield the JSON objects in the files of all processes; pass over lines that are cut short or damaged."""
        for path in sorted(self.folder.glob('*.jsonl')):
            with open(path, 'rb') as file:
                for line in file:
                    text = line[: -DIGEST - 1]
                    if line in (_signed(text), _signed(text, self.identity)):
                        yield json.loads(text)

    def _require_same_origin(self, path: str | Path, origin: Mapping[str, Any]) -> None:
        for key in IDENTITY:
            found, wanted = str(origin.get(key, '')), str(self.origin.get(key, ''))
            if found != wanted:
                raise InputError(
                    f'{path} was made with {key} {found!r}, but this run has {wanted!r}; choose another --out, '
                    'or remove it'
                )


def _signed(text: bytes, identity: Mapping[str, str] | None = None) -> bytes:
    """Return a line of text, and the SHA-256 of it and of the origin of the features."""
    digest = hashlib.sha256(text + json.dumps(identity).encode())
    return text + b'\t' + digest.hexdigest().encode() + b'\n'
