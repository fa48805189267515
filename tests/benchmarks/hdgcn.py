"""HD-GCN's evaluation of a batch of clips of two persons, 64 frames."""

from tests.benchmarks.networks import compare, skeletons

BATCH = 16


def run(options):
    """One row."""
    yield compare('hdgcn', 'two_persons', 'hdgcn', skeletons(BATCH), options, options.rounds)
