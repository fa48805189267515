"""The table of data sets: names, labels, protocols and their official counts."""

import re

import numpy as np
import pytest

from feeders.datasets import DATASETS, class_names, dataset_named
from feeders.label_table import read_names
from feeders.splits import is_train
from torchlight.errors import InputError
from torchlight.imports import import_class

NTU60, NTU120, UCLA, UTD = (DATASETS[name] for name in ('ntu60', 'ntu120', 'nw-ucla', 'utd-mhad'))
PROTOCOLS = [
    ('ntu60', 'xsub', 'NTU60_XSub_Val', 40091, 16487),
    ('ntu60', 'xview', 'NTU60_XView_Val', 37646, 18932),
    ('ntu120', 'xsub', 'NTU120_XSub_Val', 63026, 50919),
    ('ntu120', 'xset', 'NTU120_XSet_Val', 54468, 59477),
]


@pytest.fixture(scope='module')
def names(shared):
    """{data set: the names of all clips that are not missing}."""
    folder = shared / 'data' / 'ntu_names'
    return {dataset: read_names(folder / f'{dataset}_available.txt') for dataset in ('ntu60', 'ntu120')}


@pytest.mark.parametrize('dataset, protocol, public, train, test', PROTOCOLS)
def test_the_rules_give_the_public_splits(shared, names, dataset, protocol, public, train, test):
    row = DATASETS[dataset]
    mask = row.protocol(protocol).train(row.columns(names[dataset]))
    rest = [name for name, trains in zip(names[dataset], mask) if not trains]
    counts = row.protocols[protocol].counts
    assert (len(names[dataset]) - len(rest), len(rest)) == (train, test) == counts
    expected = read_names(shared / 'data' / 'ntu_names' / f'{public}.txt')
    assert len(expected) == test and set(expected) == set(rest)
    if protocol != 'xsub':
        assert row.public_order(rest, protocol) == expected


def test_ntu60_is_the_first_60_actions_of_ntu120(names):
    setup = NTU120.columns(names['ntu120'])['setup']
    assert set(names['ntu60']) == {name for name, number in zip(names['ntu120'], setup) if number <= 17}
    for row in (NTU60, NTU120):
        one_of_each = {name[-4:]: name for name in names[row.name]}.values()  # by action
        assert {row.label(name) for name in one_of_each} == set(range(row.num_class))
    assert NTU120.classes[:60] == NTU60.classes


def test_nw_ucla_trains_on_two_views(shared):
    names = [file.stem for file in (shared / 'data' / 'NW-UCLA' / 'all_sqe').glob('*.json')]
    train = [name for name in names if is_train(name, 'nw-ucla', 'xview')]
    assert (len(train), len(names) - len(train)) == (1020, 464) == UCLA.protocols['xview'].counts
    assert {UCLA.fields(name)['view'] for name in train} == {1, 2}
    assert {UCLA.label(name) for name in names} == set(range(10))


def test_utd_mhad_trains_on_odd_subjects(shared):
    files = (shared / 'data' / 'UTD-MHAD' / 'Skeleton').glob('*.mat')
    names = [file.stem.removesuffix('_skeleton') for file in files]
    train = sum(is_train(name, 'utd-mhad', 'xsub') for name in names)
    assert (train, len(names) - train) == UTD.protocols['xsub'].counts


def test_a_name_says_who_did_what():
    fields = NTU120.fields('S001C002P003R004A120')
    assert fields == {'setup': 1, 'camera': 2, 'performer': 3, 'replication': 4, 'action': 120}
    assert list(UCLA.fields('a12_s10_e04_v03').values()) == [12, 10, 4, 3]
    assert list(UTD.fields('a27_s8_t4').values()) == [27, 8, 4]
    assert NTU120.label('S001C002P003R004A120') == 119 and UTD.label('a27_s8_t4') == 26
    assert [UCLA.label(f'a{action:02}_s01_e00_v01') for action in (1, 6, 8, 9, 11, 12)] == [0, 5, 6, 7, 8, 9]


def test_many_names_say_what_each_says():
    names = ['S001C002P003R004A120', 'S017C003P040R002A001']
    columns = NTU120.columns(names)
    assert [{key: column[i] for key, column in columns.items()} for i in (0, 1)] == list(map(NTU120.fields, names))
    assert {len(column) for column in UTD.columns([]).values()} == {0}


@pytest.mark.parametrize('dataset', DATASETS.values(), ids=DATASETS)
def test_a_protocol_divides_many_names_as_each_alone(dataset):
    form = {
        'ntu60': 'S0{0:02}C0{0:02}P00{1}R001A001',
        'nw-ucla': 'a01_s01_e00_v{0:02}',
        'utd-mhad': 'a1_s{1}_t1',
        'dhg': 'g01_f1_s{0:02}_e01',
    }
    names = [form.get(dataset.name, form['ntu60']).format(i, 1 + i % 7) for i in range(1, 21)]
    for name, protocol in dataset.protocols.items():
        if protocol.train is None:
            continue
        together = protocol.train(dataset.columns(names)).tolist()
        assert together == [is_train(clip, dataset.name, name) for clip in names] and len(set(together)) == 2


@pytest.mark.parametrize('wrong', ['S001C001P001R001A01', '', 'S001C001P001R001A001\nS001C001P001R001A002', 'x'])
def test_one_wrong_name_among_many_is_refused(wrong):
    for names in ([wrong], ['S001C001P001R001A001', wrong], [wrong, 'x']):
        with pytest.raises(InputError, match=f'^clip name {re.escape(repr(wrong))} is not of the form SsssCccc'):
            NTU60.columns(names)


@pytest.mark.parametrize(
    'dataset, name, form',
    [
        (NTU60, 'S001C002P003R004A01', 'SsssCcccPpppRrrrAaaa'),
        (NTU60, 'S001C002P003R004A001.skeleton', 'SsssCcccPpppRrrrAaaa'),
        (NTU120, 'train_0', 'SsssCcccPpppRrrrAaaa'),
        (UCLA, 'a1_s10_e04_v03', 'aXX_sXX_eXX_vXX'),
        (UTD, 'a01_s1_t1', 'aX_sX_tX'),
    ],
)
def test_other_names_are_refused(dataset, name, form):
    with pytest.raises(InputError, match=f"^clip name '{re.escape(name)}' is not of the form {form}$"):
        dataset.fields(name)


def test_an_action_that_a_data_set_does_not_have_is_refused():
    for dataset, name, action in ((UCLA, 'a07_s01_e00_v01', 7), (NTU60, 'S001C001P001R001A061', 61)):
        with pytest.raises(
            InputError, match=re.escape(f"'{name}' has action {action}, which {dataset.title} does not have")
        ):
            dataset.label(name)


def test_a_fold_tests_one_subject_and_every_clip_is_tested_once_by_each_labelling():
    dhg = DATASETS['dhg']
    names = [f'g01_f1_s{subject:02}_e01' for subject in range(1, 21)]
    tested = {protocol: [name for name in names if not is_train(name, 'dhg', protocol)] for protocol in dhg.protocols}
    assert tested == {
        f'gestures{classes}_loso{subject}': [names[subject - 1]] for classes in (14, 28) for subject in range(1, 21)
    }
    assert {sum(protocol.counts) for protocol in dhg.protocols.values()} == {14 * 2 * 20 * 5}
    with pytest.raises(InputError, match=r"'loso1' is not one of \['gestures14_loso1', 'gestures28_loso1', .*, …\] of"):
        dhg.protocol('loso1')


@pytest.mark.parametrize('name', ['shrec17', 'dhg'])
def test_gestures_are_14_classes_or_28_by_fingers(name):
    row = DATASETS[name]
    clips = [f'g{gesture:02}_f{finger}_s01_e01' for gesture in range(1, 15) for finger in (1, 2)]
    assert [row.label(clip) for clip in clips] == [label for label in range(14) for _ in (1, 2)]
    for title, protocol in row.protocols.items():
        under = row.under(protocol)
        assert under.num_class == int(title[8:10]) and title[8:10] in protocol.benchmark
        assert len({under.label(clip) for clip in clips}) == under.num_class
        for clip in clips:  # the classes of a gesture are called after it
            assert under.classes[under.label(clip)].startswith(row.classes[row.label(clip)])
    assert under.classes[under.label('g01_f2_s01_e01')] == 'grab (whole hand)' and row.classes[13] == 'shake'


def test_unknown_data_sets_and_protocols_are_refused():
    with pytest.raises(InputError, match=r"data set 'ntu' is not known; expected one of .*'ntu60'"):
        dataset_named('ntu')
    with pytest.raises(InputError, match=r"benchmark 'xset' is not one of \['xsub', 'xview'\] of ntu60"):
        NTU60.protocol('xset')
    with pytest.raises(InputError, match=r"data set 'sysu' has no benchmark rules; expected one of \[.*'ntu120', "):
        DATASETS['sysu'].protocol('xsub')


def test_public_order_sorts_by_what_the_protocol_splits_on():
    names = ['S001C003P002R001A001', 'S002C001P003R001A001', 'S003C002P001R001A001']
    orders = [NTU60.public_order(names, 'xsub'), NTU60.public_order(names, 'xview'), NTU120.public_order(names, 'xset')]
    assert [[names.index(name) for name in order] for order in orders] == [[2, 0, 1], [1, 2, 0], [0, 1, 2]]
    with pytest.raises(InputError, match='NW-UCLA has no public arrays'):
        UCLA.public_order(['a01_s01_e00_v01'], 'xview')


def test_every_data_set_names_all_its_classes():
    counts = {'ntu60': 60, 'ntu120': 120, 'nw-ucla': 10, 'utd-mhad': 27, 'sysu': 12, 'sample': 12}
    assert {name: DATASETS[name].num_class for name in counts} == counts
    assert all(len(set(row.classes)) == row.num_class > 1 for row in DATASETS.values())
    assert class_names('ntu60')[59:] == ['walking apart'] and class_names('none') == []
    assert class_names('ntu60', ['a', 'b']) == ['a', 'b']
    assert class_names('ntu60', (), {0: 2}) == ['', '', 'drink water']
    assert class_names('mine', ['a', 'b'], {1: 0, 5: 2}) == ['b', '', '']


@pytest.mark.parametrize('row', DATASETS.values(), ids=list(DATASETS))
def test_a_row_agrees_with_itself(row):
    assert len(row.actions or range(row.num_class)) == row.num_class
    assert import_class(row.graph)().A.shape[-1] == row.layout[1]
    assert row.two_person <= set(row.actions or range(1, row.num_class + 1))
    if row.reader:
        assert row.recordings and import_class(row.reader)


def test_two_person_actions_of_ntu():
    two = DATASETS['ntu120'].two_person
    assert {50, 60, 106, 120} <= two and not {49, 61, 105, 121} & two
    assert DATASETS['ntu60'].two_person == {action for action in two if action <= 60}
    names = np.array(NTU120.classes)
    assert 'handshake' not in names and 'shaking hands' in names[[action - 1 for action in two]]
