"""`python -m feeders.prepare <command>`: what people download → the stores the feeders read."""

import argparse
import sys

from feeders.prepare import doctor, frames, kinect, names, ntu, tables
from torchlight.errors import InputError

COMMANDS = ntu, kinect, tables, frames, names, doctor


def main(arguments=None):
    """Run one command; returns the exit status: 0, 1 where something was left out or found wrong, 2 for an error."""
    parser = argparse.ArgumentParser(prog='python -m feeders.prepare', description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='command')
    for module in COMMANDS:
        module.add_parsers(commands)
    args = parser.parse_args(arguments)
    try:
        return args.run(args)
    except InputError as error:
        print(f'error: {error}', file=sys.stderr)
    except OSError as error:  # no room on the disk, no permission
        print(f'error: {error}', file=sys.stderr)
    except KeyboardInterrupt:
        print('error: interrupted; no file is left half-written, start again', file=sys.stderr)
    return 2


if __name__ == '__main__':
    sys.exit(main())
