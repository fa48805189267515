"""The published results of a benchmark, from published.yaml."""

from collections.abc import Sequence
from pathlib import Path

from feeders.datasets import DATASETS
from torchlight.report.published import Published, PublishedResult
from torchlight.yaml_file import read_yaml

TABLE = Path(__file__).with_name('published.yaml')


def published(benchmark: str, streams: Sequence[str]) -> Published:
    """Return what is published for a benchmark, and which of it is of the same streams.

    Parameters
    ----------
    benchmark : str. Its name in Ensemble, such as 'NTU120XSub', or '<title of the data set> zero-shot'; '' if unknown.
    streams : str. What was scored: one stream, such as 'joint', or the names in Ensemble of several.
    """
    table, found = read_yaml(TABLE.read_text(), TABLE), []
    for entry in table['single']:
        found += [(entry, [stream], share) for stream, share in entry['top1'].get(benchmark, {}).items()]
    found += [
        (entry, entry['streams'], entry['top1'][benchmark]) for entry in table['fused'] if benchmark in entry['top1']
    ]
    results = [
        PublishedResult(entry['method'], ', '.join(names), top1 / 100, entry['source'], set(names) == set(streams))
        for entry, names, top1 in found
    ]
    counts = [p.counts[1] for row in DATASETS.values() for p in row.protocols.values() if p.benchmark == benchmark]
    where = f'{benchmark}, {", ".join(streams)}' if benchmark else f'these clips ({", ".join(streams)})'
    return Published(where, results, counts[0] if counts else None)
