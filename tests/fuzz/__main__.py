"""Damage files at random and read them: `python -m tests.fuzz [READER …] [--seconds N] [--seed N] [--coverage]`.

A damaged file must be refused in one line (InputError), or read. It must not end in another error, take more than
TIME seconds or MEMORY bytes, or, if it carries a checksum, give other values than the file as it was written. The files
that fail are kept in --keep, one of each kind of failure. Status 1 if there are any.

With --coverage the damage is not blind: Atheris (libFuzzer) looks for files that lead to code not reached before.
"""

import argparse
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from tests.fuzz import coverage
from tests.fuzz.damage import TIME, damaged
from tests.fuzz.readers import READERS
from tests.fuzz.tally import HEAD, Tally


def main(argv=None):
    parser = argparse.ArgumentParser(prog='python -m tests.fuzz', description=__doc__.splitlines()[0])
    parser.add_argument('readers', nargs='*', metavar='READER', help=f'of {", ".join(READERS)} (default: all)')
    parser.add_argument('--seconds', type=float, default=60, help='time for all readers together (default: 60)')
    parser.add_argument('--seed', type=int, default=0, help='first number of the damage (default: 0)')
    parser.add_argument('--coverage', action='store_true', help='look for new code instead of damaging blindly')
    parser.add_argument(
        '--keep',
        type=Path,
        default=Path(gettempdir()) / 'fuzz_failures',
        metavar='DIR',
        help='folder for files that fail (default: %(default)s)',
    )
    arguments = parser.parse_args(argv)
    names = arguments.readers or list(READERS)
    if unknown := [name for name in names if name not in READERS]:
        parser.error(f'there is no reader {unknown[0]!r}; expected {", ".join(READERS)}')
    if arguments.coverage and find_spec('atheris') is None:
        print('error: --coverage needs the package atheris: pip install atheris', file=sys.stderr)
        return 2
    fuzz, failed = coverage.fuzz if arguments.coverage else blindly, False
    print(f'a file may take {TIME} s\n{HEAD}', flush=True)
    for name in names:
        with TemporaryDirectory() as folder:
            failed |= fuzz(name, folder, arguments.seconds / len(names), arguments.seed, arguments.keep)
    return int(failed)


def blindly(name, folder, seconds, seed, keep):
    """Damage the file of a reader at random for so many seconds; print a line, and return whether any failed."""
    tally, until = Tally(name, folder, keep), time.monotonic() + seconds
    while time.monotonic() < until or not sum(tally.counts.values()):
        tally.read(damaged(tally.original, seed), seed)
        seed += 1
    print(tally, flush=True)
    return tally.counts['failed'] > 0


if __name__ == '__main__':
    sys.exit(main())
