"""Damage files at random and read them: `python -m tests.fuzz [READER …] [--seconds N] [--seed N]`.

A damaged file must be refused in one line (InputError), or read. It must not end in another error, take more than
TIME seconds or MEMORY bytes, or, if it carries a checksum, give other values than the file as it was written. The files
that fail are kept in --keep. Status 1 if there are any.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from tests.fuzz.damage import TIME, Failure, damaged, run
from tests.fuzz.readers import READERS


def main(argv=None):
    parser = argparse.ArgumentParser(prog='python -m tests.fuzz', description=__doc__.splitlines()[0])
    parser.add_argument('readers', nargs='*', metavar='READER', help=f'of {", ".join(READERS)} (default: all)')
    parser.add_argument('--seconds', type=float, default=60, help='time for all readers together (default: 60)')
    parser.add_argument('--seed', type=int, default=0, help='first number of the damage (default: 0)')
    parser.add_argument(
        '--keep',
        default=Path(gettempdir()) / 'fuzz_failures',
        metavar='DIR',
        help='folder for files that fail (default: %(default)s)',
    )
    arguments = parser.parse_args(argv)
    names = arguments.readers or list(READERS)
    if unknown := [name for name in names if name not in READERS]:
        parser.error(f'there is no reader {unknown[0]!r}; expected {", ".join(READERS)}')
    failures = 0
    print(f'{"reader":16} {"files":>6} {"refused":>8} {"read":>6} {"changed":>8} {"failed":>7}')
    for name in names:
        with TemporaryDirectory() as folder:
            failures += fuzz(name, Path(folder), arguments.seconds / len(names), arguments.seed, Path(arguments.keep))
    return int(failures > 0)


def fuzz(name, folder, seconds, seed, keep):
    """Damage one kind of file for so many seconds; print a line, and return how many failed."""
    reader, counts = READERS[name], {'refused': 0, 'read': 0, 'changed': 0}
    path, failures, until = reader.make(folder), [], time.monotonic() + seconds
    original, expected = path.read_bytes(), run(reader.read, path)
    while time.monotonic() < until or not sum(counts.values()):
        path.write_bytes(damaged(original, seed))
        outcome = run(reader.read, path)
        if isinstance(outcome, Failure):
            failures.append(outcome)
        elif outcome is None:
            counts['refused'] += 1
        else:
            counts['read' if outcome == expected else 'changed'] += 1
            if reader.checked and outcome != expected:
                outcome = Failure('gives other values without a word')
                failures.append(outcome)
        if isinstance(outcome, Failure):
            keep.mkdir(exist_ok=True)
            (keep / f'{name}-{seed}{path.suffix}').write_bytes(path.read_bytes())
            print(f'{name}-{seed}{path.suffix}: {outcome.text}', file=sys.stderr)
        seed += 1
    print(f'{name:16} {sum(counts.values()) + len(failures):6}', end='')
    print(f' {counts["refused"]:8} {counts["read"]:6} {counts["changed"]:8} {len(failures):7}', flush=True)
    return len(failures)


if __name__ == '__main__':
    print(f'one file may take {TIME} s')
    sys.exit(main())
