"""A feature store in the making: what a killed run keeps, and whose features may be joined."""

import numpy as np
import pytest

from feeders.feature_store import open_features
from LLMs.resume import PartialStore, Record
from torchlight.errors import InputError

ORIGIN = {'kind': 'text', 'encoder': 'blip', 'weights': 'ab', 'dtype': 'float32', 'prompt': 'what?'}


def record(name, value=1.0):
    return Record(name, np.full(3, value, np.float32), f'answer about {name}')


def test_records_survive_a_kill_in_the_middle_of_a_line(tmp_path):
    PartialStore(tmp_path / 'x.h5', ORIGIN).add([record('a', 0.1), record('é', 2)])
    with open(tmp_path / 'x.h5.partial' / '0.jsonl', 'a') as file:
        file.write('{"name": "c", "answer": "", "feat')
    again = PartialStore(tmp_path / 'x.h5', ORIGIN)
    again.add([record('d')])
    found = {name: (feature.tolist(), answer) for name, feature, answer in again.records()}
    assert found.keys() == again.names() == {'a', 'é', 'd'}
    assert found['a'] == ([np.float32(0.1)] * 3, 'answer about a')


def test_a_store_is_written_in_order_of_names_and_the_folder_goes(tmp_path):
    for rank, names in enumerate(('ca', 'b')):
        PartialStore(tmp_path / 'x.h5', ORIGIN, rank).add([record(name, ord(name)) for name in names])
    PartialStore(tmp_path / 'x.h5', ORIGIN).finish([])
    store = open_features(tmp_path / 'x.h5')
    assert store.name == ['a', 'b', 'c'] and store.feature[:, 0].tolist() == [97, 98, 99]
    assert store.answer == [f'answer about {name}' for name in 'abc'] and store.attributes['prompt'] == 'what?'
    assert [path.name for path in tmp_path.iterdir()] == ['x.h5']


def test_what_is_added_later_joins_the_store(tmp_path):
    for name in 'ba':
        store = PartialStore(tmp_path / 'x.h5', ORIGIN)
        store.add([record(name)])
        store.finish([])
    assert PartialStore(tmp_path / 'x.h5', ORIGIN).names() == {'a', 'b'}
    assert open_features(tmp_path / 'x.h5').answer == ['answer about a', 'answer about b']


def test_a_feature_that_is_not_finite_is_left_out(tmp_path):
    store = PartialStore(tmp_path / 'x.h5', ORIGIN)
    left_out = store.add([record('a', np.nan), record('b')])
    assert [clip.source for clip in left_out] == ['a'] and 'not finite in float32; try --dtype' in left_out[0].reason
    assert store.names() == {'b'}


def test_no_feature_at_all_is_refused(tmp_path):
    store = PartialStore(tmp_path / 'x.h5', ORIGIN)
    with pytest.raises(InputError, match='no picture gives a feature; the first: a: its feature is not finite'):
        store.finish(store.add([record('a', np.inf)]))
    assert not list(tmp_path.iterdir()), 'another --dtype, as advised, would be refused'


def test_features_of_another_origin_are_refused(tmp_path):
    PartialStore(tmp_path / 'x.h5', ORIGIN, 3).add([record('a')])
    text = r"x\.h5\.partial was made with encoder 'blip', but this run has 'other'; choose another --out, or remove it"
    with pytest.raises(InputError, match=text):
        PartialStore(tmp_path / 'x.h5', {**ORIGIN, 'encoder': 'other'})
    PartialStore(tmp_path / 'x.h5', {**ORIGIN, 'created': 'later'})  # not what the features are made by


def test_a_damaged_line_is_made_anew_whichever_bit_is_flipped(tmp_path):
    PartialStore(tmp_path / 'x.h5', ORIGIN).add([record('a', 0.1), record('b', 2)])
    path, draw = tmp_path / 'x.h5.partial' / '0.jsonl', np.random.default_rng(0)
    made = {'a': ([np.float32(0.1)] * 3, 'answer about a'), 'b': ([2] * 3, 'answer about b')}
    whole = path.read_bytes()
    first = whole.index(b'\n') + 1  # of the records
    for bit in draw.integers(8 * len(whole), size=200).tolist():
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        found = {r.name: (r.feature.tolist(), r.answer) for r in PartialStore(tmp_path / 'x.h5', ORIGIN).records()}
        assert len(found) in ({2} if bit // 8 < first else {0, 1})
        assert all(made[name] == value for name, value in found.items())


def test_a_record_of_another_origin_is_not_taken_though_its_origin_is_damaged(tmp_path):
    PartialStore(tmp_path / 'x.h5', {**ORIGIN, 'encoder': 'other'}).add([record('a')])
    path = tmp_path / 'x.h5.partial' / '0.jsonl'
    path.write_bytes(path.read_bytes().replace(b'other', b'blip_'))
    assert PartialStore(tmp_path / 'x.h5', ORIGIN).names() == set()
