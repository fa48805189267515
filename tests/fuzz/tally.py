"""What becomes of the damaged files of one reader."""

import re
from pathlib import Path

from tests.fuzz.damage import Failure, run
from tests.fuzz.readers import READERS

HEAD = f'{"reader":16} {"files":>7} {"refused":>8} {"read":>6} {"changed":>8} {"failed":>7}'


class Tally:
    """One reader, its file, and counts of what its damaged files did.

    Parameters
    ----------
    name : str. The reader, a key of READERS.
    folder : path. An empty folder for the file.
    keep : path. The folder for files that fail, one of each kind of failure.
    """

    def __init__(self, name, folder, keep):
        self.name, self.reader, self.keep, self.kinds = name, READERS[name], Path(keep), set()
        self.path = self.reader.make(Path(folder))
        self.original, self.expected = self.path.read_bytes(), run(self.reader.read, self.path)
        if not isinstance(self.expected, bytes):
            raise ValueError(f'the {name} file is not read as it was written: {self.expected}')
        self.counts = dict.fromkeys(('refused', 'read', 'changed', 'failed'), 0)

    def read(self, data, number):
        """Read the file with other bytes, and count what comes of it; `number` names them if they fail."""
        self.path.write_bytes(data)
        outcome = run(self.reader.read, self.path)
        if self.reader.checked and outcome not in (None, self.expected) and not isinstance(outcome, Failure):
            outcome = Failure('gives other values without a word')
        if isinstance(outcome, Failure):
            self.counts['failed'] += 1
            self.fail(outcome.text, data, number)
        elif outcome is None:
            self.counts['refused'] += 1
        else:
            self.counts['read' if outcome == self.expected else 'changed'] += 1

    def fail(self, text, data, number):
        """Keep the file of a failure, and say what it was; not if another failure differs only in names and numbers."""
        kind = re.split(r'[\d\'"/]', text)[0]
        if kind in self.kinds:
            return
        self.kinds.add(kind)
        self.keep.mkdir(parents=True, exist_ok=True)
        file = self.keep / f'{self.name}-{number}{self.path.suffix}'
        file.write_bytes(data)
        print(f'{file}: {text}', flush=True)

    def __str__(self):
        refused, read, changed, failed = self.counts.values()
        return f'{self.name:16} {sum(self.counts.values()):7} {refused:8} {read:6} {changed:8} {failed:7}'
