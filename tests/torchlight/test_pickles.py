"""Score pickles come back as written, and only arrays are read from a pickle, in the time and memory of its size."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from torchlight.errors import InputError
from torchlight.pickles import read_arrays, write_scores


def test_scores_come_back_in_their_order(tmp_path):
    scores = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    write_scores(tmp_path / 'x.pkl', ['b', 'c', 'a'], scores)
    read = read_arrays(tmp_path / 'x.pkl')
    assert list(read) == ['b', 'c', 'a'] and read['a'].dtype == np.float32 and read['a'].shape == (4,)
    np.testing.assert_array_equal(np.stack(list(read.values())), scores)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_scalars_and_containers_are_admitted(tmp_path, protocol):
    value = OrderedDict(
        [
            (np.int64(3), np.arange(4.0)),
            ('b', [np.float32(2), (1, True, None, 'é', b'x')]),
            ('c', {'set': {1, 2}, 'frozen': frozenset([3]), 'big': 10**30}),
        ]
    )
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(value, protocol))
    read = read_arrays(tmp_path / 'x.pkl')
    np.testing.assert_array_equal(read.pop(np.int64(3)), value.pop(np.int64(3)))
    assert read == value


@pytest.mark.parametrize('module', [b'numpy.core', b'numpy._core'])
@pytest.mark.filterwarnings('error')
def test_both_module_paths_of_numpy_are_admitted(tmp_path, module):
    text = pickle.dumps({np.int64(5): np.arange(3, dtype=np.float32)}, protocol=2)
    assert text.count(b'numpy._core.multiarray') == 2  # protocol 2 ends names by line, so lengths may change
    (tmp_path / 'x.pkl').write_bytes(text.replace(b'numpy._core', module))
    assert read_arrays(tmp_path / 'x.pkl')[5].tolist() == [0, 1, 2]


class Command:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('protocol', [0, 2, 4])
@pytest.mark.parametrize(
    'function, name',
    [(os.system, 'posix.system'), (eval, 'builtins.eval'), (getattr, 'builtins.getattr'), (np.load, 'numpy.load')],
)
def test_anything_else_is_refused_without_running(tmp_path, protocol, function, name):
    trace = tmp_path / 'trace'
    hidden = {'a': np.arange(3), 'b': [np.array([Command(function, f'touch {trace}')], object)]}
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(hidden, protocol))
    with pytest.raises(InputError, match='x.pkl is not a pickle of arrays: it refers to .*' + name.split('.')[1]):
        read_arrays(tmp_path / 'x.pkl')
    assert not trace.exists()


def test_the_test_of_refusal_has_teeth(tmp_path):
    trace = tmp_path / 'trace'
    pickle.loads(pickle.dumps(Command(os.system, f'touch {trace}')))
    assert trace.exists()


def test_damaged_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / 'x.pkl'
    with pytest.raises(InputError, match=r'cannot read .*x.pkl: No such file'):
        read_arrays(path)
    whole = pickle.dumps({f'c{i}': np.arange(3) for i in range(5)})
    endless = b'\x80\x04\x8e' + (2**63 - 1).to_bytes(8, 'little') + b'x.'  # a string longer than any memory
    for damaged in (*(whole[:end] for end in range(len(whole))), b'hello', b'\x80\x04.', b'\x80\xff.', endless):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r'x.pkl is not a pickle of arrays') as error:
            read_arrays(path)
        assert '\n' not in str(error.value)


def test_the_public_way_to_read_scores_ignores_what_follows_the_pickle(tmp_path):
    write_scores(tmp_path / 'x.pkl', ['a', 'b'], np.eye(2))
    with open(tmp_path / 'x.pkl', 'rb') as file:
        read = pickle.load(file)
    assert [row.tolist() for row in read.values()] == [[1, 0], [0, 1]]


def test_each_flipped_bit_of_our_scores_is_reported(tmp_path):
    draw, path = np.random.default_rng(0), tmp_path / 'x.pkl'
    write_scores(path, [f'S001C001P001R001A{i:03d}' for i in range(40)], draw.normal(size=(40, 10)))
    whole = path.read_bytes()
    at_random = draw.integers(len(whole) * 8, size=200).tolist()
    for bit in [*at_random, *range((len(whole) - 80) * 8, len(whole) * 8)]:
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with pytest.raises(InputError, match=r'x.pkl is '):
            read_arrays(path)


@pytest.mark.parametrize('rest', [b'.', b'\n', b'\nsha256 ' + b'0' * 64 + b'\n', b'\nsha256 0\n'])
def test_bytes_after_a_foreign_pickle_are_refused(tmp_path, rest):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps({'a': np.arange(3)}) + rest)
    with pytest.raises(InputError, match=r'more bytes follow its end|is damaged: its bytes do not have the SHA-256'):
        read_arrays(tmp_path / 'x.pkl')


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('dtype', ['>f4', '<f8', '<i8', '>u2', '|b1', '<c8', '<f2', '<U3', '|S2', 'O'])
def test_foreign_arrays_of_all_forms_are_read(tmp_path, protocol, dtype):
    arrays = [np.arange(24).reshape(2, 3, 4).astype(dtype), np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype))]
    arrays += [np.zeros(0, dtype), np.ones((), dtype)]
    for with_tuple in ([], [(1, (2, 3))]):  # each reader
        data = pickle.dumps([*arrays, *with_tuple], protocol)
        (tmp_path / 'x.pkl').write_bytes(data)
        for ours, theirs in zip(read_arrays(tmp_path / 'x.pkl'), pickle.loads(data)):
            assert type(ours) is tuple or (ours.dtype == theirs.dtype and np.array_equal(ours, theirs))


def dtype_state(state):
    """A pickle of an array [0, 1] with these operations for the last items of the state of its dtype."""
    return pickle.dumps(np.arange(2.0), 3).replace(b'J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t', state)


@pytest.mark.parametrize('state', [b'J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ft', b'K\x08K\x01K\x3ft'])
def test_a_dtype_cannot_take_numbers_for_objects(tmp_path, state):
    (tmp_path / 'x.pkl').write_bytes(dtype_state(state))
    read = read_arrays(tmp_path / 'x.pkl')
    assert read.dtype.flags == 0 and read.tolist() == [0, 1]


@pytest.mark.parametrize('stream, top1', [('J', 94.40), ('B', 93.10), ('JM', 92.89), ('BM', 89.44)])
def test_published_scores_are_read(shared, stream, top1):
    folder = shared / 'data' / 'scores' / 'NW-UCLA'
    scores, clips = read_arrays(folder / f'UCLA_{stream}.pkl'), read_arrays(folder / 'val_label.pkl')
    assert list(scores) == list(range(464)) == list(range(len(clips)))
    label = np.array([clip['label'] for clip in clips]) - 1
    assert 100 * (np.stack(list(scores.values())).argmax(1) == label).mean() == pytest.approx(top1, abs=0.006)
