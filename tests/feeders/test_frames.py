"""Clips give the same batches wherever they are kept and augmented."""

import shutil

import h5py
import numpy as np
import pytest
import torch

from feeders import feeder_ucla, frames, mapped, transforms
from feeders.feeder_MMCL import Feeder
from feeders.frames import LoadedFrames, StoreFrames, ragged, require_memory
from feeders.loading import make_loader
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from tests.feeders.test_feeder import Custom
from tests.helpers import without_checksums
from torchlight.errors import InputError

CPU = torch.device('cpu')
LENGTH, PERSONS = (5, 90, 70, 1), (1, 3, 2, 1)
PLACES = [('worker', 'none'), ('worker', 'memory'), ('worker', 'device'), ('device', 'none'), ('device', 'memory')]


def same(ours, theirs):
    """Whether two lists of batches are equal, and not empty."""
    ours, theirs = list(ours), list(theirs)
    return len(ours) == len(theirs) > 0 and all(map(torch.equal, ours, theirs))


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    """Four clips of one to three persons."""
    path, rng = tmp_path_factory.mktemp('frames') / 'x.h5', np.random.default_rng(0)
    with SkeletonStoreWriter(path, 'ours', (3, 25, 3)) as store:
        for i, (length, count) in enumerate(zip(LENGTH, PERSONS)):
            store.add(f'clip {i}', 0, rng.normal(size=(length, count, 25, 3)))
    return path


def feeder_of(path, augment_on='worker', preload='none', **arguments):
    feeder = Feeder(path, 'all', num_person=3, window_size=13, p_interval=[0.5, 1], random_rot=True, **arguments)
    feeder.place(augment_on, preload, CPU)
    return feeder


def batches(feeder, workers=0):
    feeder.set_epoch(1, 2)
    return [batch.to(CPU).skeleton for batch in make_loader(feeder, 2, True, workers, pin_memory=False)]


@pytest.mark.parametrize('place', PLACES, ids='-'.join)
@pytest.mark.parametrize('stream', transforms.STREAMS)
def test_the_batches_are_those_of_the_worker(path, place, stream):
    feeders = [feeder_of(path, *where, **transforms.STREAMS[stream]) for where in (PLACES[0], place)]
    assert same(*map(batches, feeders))


@pytest.mark.parametrize('how', ['zero', 'copy'])
@pytest.mark.parametrize('place', PLACES, ids='-'.join)
def test_persons_are_filled_in_everywhere(path, place, how):
    expected = feeder_of(path, missing_person=how).__getitems__([2, 0, 3, 1]).skeleton
    made = feeder_of(path, *place, missing_person=how).__getitems__([2, 0, 3, 1]).to(CPU).skeleton
    assert torch.equal(made, expected) and expected[..., 1].any(1).any(1).any(1).sum() == (2 if how == 'zero' else 4)


@pytest.mark.filterwarnings('ignore:This DataLoader will create')
@pytest.mark.parametrize('place', PLACES, ids='-'.join)
def test_workers_make_no_difference(path, place):
    feeder = feeder_of(path, *place)
    assert same(batches(feeder, 2), batches(feeder))


def test_frames_are_the_same_in_place_and_cut(path, monkeypatch):
    in_place = batches(feeder_of(path))
    monkeypatch.setattr(mapped.MappedArray, 'tensor', lambda self, touched: None)
    assert same(batches(feeder_of(path)), in_place)


def test_what_travels_to_a_device_is_only_the_crops(path):
    for preload in ('none', 'memory'):
        bodies = feeder_of(path, 'device', preload).__getitems__([0, 1]).skeleton
        assert 5 + 3 * 64 <= len(bodies.frames) <= 5 + 3 * 90 and bodies.index.max() < len(bodies.frames)


@pytest.mark.parametrize('place', PLACES, ids='-'.join)
@pytest.mark.parametrize('rows', [[1, 0, 1], [1]])
def test_a_clip_of_no_person_is_empty(tmp_path, place, rows):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (3, 25, 3)) as store:
        store.add('one', 0, np.ones((2, 1, 25, 3)))
        store.add('none', 0, np.ones((9, 0, 25, 3)))
    x = feeder_of(tmp_path / 'x.h5', *place).__getitems__(rows).to(CPU).skeleton
    assert not x[::2].any() and x[1::2].any() == (0 in rows)


@pytest.mark.parametrize('place', PLACES, ids='-'.join)
@pytest.mark.parametrize('kind', ['<f8', '>f8', '>f4', '<f2'])
def test_numbers_of_another_type_become_float32(path, tmp_path, place, kind):
    for name, types in (('x.h5', (kind,)), ('same.h5', (kind, '<f4'))):
        shutil.copy(path, tmp_path / name)
        with h5py.File(without_checksums(tmp_path / name), 'r+') as file:
            frames = file.pop('frames')[:]
            for dtype in types:
                frames = frames.astype(dtype)
            file['frames'] = frames
    assert same(*(batches(feeder_of(tmp_path / name, *place)) for name in ('x.h5', 'same.h5')))


def test_only_the_persons_of_the_split_are_loaded(path):
    store = open_skeletons(path)
    loaded = LoadedFrames(store.select([False, True, True, True]), CPU)
    assert len(loaded.rows) == 3 * 90 + 2 * 70 + 1 + 1  # the last is nobody's
    for i, (length, persons) in enumerate(zip(LENGTH[1:], PERSONS[1:])):
        for person in range(persons):
            place = np.array([i]), np.array([person]), np.array([0]), np.array([length])
            rows, first, step = loaded.find(*place)
            expected = store.clip(i + 1)[:, person].reshape(length, 75)
            np.testing.assert_array_equal(rows[first[0] : first[0] + length : step], expected)


def test_many_clips_are_loaded_in_several_parts(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 2, 3)) as store:
        for i in range(2500):
            store.add(f'clip {i}', 0, np.full((1 + i % 3, 1, 2, 3), i))
    store = open_skeletons(tmp_path / 'x.h5')
    np.testing.assert_array_equal(LoadedFrames(store, CPU).rows[:-1], store.frames[:].reshape(-1, 6))


def test_rows_are_listed_body_by_body(path):
    rows, place = ragged(np.array([16, 1]), np.array([2, 3]), 3)
    assert rows.tolist() == [16, 19, 1, 4, 7] and place.tolist() == [0, 2]
    cut, first, step = StoreFrames(open_skeletons(path)).cut(np.array([16, 1]), np.array([2, 3]))
    assert first.tolist() == [0, 2] and step == 1
    np.testing.assert_array_equal(cut, open_skeletons(path).frames[:].reshape(-1, 75)[rows])


# --- devices


def test_frames_on_a_device_need_no_workers(path, monkeypatch):
    feeder = feeder_of(path)
    monkeypatch.setattr(frames, 'require_memory', lambda device, size: None)
    feeder.place('worker', 'device', torch.device('meta'))
    assert feeder.augment_on == 'device' and make_loader(feeder, 2, True, 4, False).num_workers == 0
    batch = feeder.__getitems__([1, 2])
    skeleton = batch.to(torch.device('meta')).skeleton
    assert skeleton.is_meta and skeleton.shape == (2, 3, 13, 25, 3)
    moved = batch.skeleton.frames
    assert moved.is_meta and len(moved) == sum(map(int.__mul__, LENGTH, PERSONS)) + 1  # the last is nobody's


def test_too_many_frames_for_a_device_are_refused_with_both_sizes(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'mem_get_info', lambda device: (4 * 10**9, 8 * 10**9))
    require_memory(torch.device('cuda:0'), 3 * 10**9)
    require_memory(CPU, 10**15)
    text = 'needs 3.10 GB for the frames of a split, but cuda:0 has 4.00 GB free, a quarter of which is for the '
    text += 'network; use --preload memory$'
    with pytest.raises(InputError, match=text):
        require_memory(torch.device('cuda:0'), 31 * 10**8)


def test_a_feeder_that_augments_in_the_workers_says_so(shared):
    ucla = feeder_ucla.Feeder(shared / 'data' / 'NW-UCLA' / 'all_sqe', 'test')
    for feeder, name in ((Custom(), 'Custom'), (ucla, 'feeders.feeder_ucla.Feeder')):
        with pytest.raises(InputError, match=f'{name} reads and augments its clips in the workers; leave out --augm'):
            feeder.place('device', 'none', CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('place', [*PLACES, ('device', 'device')], ids='-'.join)
@pytest.mark.parametrize('stream', transforms.STREAMS)
def test_a_gpu_gives_the_same_batches(path, place, stream):
    expected, feeder = feeder_of(path, **transforms.STREAMS[stream]), feeder_of(path, **transforms.STREAMS[stream])
    feeder.place(*place, torch.device('cuda'))
    feeder.set_epoch(1, 2)
    for batch, on_cpu in zip(make_loader(feeder, 2, True, 0, pin_memory=True), batches(expected), strict=True):
        skeleton = batch.to(torch.device('cuda')).skeleton
        assert skeleton.is_cuda and skeleton.permute(0, 4, 3, 1, 2).is_contiguous()
        torch.testing.assert_close(skeleton.cpu(), on_cpu, rtol=0, atol=2e-6)
