"""The choice of clips: by protocol, by the splits that a store names, held out, or by their labels."""

import numpy as np
import pytest

from feeders.skeleton_store import SkeletonStore
from feeders.splits import (
    check_split,
    choose_split,
    held_out_mask,
    hold_out,
    is_train,
    joined,
    labelled,
    map_labels,
    names_of,
    train_mask,
)
from torchlight.errors import InputError

NAMES = [f'S001C{i % 3 + 1:03}P{i + 1:03}R001A{i % 2 + 1:03}' for i in range(12)]


def store_of(names, dataset='ntu60', split=None):
    """A store of clips of one frame each, every clip another."""
    count = len(names)
    frames = np.arange(count, dtype=np.float32).reshape(-1, 1, 1, 1)
    return SkeletonStore(frames, range(count), [1] * count, names, np.arange(count) % 2, [1] * count, dataset, split)


def test_a_protocol_decides_by_the_name():
    assert [is_train(f'S001C{camera:03}P001R001A001', 'ntu60', 'xview') for camera in (1, 2, 3)] == [False, True, True]
    assert [is_train(f'S{setup:03}C001P001R001A001', 'ntu120', 'xset') for setup in (1, 2)] == [False, True]
    assert names_of(store_of(NAMES), 'xview', False) == [name for name in NAMES if 'C001' in name]


def test_a_store_may_name_its_splits():
    store = store_of(['a', 'b', 'c'], 'ours', ['train', 'test', 'train'])
    assert train_mask(store, None).tolist() == [True, False, True]
    assert choose_split(store, 'test').name == ['b'] and choose_split(store, 'all').name == ['a', 'b', 'c']


def test_a_protocol_may_take_the_splits_of_the_store():
    names = ['g01_f1_s01_e01', 'g01_f2_s01_e01']
    store = store_of(names, 'shrec17', ['train', 'test'])
    assert names_of(store, 'gestures28', True) == names[:1] and names_of(store, 'gestures28', False) == names[1:]
    with pytest.raises(InputError, match='is said by a store of them, not by their names'):
        is_train(names[0], 'shrec17', 'gestures28')
    for benchmark in (None, 'gestures28'):
        with pytest.raises(InputError, match='the store of shrec17 does not name its splits; to train'):
            train_mask(store_of(names, 'shrec17'), benchmark)


def test_a_protocol_may_have_classes_of_its_own():
    store = store_of(['g02_f1_s01_e01', 'g02_f2_s02_e01'], 'dhg')
    store.label[:] = 1
    fine = labelled(store, 'gestures28_loso1')
    assert fine.label.tolist() == [2, 3] and fine.classes[2:4] == ['tap (one finger)', 'tap (whole hand)']
    assert store.label.tolist() == [1, 1] and fine.name == store.name
    assert labelled(store, 'gestures14_loso1') is store and labelled(store, None) is store
    ours = store_of(NAMES, 'ours')
    assert labelled(ours, 'gestures28_loso1') is ours


def test_unknown_rules_are_refused():
    with pytest.raises(InputError, match=r"data set 'ntu' is not known; expected one of .*'ntu60'"):
        is_train('S001C001P001R001A001', 'ntu', 'xsub')
    with pytest.raises(InputError, match=r"benchmark 'xset' is not one of \['xsub', 'xview'\] of ntu60"):
        is_train('S001C001P001R001A001', 'ntu60', 'xset')
    with pytest.raises(InputError, match=r'store of ntu60 does not name its splits; give benchmark .*: xsub, xview'):
        choose_split(store_of(NAMES), 'test')
    for benchmark in (None, 'xsub'):
        for dataset in ('custom', 'sysu'):
            with pytest.raises(
                InputError, match=rf'store of {dataset} does not name its splits; .* add the column split'
            ):
                choose_split(store_of(NAMES, dataset), 'train', benchmark)
    with pytest.raises(InputError, match=r"split is 'val', not one of \('train', 'test', 'held_out', 'all'\)"):
        check_split('val')


@pytest.mark.parametrize('fraction', [0.5, 0.2, 0.1])
def test_held_out_clips_are_stratified_and_keep_groups_together(fraction):
    label = np.repeat(np.arange(5), 60)
    group = np.arange(300) // 2  # pairs of one class
    mask = held_out_mask(label, group, fraction)
    assert (mask[::2] == mask[1::2]).all()
    assert abs(np.bincount(label[mask], minlength=5) - 60 * fraction).max() <= 2
    np.testing.assert_array_equal(mask, held_out_mask(label, group, fraction))
    assert (mask != held_out_mask(label, group, fraction, seed=1)).any()


@pytest.mark.parametrize('fraction', [-0.1, 0, 0.6, 1])
def test_shares_that_cannot_be_held_out_are_refused(fraction):
    with pytest.raises(InputError, match=f'held_out is {fraction}; expected a share above 0 and at most 0.5'):
        held_out_mask(np.zeros(4), np.arange(4), fraction)


def test_held_out_clips_are_training_clips_aside():
    store = store_of(NAMES)
    train, aside = (choose_split(store, split, 'xview', held_out=0.25) for split in ('train', 'held_out'))
    assert train.name and aside.name and set(train.name + aside.name) == set(names_of(store, 'xview', True))
    assert hold_out(store, 'test', 0.25) is store
    with pytest.raises(InputError, match=r"split is 'held_out' and held_out is 0; give the share, such as 0.1"):
        hold_out(store, 'held_out', 0)
    with pytest.raises(InputError, match=r'held_out is 0.1, one clip in 10, but the rarest class has 6 clips'):
        hold_out(store, 'train', 0.1)


def test_whole_subjects_are_held_out():
    store = store_of([f'S001C001P{subject:03}R00{k}A00{k}' for subject in range(1, 9) for k in (1, 2)])
    store.label = np.arange(16) % 2
    subjects = {
        part: {name[8:12] for name in hold_out(store, part, 0.25, 'performer').name} for part in ('train', 'held_out')
    }
    assert len(subjects['held_out']) == 2 and len(subjects['train'] | subjects['held_out']) == 8
    assert not subjects['train'] & subjects['held_out']
    with pytest.raises(InputError, match="do not number 'action', but camera, performer, replication, setup"):
        hold_out(store, 'train', 0.25, 'action')
    with pytest.raises(InputError, match=r'held_out is 0.5, one group of clips in 2, but there is only 1 group'):
        hold_out(store, 'train', 0.5, 'setup')


def test_groups_that_share_a_clip_become_one():
    np.testing.assert_array_equal(joined(['a', 'b', 'b', 'c', 'd'], [1, 1, 2, 3, 3]), [0, 0, 0, 1, 1])


def test_a_map_keeps_its_labels_only_and_renames_them():
    mapped = map_labels(store_of(NAMES), {1: 7, 99: 3})
    assert mapped.name == NAMES[1::2] and set(mapped.label.tolist()) == {7}
    assert map_labels(mapped, None) is mapped
    with pytest.raises(
        InputError, match=r'label_map selects no clips: its labels are \[5\], those of the clips \[0, 1\]'
    ):
        map_labels(store_of(NAMES), {5: 0})
    for wrong in ([1], {'a': 1}, {1: -1}, {1: True}):
        with pytest.raises(InputError, match='expected pairs of labels'):
            map_labels(store_of(NAMES), wrong)
