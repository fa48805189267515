"""The NW-UCLA feeder equals the published one, is finite for every clip, and keeps identical clips together."""

import json

import numpy as np
import pytest
import torch

from feeders import feeder_ucla, transforms
from feeders.feeder_ucla import Feeder, read_all_sqe
from feeders.skeleton_store import SkeletonStoreWriter
from feeders.splits import is_train
from tests.golden import inputs
from torchlight.errors import InputError

SINGLE_FRAME = ('a02_s09_e04_v02', 'a02_s09_e04_v03')


def link(source, folder, names):
    """A folder of only these clips, each (name, name in the source)."""
    folder.mkdir()
    for name, original in names:
        (folder / f'{name}.json').symlink_to(source / f'{original}.json')
    return folder


@pytest.fixture(scope='module')
def all_sqe(shared):
    return shared / 'data' / 'NW-UCLA' / 'all_sqe'


@pytest.fixture(scope='module')
def real(all_sqe):
    """All 1,484 clips."""
    return read_all_sqe(all_sqe)


@pytest.fixture(scope='module')
def folder(public, all_sqe, tmp_path_factory):
    """The clips of the public arrays, and the two of one frame."""
    expected = public('ucla_feeder')
    names = {*expected['name'].tolist(), *expected['train_name'].tolist(), *SINGLE_FRAME}
    return link(all_sqe, tmp_path_factory.mktemp('ucla') / 'all_sqe', [(name, name) for name in names])


def draws_of(expected, length):
    """The numbers in [0, 1) that lead to these turns, scales and frames (by Floyd's algorithm)."""
    turns = (np.column_stack([expected['rot_x'], expected['rot_y']]) + 60.5) / 121
    frames, window = expected['frames'], expected['frames'].shape[1]
    copy = np.array([[row[:i].count(frame) for i, frame in enumerate(row)] for row in frames.tolist()])
    last = length[:, None] * 100 - window + np.arange(window)
    return np.column_stack([turns, expected['scale'] - 0.5, (frames * 100 + copy + 0.5) / (last + 1)])


@pytest.fixture(params=['golden', 'public'])
def expected(request, tmp_path):
    """The small golden arrays, or the public ones: (clips, arrays, names of test and of training clips, window)."""
    arrays = request.getfixturevalue(request.param)('ucla_feeder')
    if request.param == 'public':
        return request.getfixturevalue('folder'), arrays, arrays['name'], arrays['train_name'], 52
    for name, clip in {**inputs.ucla_clips(inputs.UCLA_TEST), **inputs.ucla_clips(inputs.UCLA_TRAIN)}.items():
        made(tmp_path / 'all_sqe', name, json.dumps({'skeletons': clip.tolist()}))
    return tmp_path / 'all_sqe', arrays, inputs.UCLA_TEST, inputs.UCLA_TRAIN, inputs.UCLA_WINDOW


def test_test_clips_equal_the_published_feeder(expected):
    folder, arrays, names, _, window = expected
    for stream, how in transforms.STREAMS.items():
        feeder = Feeder(folder, 'test', window_size=window, **how)
        batch = feeder.__getitems__([feeder.name.index(name) for name in names])
        assert 'label' not in arrays or batch.label.tolist() == arrays['label'].tolist()
        assert batch.skeleton.dtype == torch.float32
        np.testing.assert_allclose(batch.skeleton, arrays[f'test.{stream}'], rtol=0, atol=3e-7, err_msg=stream)


def test_training_clips_equal_the_published_feeder(expected, monkeypatch):
    folder, arrays, _, names, window = expected
    for stream, how in transforms.STREAMS.items():
        feeder = Feeder(folder, 'train', window_size=window, random_rot=True, **how)
        places = [feeder.name.index(name) for name in names]
        draws = dict(zip(places, draws_of(arrays, feeder.store.length[places])))
        monkeypatch.setattr(
            transforms, 'uniform', lambda seed, epoch, i, count, draws=draws: np.stack([draws[k] for k in i])[:, :count]
        )
        batch = feeder.__getitems__(places)
        np.testing.assert_allclose(batch.skeleton, arrays[f'train.{stream}'], rtol=0, atol=3e-7, err_msg=stream)


def test_a_batch_is_its_clips_each_alone(folder):
    feeder = Feeder(folder, random_rot=True, repeat=3, vel=True)
    feeder.set_epoch(1, 2)
    order = [7, 0, len(feeder) - 1, 7, 5]
    whole = feeder.__getitems__(order)
    for parts, joined in zip(zip(*(feeder[i] for i in order)), whole):
        assert joined is None or torch.equal(torch.cat(parts), joined)


def test_augmentations_differ_between_epochs_and_repeats(folder):
    feeder, clips = Feeder(folder, random_rot=True, repeat=2), []
    for epoch, index in ((0, 1), (1, 1), (0, 1 + len(feeder) // 2), (0, 1)):
        feeder.set_epoch(1, epoch)
        clips.append(feeder[index].skeleton)
    assert torch.equal(clips[0], clips[3])
    assert not torch.allclose(clips[0], clips[1]) and not torch.allclose(clips[0], clips[2])


@pytest.mark.parametrize(
    'split, random_rot, name',
    [('train', True, SINGLE_FRAME[0]), ('train', False, SINGLE_FRAME[0]), ('test', False, SINGLE_FRAME[1])],
)
def test_clips_of_one_frame_are_finite_and_still(folder, split, random_rot, name):
    feeder = Feeder(folder, split, random_rot=random_rot)
    assert feeder.store.length[feeder.name.index(name)] == 1
    clip = feeder[feeder.name.index(name)].skeleton[0]
    assert torch.isfinite(clip).all() and clip.abs().max() <= 1 and torch.equal(clip, clip[:, :1].expand_as(clip))


def test_coordinates_that_never_change_become_zero():
    frames = np.random.default_rng(0).normal(size=(4, 1, 20, 3))
    frames[..., 2] = 5
    clip = feeder_ucla.normalised_frames(frames, np.array([0]), np.array([4]), np.array([[0, 1, 2, 3]]))
    assert not clip[..., 2].any() and clip[..., :2].min() == -1 and clip[..., :2].max() == 1


def test_place_and_size_do_not_matter():
    frames = np.random.default_rng(0).normal(size=(4, 1, 20, 3))
    where = np.array([0]), np.array([4]), np.array([[1, 3]])
    moved = feeder_ucla.normalised_frames(7 * frames + [1, 2, 3], *where)
    np.testing.assert_allclose(moved, feeder_ucla.normalised_frames(frames, *where), atol=1e-6)


def test_evenly_spaced_frames():
    length = np.arange(1, 202)  # in one batch: a clip of one frame must not change the others
    for window in (1, 2, 20, 52):
        for row, frames in zip(feeder_ucla.evenly_spaced(length, window), length, strict=True):
            assert row.tolist() == np.linspace(0, frames - 1, window).astype(int).tolist()


def test_turns_are_whole_degrees_up_to_60_and_scales_reach_both_ends(monkeypatch, folder):
    feeder, seen = Feeder(folder, random_rot=True), []
    monkeypatch.setattr(feeder_ucla, 'turn', lambda degrees, scale: seen.append((degrees, scale)) or np.eye(3)[None])
    for value in (0, 0.5, 1 - 2**-53):
        feeder.skeletons(np.array([0]), lambda count, value=value: np.full((1, count), value))
    assert [degrees.tolist() for degrees, _ in seen] == [[[-60, -60]], [[0, 0]], [[60, 60]]]
    np.testing.assert_allclose(np.concatenate([scale for _, scale in seen]), [0.5, 1, 1.5])


def test_more_frames_than_copies_of_the_shortest_clip_are_refused(folder):
    with pytest.raises(InputError, match='window_size is 101; at most 100 frames can be drawn from the shortest clip'):
        Feeder(folder, window_size=101, random_rot=True)
    assert Feeder(folder, window_size=101)[0].skeleton.shape == (1, 3, 101, 20, 1)


def test_all_real_clips_are_finite_and_split_by_view(real, monkeypatch, all_sqe):
    monkeypatch.setattr(feeder_ucla, 'read_all_sqe', lambda folder: real)
    for split, count, random_rot in (('train', 1020, True), ('test', 464, False)):
        feeder = Feeder(all_sqe, split, random_rot=random_rot)
        assert len(feeder) == count and feeder.layout == (1, 20, 3)
        x = feeder.__getitems__(list(range(count))).skeleton
        assert torch.isfinite(x).all() and x.abs().max() <= 1
        assert len(np.unique(feeder.label)) == 10


def test_95_test_clips_are_byte_identical_to_training_clips(real, public):
    trained = {digest for name, digest in zip(real.name, real.digests()) if is_train(name, 'nw-ucla', 'xview')}
    twins = [
        name
        for name, digest in zip(real.name, real.digests())
        if digest in trained and not is_train(name, 'nw-ucla', 'xview')
    ]
    expected = public('ucla_trained_io')
    assert twins == sorted(expected['name'][expected['twin'].astype(bool)]) and len(twins) == 95
    assert {name[:3] for name in twins} == {'a02', 'a03'}


def test_held_out_clips_keep_twins_together(all_sqe, tmp_path):
    names = [f'a{action:02}_s01_e{execution:02}_v01' for action in (1, 2, 3) for execution in (0, 1, 3, 4)]
    twins = [(name.replace('_v01', '_v02'), name) for name in names]  # the published kind: one clip under two views
    folder = link(all_sqe, tmp_path / 'twins', [*twins, *((name, name) for name in names)])
    train, aside = (Feeder(folder, split, held_out=0.25) for split in ('train', 'held_out'))
    assert len(train) == 18 and len(aside) == 6
    assert not set(train.store.digests()) & set(aside.store.digests())
    assert np.bincount(aside.label).tolist() == [2, 2, 2]


def test_a_store_of_the_clips_gives_the_same_batches(folder, tmp_path):
    clips = read_all_sqe(folder)
    with SkeletonStoreWriter(tmp_path / 'ucla.h5', 'nw-ucla', (1, 20, 3)) as store:
        for i, name in enumerate(clips.name):
            store.add(name, clips.label[i], clips.clip(i))
    one, other = Feeder(folder, random_rot=True), Feeder(tmp_path / 'ucla.h5', random_rot=True)
    everything = list(range(len(one)))
    one, other = one.__getitems__(everything), other.__getitems__(everything)
    np.testing.assert_allclose(one.skeleton, other.skeleton, atol=2e-6)  # the store keeps float32
    assert torch.equal(one.label, other.label)


def made(folder, name='a01_s01_e00_v01', content=None):
    folder.mkdir(exist_ok=True)
    skeletons = np.random.default_rng(0).normal(size=(3, 20, 3)).tolist()
    (folder / f'{name}.json').write_text(json.dumps({'skeletons': skeletons}) if content is None else content)
    return folder


def test_other_folders_and_files_are_refused_in_one_line(tmp_path):
    (tmp_path / 'empty').mkdir()
    for path, text in (
        (tmp_path / 'none', 'none does not exist; expected the folder all_sqe of NW-UCLA'),
        (tmp_path / 'empty', 'empty contains no .json files; expected all_sqe of NW-UCLA'),
        (made(tmp_path / 'named', 'wave'), "clip name 'wave' is not of the form aXX_sXX_eXX_vXX"),
        (made(tmp_path / 'action', 'a07_s01_e00_v01'), 'has action 7, which NW-UCLA does not have'),
        (made(tmp_path / 'text', content='hello'), 'v01.json is not an NW-UCLA clip'),
        (made(tmp_path / 'list', content='[1]'), 'v01.json is not an NW-UCLA clip'),
        (made(tmp_path / 'deep', content='[' * 100_000), 'v01.json is not an NW-UCLA clip'),
        (made(tmp_path / 'large', content=f'{{"skeletons": [{10**400}]}}'), 'v01.json is not an NW-UCLA clip'),
        (made(tmp_path / 'key', content='{}'), "v01.json is not an NW-UCLA clip: 'skeletons'"),
        (made(tmp_path / 'ragged', content='{"skeletons": [[1], [1, 2]]}'), 'not an NW-UCLA clip'),
        (
            made(tmp_path / 'shape', content='{"skeletons": [[[1, 2, 3]]]}'),
            r'has skeletons of shape \(1, 1, 3\); expected \(frames, 20, 3\)',
        ),
        (made(tmp_path / 'void', content='{"skeletons": []}'), r'has skeletons of shape \(0,\)'),
    ):
        with pytest.raises(InputError, match=text) as error:
            Feeder(path)
        assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'arguments, text',
    [
        ({'window_size': 0}, 'window_size is 0; it must be an integer ≥ 1'),
        ({'split': 'val'}, "split is 'val', not one of"),
        ({'split': 'test'}, "the split 'test' has no clips"),
        ({'split': 'held_out'}, "split is 'held_out' and held_out is 0; give the share, such as 0.1"),
        ({'graph': 'graph.ntu_rgb_d.Graph'}, 'the clips have 20 joints, but graph.ntu_rgb_d.Graph has 25'),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, arguments, text):
    with pytest.raises(InputError, match=text):
        Feeder(made(tmp_path / 'one'), **arguments)
