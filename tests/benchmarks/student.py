"""CTR-GCN's evaluation of a batch, 64 frames: clips of two persons, NTU60's mixture, and a single clip."""

from tests.benchmarks.networks import compare, skeletons

CASES = {'two_persons': (32, False, 1), 'ntu60_mix': (32, True, 1), 'batch_1': (1, False, 4)}


def run(options):
    """A row for each case; the quick one gets more rounds."""
    for case, (batch, mixed, more) in CASES.items():
        yield compare('student', case, 'ctrgcn', skeletons(batch, mixed=mixed), options, more * options.rounds)
