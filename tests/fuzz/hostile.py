"""Files that somebody made to do harm, and what becomes of them: `python -m tests.fuzz.hostile [WORD …]`.

Each is read as a user would read it, in a process of its own. It must be refused in one line (or read, where the list
says so), and must not run code, open another file, take more than a gigabyte of memory, or more than ten seconds. The
words choose those that have one of them in their title. Status 1 if one does harm.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from tests.fuzz import hostile_arrays, hostile_pickles, hostile_pictures, hostile_texts
from tests.fuzz.watch import attempt

KINDS = {**hostile_pickles.KINDS, **hostile_arrays.KINDS, **hostile_texts.KINDS, **hostile_pictures.KINDS}
HOSTILE = {f'{kind}: {tries}': hostile for kind, files in KINDS.items() for tries, hostile in files.items()}


def main(words):
    chosen = {title: file for title, file in HOSTILE.items() if not words or any(word in title for word in words)}
    harmful = 0
    for title, hostile in chosen.items():
        with TemporaryDirectory() as folder:
            said, failures = attempt(hostile, Path(mkdtemp(dir=folder)))
            as_expected = not failures and hostile.says in said
            harmful += not as_expected
            print(f'{"ok" if as_expected else "HARM"}  {title}')
            print(f'      {"; ".join(failures) or said.replace(folder, "…")[:150]}', flush=True)
    print(f'{len(chosen)} hostile files, {harmful} of them do harm')
    return int(harmful > 0)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
