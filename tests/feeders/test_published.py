"""The published results are those of benchmarks and streams that the program knows."""

import pytest

from Ensemble.labels import BENCHMARKS
from Ensemble.streams import ORDER
from feeders.datasets import DATASETS
from feeders.published import TABLE, published
from feeders.transforms import STREAMS
from torchlight.yaml_file import read_yaml


def test_each_entry_names_a_benchmark_and_streams_of_the_program():
    table = read_yaml(TABLE.read_text(), TABLE)
    known = {*BENCHMARKS, *(f'{row.title} zero-shot' for row in DATASETS.values())}
    streams = {*STREAMS, *(f'hd_{name}' for name in STREAMS), 'joint, refined by text'}
    for entry in table['single'] + table['fused']:
        assert entry['top1'].keys() <= known and entry['method'] and entry['source']
    for entry in table['single']:
        assert all(values.keys() <= streams for values in entry['top1'].values())
    numbers = [value for entry in table['fused'] for value in entry['top1'].values()]
    assert len(numbers) == 15 and all(25 < value < 100 for value in numbers)


def test_only_the_same_streams_are_comparable():
    joint = published('NTU120XSub', ['joint'])
    assert joint.results[0].method == 'MMCL' and joint.results[0].top1 == pytest.approx(0.8579)
    assert len([row for row in joint.results if row.comparable]) == 2 and joint.clips == 50919
    fused = published('NW-UCLA', ['BM', 'J', 'B', 'JM'])
    assert [row.method for row in fused.results if row.comparable] == ['CTR-GCN'] and len(fused.results) == 3
    assert not any(row.comparable for row in published('NTU60XSub', ORDER[:2]).results)


def test_nothing_is_known_of_other_clips():
    assert published('', ['joint']) == ('these clips (joint)', [], None)
