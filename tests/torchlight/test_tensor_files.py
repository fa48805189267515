"""Files of tensors: whole or absent, every flipped bit reported, no more than they contain, and read by PyTorch."""

import multiprocessing
import pickle
import time
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch

from torchlight.errors import InputError
from torchlight.tensor_files import read_containers, read_description, read_tensors, write_tensors


def equal(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_plain_pytorch_reads_our_files(student, tmp_path):
    state = student.state_dict()
    write_tensors(tmp_path / 'x.pt', state)
    for options in ({'weights_only': True}, {'weights_only': False}, {'mmap': True}):
        assert equal(torch.load(tmp_path / 'x.pt', **options), state)
    for weight in student.parameters():
        weight.data.zero_()
    student.load_state_dict(torch.load(tmp_path / 'x.pt'), strict=True)  # as the public code does
    assert equal(student.state_dict(), read_tensors(tmp_path / 'x.pt'))
    assert zipfile.ZipFile(tmp_path / 'x.pt').testzip() is None


def test_each_flipped_bit_of_our_files_is_reported(student, tmp_path):
    path, draw = tmp_path / 'x.pt', np.random.default_rng(0)
    write_tensors(path, {'model': student.state_dict(), 'epoch': 3})
    whole = path.read_bytes()
    places = [len(whole), 100, 12000]  # anywhere, in the comment and the end record, in the central directory
    for bit in (int(len(whole) * 8 - 1 - draw.integers(8 * place)) for place in places for _ in range(200)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with pytest.raises(InputError, match=r'x.pt (is damaged|cannot be read)'):
            read_tensors(path)
    assert len(whole) > 12000


def test_containers_are_read_without_their_tensors(student, tmp_path):
    path, value = tmp_path / 'x.pt', torch.arange(1000)
    write_tensors(path, {'model': student.state_dict(), 'value': value, 'epoch': 3, 'best': {'accuracy': 0.5}})
    data = path.read_bytes()
    place = data.index(value.numpy().tobytes())
    path.write_bytes(data[:place] + b'\1' + data[place + 1 :])  # in a tensor, which is not read
    found = read_containers(path)
    assert found['epoch'] == 3 and found['best'] == {'accuracy': 0.5} and found['value'] is None
    assert list(found['model']) == list(student.state_dict())
    place = data.index(b'accuracy')
    path.write_bytes(data[:place] + b'A' + data[place + 1 :])
    with pytest.raises(InputError, match=r'x.pt cannot be read as a PyTorch checkpoint'):
        read_containers(path)


def test_containers_are_read_only_of_archives_that_are_not_compressed(tmp_path):
    path = tmp_path / 'x.pt'
    with pytest.raises(InputError, match=r'x.pt does not exist'):
        read_containers(path)
    torch.save({'epoch': 3}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match=r'x.pt cannot be read as a PyTorch checkpoint'):
        read_containers(path)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('x/data.pkl', pickle.dumps({'epoch': 3}))
    with pytest.raises(InputError, match=r'x.pt cannot be read as a PyTorch checkpoint'):
        read_containers(path)


@pytest.mark.parametrize('zipped', [True, False])
def test_files_of_other_programs_are_read(student, tmp_path, zipped):
    state = {**student.state_dict(), 'a': torch.nn.Parameter(torch.ones(2, 3).T), 'b': torch.ones(2).bfloat16()}
    torch.save(state, tmp_path / 'x.pt', _use_new_zipfile_serialization=zipped)
    assert equal(read_tensors(tmp_path / 'x.pt'), state)


def test_a_flipped_bit_in_a_tensor_of_another_program_is_reported(tmp_path):
    torch.save({'a': torch.arange(1000)}, tmp_path / 'x.pt')
    data = (tmp_path / 'x.pt').read_bytes()
    place = data.index(torch.arange(1000).numpy().tobytes())
    (tmp_path / 'x.pt').write_bytes(data[:place] + b'\1' + data[place + 1 :])
    with pytest.raises(InputError, match=r'x.pt is damaged: its record x/data/0 does not have its CRC'):
        read_tensors(tmp_path / 'x.pt')


def test_the_containers_of_other_programs_are_read(tmp_path):
    schedule = {'milestones': Counter([35, 35, 55]), 'bounds': (0.1, None), 1.5: {None: 1j}, (0, 'a'): bytearray(b'xy')}
    torch.save({'schedule': schedule, 'weights': OrderedDict(a=torch.ones(2)), 'seen': {1, 2}}, tmp_path / 'x.pt')
    found = read_tensors(tmp_path / 'x.pt')
    assert found['schedule'] == schedule and found['seen'] == {1, 2}
    assert torch.equal(found['weights']['a'], torch.ones(2))


def test_what_a_file_says_of_its_tensors_is_no_part_of_them(student, tmp_path):
    said = {'classes': ['größer'], 'config': 'a: 1\n' * 1000}
    write_tensors(tmp_path / 'x.pt', student.state_dict(), said)
    assert read_description(tmp_path / 'x.pt') == said
    for options in ({'weights_only': True}, {'mmap': True}):
        assert equal(torch.load(tmp_path / 'x.pt', **options), student.state_dict())
    assert equal(read_tensors(tmp_path / 'x.pt'), student.state_dict())
    write_tensors(tmp_path / 'y.pt', student.state_dict(), said)
    assert (tmp_path / 'x.pt').read_bytes() == (tmp_path / 'y.pt').read_bytes()


def test_a_flipped_bit_of_what_a_file_says_is_reported(student, tmp_path):
    write_tensors(tmp_path / 'x.pt', student.state_dict(), {'classes': ['drink']})
    data = (tmp_path / 'x.pt').read_bytes()
    (tmp_path / 'x.pt').write_bytes(data.replace(b'drink', b'drinl'))
    with pytest.raises(InputError, match=r'what .*x.pt says of its weights cannot be read'):
        read_description(tmp_path / 'x.pt')


def test_other_files_say_nothing(student, tmp_path):
    write_tensors(tmp_path / 'ours.pt', student.state_dict())
    torch.save(student.state_dict(), tmp_path / 'old.pt', _use_new_zipfile_serialization=False)
    (tmp_path / 'text.pt').write_text('x')
    assert [read_description(tmp_path / name) for name in ('ours.pt', 'old.pt', 'text.pt', 'none.pt')] == [{}] * 4


@pytest.mark.parametrize('text', ['{"a"', '[1]', '[' * 10**5, 'x' * (2 << 20), '{}'])
def test_a_description_of_another_form_is_one_line(tmp_path, text):
    with zipfile.ZipFile(tmp_path / 'x.pt', 'w') as archive:
        archive.writestr('x/description.json', text, zipfile.ZIP_BZIP2 if text == '{}' else None)
    with pytest.raises(InputError, match=r'what .*x.pt says of its weights cannot be read: '):
        read_description(tmp_path / 'x.pt')


NOT_DENSE = {
    'sparse': lambda: torch.eye(2).to_sparse(),
    'sparse rows': lambda: torch.eye(2).to_sparse_csr(),
    'quantised': lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    'meta': lambda: torch.ones(2, device='meta'),
}


@pytest.mark.parametrize('kind', NOT_DENSE)
@pytest.mark.filterwarnings('ignore')
def test_tensors_that_are_not_dense_are_refused(tmp_path, kind):
    torch.save({'a': NOT_DENSE[kind]()}, tmp_path / 'x.pt')
    with pytest.raises(InputError, match=r'more than tensors and plain containers \(it refers to torch\.'):
        read_tensors(tmp_path / 'x.pt')


def write_many(path, count, written):
    for step in range(count):
        write_tensors(path, {'model': {'a': torch.full((200_000,), step)}, 'step': step})
        written.value = step


def test_a_killed_writer_leaves_a_whole_file_and_the_next_one_cleans_up(tmp_path):
    fork, path, left = multiprocessing.get_context('fork'), tmp_path / 'x.pt', 0
    written = fork.Value('i', lock=False)
    for trial in range(20):
        written.value = -1
        writer = fork.Process(target=write_many, args=(path, 10**6, written))
        writer.start()
        while written.value < 0:
            time.sleep(0.001)
        assert len(list(tmp_path.glob('.*.part'))) <= 1, 'more than the one that is being written'
        time.sleep(0.001 * (trial % 7))
        writer.kill()
        writer.join()
        state = read_tensors(path)
        assert state['step'] >= written.value and (state['model']['a'] == state['step']).all()
        left += len(list(tmp_path.glob('.*.part')))
    assert left, 'no kill fell into a write'
    write_many(path, 1, written)
    assert [file.name for file in tmp_path.iterdir()] == ['x.pt']
