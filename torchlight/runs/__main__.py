"""List the runs below a folder, and compare two of them, or groups that differ only in their seeds."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from torchlight.command import Parser, run_command
from torchlight.errors import InputError
from torchlight.files import require_ending, write_csv
from torchlight.imports import nearest
from torchlight.report.page import Table, write_page
from torchlight.runs import against, compare, listing
from torchlight.runs.found import FoundRun, find_runs


def get_parser() -> Parser:
    """Define the command line."""
    parser = Parser(prog='python -m torchlight.runs', description=__doc__)
    parser.add_argument('folder', metavar='FOLDER', help='folder with work directories in it, at any depth')
    parser.add('--csv', metavar='FILE', help='write the table (with --against that of groups) to this .csv file too')
    parser.add('--html', metavar='FILE', help='write the table to this .html file too, as a page that needs no network')
    text = "test by McNemar's exact test whether one of two runs, named as in the table, is better on the test clips"
    parser.add('--compare', nargs=2, metavar='RUN', help=text)
    text = 'compare each group of runs that differ only in their seeds with the group of this run, paired by seed'
    parser.add('--against', metavar='RUN', help=text)
    return parser


def run(argv: Sequence[str] | None = None) -> None:
    """Print the table, write it where that is asked for, and compare two runs."""
    args = get_parser().parse_args(argv)
    if args.csv:
        require_ending(args.csv, '.csv', flag='--csv')
    if args.html:
        require_ending(args.html, '.html', flag='--html')
    runs = find_runs(args.folder)
    chosen = [named(runs, name, '--compare') for name in args.compare or ()]
    compared = compare.lines(compare.compare(*chosen)) if chosen else []
    groups = against.compare_groups(runs, named(runs, args.against, '--against')) if args.against else None
    print(*listing.lines(runs), sep='\n')
    if compared:
        print('', *compared, sep='\n')
    if groups:
        print('', *against.lines(groups), sep='\n')
    if args.csv:
        write_csv(args.csv, against.table(groups) if groups else listing.table(runs, for_programs=True))
    if args.html:
        heads, *rows = listing.table(runs)
        write_page(
            args.html,
            'runs.html',
            title=f'Runs in {args.folder}',
            sections={},
            written=time.strftime('%Y-%m-%d %H:%M'),
            table=Table(f'{len(runs)} runs, with the settings in which they differ', heads, rows),
            repetitions=listing.repetitions(runs),
            problems=[problem for found in runs for problem in found.problems],
            compared=compared,
            groups=groups
            and Table(against.caption(groups), list(against.HEADS), list(map(against.cells, groups.rows))),
        )


def named(runs: Sequence[FoundRun], name: str, flag: str) -> FoundRun:
    """Return the run of this name or in this folder; raise InputError if there is none."""
    for found in runs:
        if name.rstrip('/') == found.name or Path(name).resolve() == found.path.resolve():
            return found
    raise InputError(f'{flag}: no run is called {name!r}{nearest(name, [found.name for found in runs])}')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(run, argv)


if __name__ == '__main__':
    sys.exit(main())
