"""What the arguments of the NTU feeder choose: persons, coordinates, crops, splits; and which are refused."""

import numpy as np
import pytest

from feeders import feeder_MMCL
from feeders.feeder_MMCL import Feeder
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from tests.feeders.clips import AUGMENTED, NAMES, PERSONS, same, skeletons, write_clips
from torchlight.errors import InputError


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Eight clips."""
    folder = tmp_path_factory.mktemp('clips')
    write_clips(folder)
    return folder


def shape_of(feeder):
    return tuple(skeletons(feeder).shape)


# --- persons, coordinates, crops ---


def test_a_missing_person_is_zero_or_a_copy(folder):
    zero, copy = (
        skeletons(Feeder(folder / 'clips.h5', 'all', missing_person=how, **AUGMENTED)) for how in ('zero', 'copy')
    )
    alone = np.array(PERSONS) == 1
    assert not zero[alone, ..., 1].any() and zero[~alone, ..., 1].any()
    np.testing.assert_array_equal(copy[alone, ..., 1], copy[alone, ..., 0])
    np.testing.assert_array_equal(copy[..., 0], zero[..., 0])
    np.testing.assert_array_equal(copy[~alone], zero[~alone])


def test_num_person_adds_empty_slots(folder):
    two, four = (Feeder(folder / 'clips.h5', 'all', num_person=count) for count in (2, 4))
    assert four.layout == (4, 25, 3) and skeletons(four).shape == (8, 3, 64, 25, 4)
    np.testing.assert_array_equal(skeletons(four)[..., :2], skeletons(two))
    assert not skeletons(four)[..., 2:].any()
    with pytest.raises(InputError, match='has 2 persons per clip, but num_person is 1'):
        Feeder(folder / 'clips.h5', 'all', num_person=1)


def test_one_clip_of_one_person_may_fill_one_slot_or_two(tmp_path):
    np.save(tmp_path / 'wave.npy', np.random.default_rng(0).normal(size=(9, 25, 3)))
    one, two = (Feeder(tmp_path / 'wave.npy', 'all', num_person=count, missing_person='copy') for count in (1, 2))
    assert shape_of(one) == (1, 3, 64, 25, 1)
    np.testing.assert_array_equal(skeletons(two), np.repeat(skeletons(one), 2, -1))


def test_flat_skeletons_with_a_graph_of_ones_own(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 4, 2)) as store:
        store.add('a', 0, np.random.default_rng(0).normal(size=(9, 1, 4, 2)), split='train')
    own = {'graph': 'graph.custom.Graph', 'graph_args': {'num_point': 4, 'edges': [[1, 0], [2, 1], [3, 1]]}}
    plain = Feeder(tmp_path / 'x.h5', num_person=1, p_interval=[1], **own)
    turned = Feeder(tmp_path / 'x.h5', num_person=1, p_interval=[1], random_rot=True, bone=True, **own)
    x, bone = skeletons(plain), skeletons(turned)
    assert x.shape == bone.shape == (1, 2, 64, 4, 1) and not bone[:, :, :, 0].any()
    np.testing.assert_allclose(
        np.linalg.norm(bone, axis=1), np.linalg.norm(x - x[:, :, :, [0, 0, 1, 1]], axis=1), rtol=1e-4
    )
    with pytest.raises(InputError, match=r'the clips have 4 joints, but graph.ntu_rgb_d.Graph has 25'):
        Feeder(tmp_path / 'x.h5', num_person=1)


def test_one_share_crops_the_centre_and_two_crop_at_random(folder):
    middle, again = (skeletons(Feeder(folder / 'clips.h5', 'all', p_interval=form)) for form in ([0.5], (0.5,)))
    np.testing.assert_array_equal(middle, again)
    whole = Feeder(folder / 'clips.h5', 'all', p_interval=[1, 1])
    np.testing.assert_array_equal(skeletons(whole), skeletons(Feeder(folder / 'clips.h5', 'all', p_interval=[1])))
    centre = open_skeletons(folder / 'clips.h5').clip(4)[16:48]  # of 64 frames
    feeder = Feeder(folder / 'clips.h5', 'all', p_interval=[0.5], window_size=32)
    np.testing.assert_array_equal(skeletons(feeder)[4], centre.transpose(3, 0, 2, 1))


def test_debug_reads_only_the_first_clips(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 25, 3)) as store:
        for i in range(120):
            store.add(f'c{i}', 0, np.ones((1, 1, 25, 3)))
    feeder = Feeder(tmp_path / 'x.h5', 'all', debug=True)
    assert len(feeder) == 100 and feeder.name[99] == 'c99'


# --- splits ---


def test_splits_follow_the_rule_or_the_store(folder, tmp_path):
    train, test = (Feeder(folder / 'clips.h5', split, 'xview').name for split in ('train', 'test'))
    assert sorted(train + test) == sorted(NAMES) and {name[7] for name in test} == {'1'}
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 25, 3)) as store:
        for i in range(6):
            store.add(f'c{i}', 0, np.ones((1, 1, 25, 3)), split='test' if i % 3 == 0 else 'train')
    assert Feeder(tmp_path / 'x.h5', 'test').name == ['c0', 'c3']
    assert Feeder(tmp_path / 'x.h5').name == ['c1', 'c2', 'c4', 'c5']


@pytest.mark.parametrize('ending', ['h5', 'npz'])
def test_held_out_clips_leave_training_and_testing_alone(folder, ending):
    def names(split, **args):
        return Feeder(folder / f'clips.{ending}', split, 'xview' if ending == 'h5' else None, **args).name

    train, aside = names('train', held_out=0.5), names('held_out', held_out=0.5)
    assert train and aside and sorted(train + aside) == sorted(names('train'))
    assert names('test', held_out=0.5) == names('test')


# --- what is refused ---


@pytest.mark.parametrize(
    'arguments, text',
    [
        ({'split': 'val'}, r"split is 'val', not one of \('train', 'test', 'held_out', 'all'\)"),
        ({'split': 'test'}, 'the store of ntu60 does not name its splits; give benchmark'),
        ({'benchmark': 'xset'}, r"benchmark 'xset' is not one of \['xsub', 'xview'\] of ntu60"),
        (
            {'split': 'held_out', 'benchmark': 'xsub'},
            "split is 'held_out' and held_out is 0; give the share, such as 0.1",
        ),
        ({'benchmark': 'xsub', 'held_out': 0.7}, 'held_out is 0.7; expected a share above 0 and at most 0.5'),
        ({'missing_person': 'none'}, r"missing_person is 'none', not one of \('zero', 'copy'\)"),
        ({'text_path': 'a', 'object_path': 'b'}, 'text_path and object_path name the same thing; give one'),
        ({'p_interval': []}, r'p_interval is \[\]; expected \[share\] or \[low, high\] with 0 < share ≤ 1'),
        ({'p_interval': [0.5, 1.5]}, 'p_interval is'),
        ({'p_interval': [0]}, r'p_interval is \[0\]; expected'),
        ({'p_interval': [0.1, 0.2, 0.3]}, 'p_interval is'),
        ({'p_interval': 0.95}, r'p_interval is 0.95; expected \[share\] or \[low, high\]'),
        ({'window_size': 0}, 'window_size is 0; it must be an integer ≥ 1'),
        ({'sample_path': 'names.txt'}, 'sample_path is only for an .npz; .*clips.h5 has its own clip names'),
        ({'graph': 'graph.ucla.Graph', 'split': 'all'}, 'the clips have 25 joints, but graph.ucla.Graph has 20'),
        (
            {'video_path': 'none.h5', 'split': 'all'},
            'none.h5 does not exist; make it with `python -m LLMs.video_features',
        ),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(folder, arguments, text):
    with pytest.raises(InputError, match=text) as error:
        Feeder(folder / 'clips.h5', **arguments)
    assert '\n' not in str(error.value)


def test_a_split_that_the_npz_cannot_have_is_refused(folder):
    with pytest.raises(InputError, match="split is 'val', not one of"):
        Feeder(folder / 'clips.npz', 'val')


def test_missing_files_and_empty_splits_are_refused(tmp_path):
    for name, dataset in (('none.h5', '<dataset>'), ('ntu60.npz', 'ntu60'), ('none.npy', '<dataset>')):
        with pytest.raises(
            InputError,
            match=f'{name} does not exist; make it from the recordings with `python -m feeders.prepare {dataset} ',
        ):
            Feeder(tmp_path / name, 'all')
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ntu60', (1, 25, 3)) as store:
        store.add('S001C001P001R001A001', 0, np.ones((2, 1, 25, 3)))
    with pytest.raises(InputError, match="the split 'test' has no clips"):
        Feeder(tmp_path / 'x.h5', 'test', 'xsub')


def test_clips_without_frames_are_counted_and_named(tmp_path):
    x = np.ones((8, 4, 150), np.float32)
    x[1:7] = 0
    np.savez(tmp_path / 'x.npz', x_test=x, y_test=np.eye(8))
    with pytest.raises(
        InputError, match=r'x.npz has 6 clips without frames: test_1, test_2, test_3, test_4, test_5, …$'
    ):
        Feeder(tmp_path / 'x.npz', 'test')


def test_random_crops_keep_64_frames():
    assert (feeder_MMCL.LEAST_CROP, feeder_MMCL.LARGEST_ANGLE) == (64, 0.3)


# --- the benchmark of an .npz ---


def test_the_benchmark_of_a_config_may_stay_beside_an_npz(folder):
    """Overriding data_path must do: the file is of one benchmark already."""
    plain = Feeder(folder / 'clips.npz', 'test')
    assert same(plain[3], Feeder(folder / 'clips.npz', 'test', 'xsub')[3])
    with pytest.raises(InputError, match=r"benchmark 'xviews' is not one of \['xset', 'xsub', 'xview'\]"):
        Feeder(folder / 'clips.npz', 'test', 'xviews')


def test_names_of_another_benchmark_than_the_npz_are_refused(folder, tmp_path):
    wrong = [name for name in NAMES if name[7] != '1']
    with pytest.raises(
        InputError,
        match=rf"names {len(wrong)} clips that benchmark 'xview' does not count among .*: {wrong[0]}, ",
    ):
        Feeder(folder / 'clips.npz', 'test', 'xview', sample_path=folder / 'names.txt')


def test_an_npz_has_no_split_all(folder):
    with pytest.raises(InputError, match="two splits of one benchmark, so split 'all' cannot be read from it"):
        Feeder(folder / 'clips.npz', 'all')
