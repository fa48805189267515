"""Make the stores that the feeders read, from recordings as downloaded: `python -m feeders.prepare <command>`."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from feeders.datasets import DATASETS, dataset_named
from feeders.prepare import custom, import_npz, import_pyskl, inspect, name_lists, person_images, store_builder
from torchlight.command import Parser, run_command
from torchlight.errors import InputError
from torchlight.imports import import_class

COMMANDS = custom, import_npz, import_pyskl, person_images, name_lists, inspect  # besides those of the data sets
RESUME_HINT = 'no partial file is left behind; run the same command again'


def get_parser() -> Parser:
    """Return the parser of all commands: one per data set that has a reader, and those of COMMANDS."""
    parser = Parser(prog='python -m feeders.prepare', description=__doc__.split(':')[0])
    commands = parser.add_subparsers(dest='command', metavar='COMMAND')
    for row in DATASETS.values():
        if row.reader:
            command = commands.add_parser(
                row.name, aliases=row.aliases, help=f'make a store of {row.title} from {row.recordings}'
            )
            command.add('--raw', required=True, nargs='+', metavar='DIR', help=f'folders that contain {row.recordings}')
            import_class(row.reader, store_builder.Reader).add_arguments(command)
            store_builder.add_arguments(command)
            command.set_defaults(run=partial(_build, row.name))
    for module in COMMANDS:
        module.add_parser(commands)
    parser.set_defaults(run=partial(_refuse, list(commands.choices)))
    return parser


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 if clips were left out or problems found."""
    args = get_parser().parse_args(argv)
    return args.run(args)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    return run_command(run, argv, RESUME_HINT)


def _build(dataset: str, args: argparse.Namespace) -> int:
    reader = import_class(dataset_named(dataset).reader, store_builder.Reader)
    return store_builder.build_store(reader(dataset, args))


def _refuse(commands: list[str], args: argparse.Namespace) -> int:
    raise InputError(f'no command is given; expected one of {", ".join(commands)} (see --help)')


if __name__ == '__main__':
    sys.exit(main())
