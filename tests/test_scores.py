"""Score pickles: what is written is read, and nothing but arrays is."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from torchlight.errors import InputError
from torchlight.scores import read_arrays, write_scores


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
    with pytest.raises(InputError, match='x.pkl is not a pickle of arrays alone: it refers to .*' + name.split('.')[1]):
        read_arrays(tmp_path / 'x.pkl')
    assert not trace.exists()


def test_the_test_of_refusal_has_teeth(tmp_path):
    trace = tmp_path / 'trace'
    pickle.loads(pickle.dumps(Command(os.system, f'touch {trace}')))
    assert trace.exists()


def test_damaged_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / 'x.pkl'
    with pytest.raises(InputError, match='cannot read .*x.pkl: No such file'):
        read_arrays(path)
    whole = pickle.dumps({f'c{i}': np.arange(3) for i in range(5)})
    endless = b'\x80\x04\x8e' + (2**63 - 1).to_bytes(8, 'little') + b'x.'  # a string longer than any memory
    for damaged in (*(whole[:end] for end in range(len(whole))), b'hello', b'\x80\x04.', b'\x80\xff.', endless):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match='x.pkl is not a pickle of arrays alone') as error:
            read_arrays(path)
        assert '\n' not in str(error.value)


@pytest.mark.parametrize('stream, top1', [('J', 94.40), ('B', 93.10), ('JM', 92.89), ('BM', 89.44)])
def test_published_scores_are_read(shared, stream, top1):
    folder = shared / 'data' / 'scores' / 'NW-UCLA'
    scores, clips = read_arrays(folder / f'UCLA_{stream}.pkl'), read_arrays(folder / 'val_label.pkl')
    assert list(scores) == list(range(464)) == list(range(len(clips)))
    label = np.array([clip['label'] for clip in clips]) - 1
    assert 100 * (np.stack(list(scores.values())).argmax(1) == label).mean() == pytest.approx(top1, abs=0.006)
