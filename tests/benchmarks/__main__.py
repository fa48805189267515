"""Time the program against plain references, in turn within one run.

    python -m tests.benchmarks [NAME …] [--json FILE] [--device cpu|N] [--rounds 3] [--clips 128]

Every benchmark first checks that both sides compute the same. Printed for each case: milliseconds a clip, plain and
ours (medians); their ratio within a round, plain / ours (how many times faster ours is), and its quartiles; ours' share
of a matrix product's FLOP/s, see measure.py; the most resident memory of this process. The JSON file has a list of
{"name", "case", "plain_ms", "ours_ms", "ratio", "low", "high", "peak_share"}.
"""

import importlib
import json
import sys
import time
from collections.abc import Sequence

import torch

from tests.benchmarks.measure import Options, Row, forget_peak_memory, peak_memory
from torchlight.command import Parser, positive, run_command
from torchlight.distributed import choose_devices
from torchlight.errors import InputError
from torchlight.files import write_text

BENCHMARKS = {  # name: module; those whose memory is small come first
    **{name: name for name in ('feeder', 'store', 'prepare', 'ensemble')},
    'test_phase': 'testing',  # pytest would take a test_phase.py for tests
    **{name: name for name in ('student', 'hdgcn', 'tdgcn', 'train_step', 'scaling', 'engines')},
}
HEADER = 'benchmark', 'case', 'plain ms', 'ours ms', 'ratio', 'quartiles', 'peak', 'memory', ''
LINE = '{:<11}{:<18}{:>10}{:>10}{:>8}{:>14}{:>7}{:>9}  {}'


def get_parser() -> Parser:
    """Define the command line."""
    parser = Parser(prog='python -m tests.benchmarks', description=__doc__.split('\n')[0])
    parser.add_argument('name', nargs='*', metavar='NAME', help=f'benchmarks (default: all): {", ".join(BENCHMARKS)}')
    parser.add('--json', metavar='FILE', help='write the results to this file')
    parser.add('--device', default='cpu', help='device of the networks: cpu, or the number of a GPU (default: cpu)')
    parser.add('--rounds', type=positive, default=3, help='rounds of each comparison (default: 3)')
    parser.add('--clips', type=positive, default=128, help='clips of test_phase (default: 128)')
    return parser


def device_of(word: str) -> torch.device:
    """The device that --device names."""
    number = word.removeprefix('cuda').removeprefix(':') or '0'
    if word != 'cpu' and not number.isdigit():
        raise InputError(f'--device {word} is neither cpu nor the number of a GPU')
    devices, warning = choose_devices(['cpu'] if word == 'cpu' else [int(number)])
    if warning:
        raise InputError(f'--device {word} needs a GPU, and none is available to PyTorch')
    return devices[0]


def line(row: Row, memory: float) -> str:
    """A row of the printed table."""

    def words(value, form):
        return '–' if value is None else format(value, form)

    times = words(row.plain_ms, '.3f'), words(row.ours_ms, '.3f')
    ratio = f'{row.ratio:.2f}', f'{row.low:.2f}–{row.high:.2f}'
    peak = words(row.peak_share, '.0%')
    return LINE.format(row.name, row.case, *times, *ratio, peak, f'{memory / 2**20:.0f} MB', row.note).rstrip()


def run(argv: Sequence[str] | None = None) -> None:
    """Run the chosen benchmarks one after the other."""
    args = get_parser().parse_args(argv)
    names = list(dict.fromkeys(args.name or BENCHMARKS))
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise InputError(f'{", ".join(unknown)}: no such benchmark; expected some of {", ".join(BENCHMARKS)}')
    options = Options(device_of(args.device), args.rounds, args.clips)
    print(f'{options.device}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}, {args.rounds} rounds')
    print(LINE.format(*HEADER).rstrip())
    began, found = time.perf_counter(), []
    for name in names:
        forget_peak_memory()
        for row in importlib.import_module(f'tests.benchmarks.{BENCHMARKS[name]}').run(options):
            print(line(row, peak_memory()), flush=True)
            found.append({key: value for key, value in row._asdict().items() if key != 'note'})
            forget_peak_memory()
        if args.json:
            write_text(args.json, json.dumps(found, indent=1) + '\n')
    print(f'all in {time.perf_counter() - began:.0f} s')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    return run_command(run, argv)


if __name__ == '__main__':
    sys.exit(main())
