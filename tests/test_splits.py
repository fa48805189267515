"""The protocols: official counts, the public test lists, and what a held-out split keeps together."""

import numpy as np
import pytest

from feeders import splits
from feeders.splits import OFFICIAL_COUNTS, held_out_mask, is_train
from feeders.stores import read_names
from torchlight.errors import InputError

PUBLIC_TEST = {
    ('ntu60', 'xsub'): 'NTU60_XSub_Val',
    ('ntu60', 'xview'): 'NTU60_XView_Val',
    ('ntu120', 'xsub'): 'NTU120_XSub_Val',
    ('ntu120', 'xset'): 'NTU120_XSet_Val',
}


@pytest.fixture(scope='module')
def names(shared):
    return {
        dataset: read_names(shared / 'data' / 'ntu_names' / f'{dataset}_available.txt')
        for dataset in ('ntu60', 'ntu120')
    }


@pytest.mark.parametrize(
    'dataset, benchmark, train, test',
    [
        ('ntu60', 'xsub', 40091, 16487),
        ('ntu60', 'xview', 37646, 18932),
        ('ntu120', 'xsub', 63026, 50919),
        ('ntu120', 'xset', 54468, 59477),
    ],
)
def test_the_rules_give_the_public_splits(shared, names, dataset, benchmark, train, test):
    rest = [name for name in names[dataset] if not is_train(name, dataset, benchmark)]
    assert (len(names[dataset]) - len(rest), len(rest)) == (train, test) == OFFICIAL_COUNTS[dataset, benchmark]
    public = read_names(shared / 'data' / 'ntu_names' / f'{PUBLIC_TEST[dataset, benchmark]}.txt')
    assert len(public) == test and set(public) == set(rest)


def test_ntu60_is_the_first_60_actions_of_ntu120(names):
    assert set(names['ntu60']) == {name for name in names['ntu120'] if splits.parse_ntu(name).setup <= 17}
    assert {splits.ntu_label(name) for name in names['ntu60']} == set(range(60))
    assert {splits.ntu_label(name) for name in names['ntu120']} == set(range(120))


def test_nw_ucla_trains_on_two_views(shared):
    names = [file.stem for file in (shared / 'data' / 'NW-UCLA' / 'all_sqe').glob('*.json')]
    train = [name for name in names if is_train(name, 'nw-ucla', 'xview')]
    assert (len(train), len(names) - len(train)) == (1020, 464) == OFFICIAL_COUNTS['nw-ucla', 'xview']
    assert {splits.parse_ucla(name).view for name in train} == {1, 2}
    assert {splits.ucla_label(name) for name in names} == set(range(10))


def test_utd_mhad_trains_on_odd_subjects(shared):
    files = (shared / 'data' / 'UTD-MHAD' / 'Skeleton').glob('*.mat')
    names = [file.stem.removesuffix('_skeleton') for file in files]
    train = sum(is_train(name, 'utd-mhad', 'xsub') for name in names)
    assert (train, len(names) - train) == OFFICIAL_COUNTS['utd-mhad', 'xsub']


def test_a_name_says_who_did_what():
    assert splits.parse_ntu('S001C002P003R004A120') == (1, 2, 3, 4, 120)
    assert splits.parse_ucla('a12_s10_e04_v03') == (12, 10, 4, 3)
    assert splits.parse_utd('a27_s8_t4') == (27, 8, 4)
    assert splits.ntu_label('S001C002P003R004A120') == 119
    assert [splits.ucla_label(f'a{action:02}_s01_e00_v01') for action in (1, 6, 8, 9, 11, 12)] == [0, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    'parse, name, form',
    [
        (splits.parse_ntu, 'S001C002P003R004A01', 'SsssCcccPpppRrrrAaaa'),
        (splits.parse_ntu, 'S001C002P003R004A001.skeleton', 'SsssCcccPpppRrrrAaaa'),
        (splits.parse_ntu, 'train_0', 'SsssCcccPpppRrrrAaaa'),
        (splits.parse_ucla, 'a1_s10_e04_v03', 'aXX_sXX_eXX_vXX'),
        (splits.parse_utd, 'a01_s1_t1', 'aX_sX_tX'),
    ],
)
def test_other_names_are_refused(parse, name, form):
    with pytest.raises(InputError, match=f"^clip name '{name}' is not of the form {form}$"):
        parse(name)


def test_unknown_rules_are_refused():
    with pytest.raises(InputError, match="data set 'ntu' has no benchmark rules; expected one of .*'ntu60'"):
        is_train('S001C001P001R001A001', 'ntu', 'xsub')
    with pytest.raises(InputError, match=r"benchmark 'xset' is not one of \['xsub', 'xview'\] of ntu60"):
        is_train('S001C001P001R001A001', 'ntu60', 'xset')
    with pytest.raises(InputError, match="'a07_s01_e00_v01' has action 7, not one of"):
        splits.ucla_label('a07_s01_e00_v01')


def test_public_order_sorts_by_what_the_protocol_splits_on():
    names = ['S001C003P002R001A001', 'S002C001P003R001A001', 'S003C002P001R001A001']
    assert [
        [names.index(name) for name in splits.public_order(names, benchmark)] for benchmark in ('xsub', 'xview', 'xset')
    ] == [[2, 0, 1], [1, 2, 0], [0, 1, 2]]


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
    with pytest.raises(InputError, match=f'held_out is {fraction}, not above 0 and at most 0.5'):
        held_out_mask(np.zeros(4), np.arange(4), fraction)
