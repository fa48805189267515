"""The labels of clips, from names and from files."""

import pickle

import numpy as np
import pytest

from Ensemble import labels
from Ensemble.ensemble import main
from feeders.feeder_ucla import read_all_sqe
from feeders.skeleton_store import SkeletonStoreWriter
from tests.Ensemble.scores import NTU, NTU60, SIX, UCLA, UTD, acc, label_of, made_up, output, row, two_streams, write
from torchlight.errors import InputError
from torchlight.pickles import write_scores


@pytest.mark.parametrize(
    'benchmark, names, classes',
    [
        ('NTU60XSub', NTU, 60),
        ('NTU60XView', NTU[:60], 60),
        ('NTU120XSub', NTU, 120),
        ('NTU120XSet', NTU, 120),
        ('NW-UCLA', UCLA, 10),
        ('UTD-MHAD', UTD, 27),
    ],
)
def test_labels_follow_from_the_names(tmp_path, capsys, benchmark, names, classes):
    scores = made_up(names, classes, SIX[:3])
    text = output(capsys, *write(tmp_path, names, scores), '--benchmark', benchmark.lower())
    label = np.array([label_of(name) for name in names])
    for stream, values in scores.items():
        assert row(text, stream)[1:3] == [
            round(100 * (values.argmax(1) == label).mean(), 2),
            round(100 * (np.argsort(-values, 1)[:, :5] == label[:, None]).any(1).mean(), 2),
        ]
    assert acc(text) == (sum(scores.values()).argmax(1) == label).mean() > 0.3


def custom_labels(folder, kind):
    """Labels of twelve clips, the last never scored."""
    names, labels = [f'clip{i}' for i in range(12)], [i % 3 for i in range(12)]
    if kind == 'csv':
        (folder / 'x.csv').write_text('name,label\n' + ''.join(f'{n},{k}\n' for n, k in zip(names, labels)))
    elif kind == 'pkl':
        rows = [{'file_name': name, 'label': label + 1} for name, label in zip(names, labels)]
        (folder / 'x.pkl').write_bytes(pickle.dumps(rows))
    else:
        with SkeletonStoreWriter(folder / 'x.h5', 'mine', (1, 2, 3)) as store:
            for name, label in zip(names, labels):
                store.add(name, label, np.zeros((1, 1, 2, 3)))
    return names[:11], labels[:11], folder / f'x.{kind}'


def test_a_table_with_names_for_labels_is_refused(tmp_path):
    """The numbers of these classes are in the store that was made with the table."""
    (tmp_path / 'x.csv').write_text('name,label\na,sit\n')
    with pytest.raises(InputError, match=r'x.csv has names as labels; give the skeleton store'):
        labels.read_labels(str(tmp_path / 'x.csv'), ['a'])


@pytest.mark.parametrize('kind', ['csv', 'pkl', 'h5'])
def test_custom_labels_and_more_than_six_streams(tmp_path, capsys, kind):
    names, truth, path = custom_labels(tmp_path, kind)
    flags = write(tmp_path, names, dict(zip(SIX, np.zeros((6, 11, 3), np.float32))))
    for more in ('seven', 'eight'):
        write_scores(tmp_path / f'{more}.pkl', names, np.eye(3)[truth] if more == 'eight' else np.zeros((11, 3)))
    main(
        [
            *flags,
            '--benchmark',
            'custom',
            '--labels',
            str(path),
            '--scores',
            f'seven={tmp_path / "seven.pkl"}',
            f'eight={tmp_path / "eight.pkl"}',
        ]
    )
    captured = capsys.readouterr()
    assert acc(captured.out) == 1 and 'warning: the streams J and B have the same scores' in captured.err


def test_the_twins_are_those_in_the_data(shared):
    store = read_all_sqe(shared / 'data' / 'NW-UCLA' / 'all_sqe')
    train = {digest for digest, name in zip(store.digests(), store.name) if not name.endswith('v03')}
    twins = {name for digest, name in zip(store.digests(), store.name) if name.endswith('v03') and digest in train}
    assert sorted(labels.read_twins()) == sorted(twins) and len(twins) == 95


def test_other_clips_than_the_benchmarks_are_remarked_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = two_streams()
    assert main(flags) == 0 and 'NTU60XSub has 16487 test clips, but these are 60' in capsys.readouterr().out
    (tmp_path / 'Val.txt').write_text('\n'.join(name.replace('P003', 'P001') for name in NTU60))
    assert main(flags) == 0 and '60 of 60 clips (S001C001P001R001A001, ' in capsys.readouterr().out


def test_hand_gestures_are_benchmarks_of_14_classes_and_of_28():
    clips = [f'g14_f{finger}_s03_e{essai:02}' for finger in (1, 2) for essai in (1, 2)]
    for benchmark, expected in (('SHREC17-14', 13), ('SHREC17-28', 26), ('DHG14', 13), ('DHG28', 26)):
        label = labels.labels_of(benchmark, clips, int(benchmark[-2:]))
        assert label.tolist() == [expected] * 2 + [expected + (benchmark[-2:] == '28')] * 2
        assert len(labels.class_names(benchmark, 28)) == int(benchmark[-2:])
    assert labels.remarks('SHREC17-14', clips) == ['SHREC17-14 has 840 test clips, but these are 4']


def test_the_clips_of_any_one_fold_are_test_clips_of_its_benchmark():
    clips = [f'g{gesture:02}_f1_s03_e01' for gesture in range(1, 15)]
    assert labels.remarks('DHG14', clips) == ['DHG14 has 140 test clips, but these are 14']
    more = [*clips, 'g01_f1_s04_e01', 'g01_f1_s05_e01']
    assert labels.remarks('DHG14', more)[0].startswith('2 of 16 clips (g01_f1_s04_e01, g01_f1_s05_e01) are training')


def test_a_published_list_with_a_name_that_leaves_its_folder_is_refused(tmp_path):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps([{'file_name': '../outside', 'label': 1}]))
    with pytest.raises(InputError, match=r"x.pkl has the clip name '\.\./outside'"):
        labels.read_sample(str(tmp_path / 'x.pkl'))


def test_a_custom_benchmark_has_the_names_of_its_store(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'custom', (1, 2, 3), classes=['wave', 'jump']) as store:
        store.add('a', 1, np.zeros((3, 1, 2, 3)))
    assert list(labels.class_names('custom', 3, str(tmp_path / 'x.h5'))) == ['wave', 'jump', '']
    assert list(labels.class_names('custom', 2, str(tmp_path / 'x.csv'))) == ['', '']
