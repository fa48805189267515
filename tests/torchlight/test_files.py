"""Files are complete or absent; score pickles come back as written, and only arrays are read from a pickle."""

import csv
import os
import pickle
import stat
from collections import OrderedDict

import numpy as np
import pytest

from torchlight.errors import InputError
from torchlight.files import (
    atomic_path,
    make_folder,
    read_arrays,
    require_file,
    write_csv,
    write_scores,
    write_text,
    writing,
)


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'x.txt'
    with atomic_path(path) as temporary:
        temporary.write_text('whole')
        assert temporary.parent == path.parent and not path.exists()
    assert path.read_text() == 'whole' and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_other(tmp_path, error):
    (tmp_path / 'x.txt').write_text('old')
    with pytest.raises(error):
        with atomic_path(tmp_path / 'x.txt') as temporary:
            temporary.write_text('half')
            raise error
    assert (tmp_path / 'x.txt').read_text() == 'old' and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('mask, mode', [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, mask, mode):
    former = os.umask(mask)
    try:
        write_text(tmp_path / 'x.txt', 'text')
        assert os.umask(mask) == mask  # and it is as it was
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / 'x.txt').stat().st_mode) == mode


def test_a_place_that_takes_no_file_is_an_input_error(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match=r'cannot make the folder .*file/below: Not a directory'):
        write_text(tmp_path / 'file' / 'below' / 'x.txt', 'text')
    with pytest.raises(InputError, match=r'cannot make the folder .*file: File exists'):
        make_folder(tmp_path / 'file')


@pytest.mark.skipif(os.geteuid() == 0, reason='every folder is writable for root')
def test_a_folder_without_write_permission_is_an_input_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=r'cannot write .*x.txt: Permission denied'):
        write_text(tmp_path / 'x.txt', 'text')


def test_a_table_is_written_as_csv(tmp_path):
    write_csv(tmp_path / 'x.csv', [['a', 'b, c'], np.array([0.5, 1])])
    assert list(csv.reader(open(tmp_path / 'x.csv'))) == [['a', 'b, c'], ['0.5', '1.0']]


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    write_csv(tmp_path / 'x.csv', [['=cmd|x!A1', '-a', -1, np.float32(-0.5), '-0.5']])
    assert list(csv.reader(open(tmp_path / 'x.csv'))) == [["'=cmd|x!A1", "'-a", '-1', '-0.5', '-0.5']]


def test_what_the_disk_reports_is_a_user_error(tmp_path):
    with pytest.raises(InputError, match='cannot write x: No space left on device; no partial file is left behind'):
        with writing('x'):
            raise OSError(28, 'No space left on device')
    with pytest.raises(InputError, match=r'cannot write .*x.txt: No space left'):
        with atomic_path(tmp_path / 'x.txt'):
            raise OSError(28, 'No space left on device')
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match='x does not exist or is not a file'):
        require_file(tmp_path / 'x')


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


@pytest.mark.parametrize('stream, top1', [('J', 94.40), ('B', 93.10), ('JM', 92.89), ('BM', 89.44)])
def test_published_scores_are_read(shared, stream, top1):
    folder = shared / 'data' / 'scores' / 'NW-UCLA'
    scores, clips = read_arrays(folder / f'UCLA_{stream}.pkl'), read_arrays(folder / 'val_label.pkl')
    assert list(scores) == list(range(464)) == list(range(len(clips)))
    label = np.array([clip['label'] for clip in clips]) - 1
    assert 100 * (np.stack(list(scores.values())).argmax(1) == label).mean() == pytest.approx(top1, abs=0.006)
