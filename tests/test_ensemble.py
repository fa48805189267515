"""Fusion by clip name: the published numbers, every way to name clips, weights, search and report.

Legend: S streams, N clips, K classes.
"""

import csv
import pickle
import re

import numpy as np
import pytest
from PIL import Image

from Ensemble import benchmarks, fusion, search
from Ensemble.ensemble import main
from Ensemble.streams import read_streams
from feeders.feeder_ucla import read_all_sqe
from feeders.stores import SkeletonStoreWriter
from torchlight.scores import read_arrays, write_scores

SIX = 'J', 'B', 'JM', 'BM', 'HDJ', 'HDB'
NTU = [
    f'S{setup:03}C{camera:03}P003R001A{action:03}'
    for setup in (1, 3)
    for camera in (1, 2, 3)
    for action in range(1, 61)
]
UCLA = [f'a{action:02}_s{subject:02}_e00_v03' for subject in range(1, 7) for action in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)]
UTD = [f'a{action}_s{subject}_t1' for subject in (2, 4) for action in range(1, 28)]


def label_of(name):
    """The class each data set's authors mean, written out again."""
    number = int(re.search('[aA](\\d+)', name)[1])
    return sorted({1, 2, 3, 4, 5, 6, 8, 9, 11, 12}).index(number) if '_v' in name else number - 1


def made_up(names, classes, streams=SIX, seed=0, signal=1.5):
    """{stream: (N, K) float32} of noise, and a share of truth that falls from stream to stream."""
    rng, label = np.random.default_rng(seed), [label_of(name) for name in names]
    scores = rng.normal(size=(len(streams), len(names), classes)).astype(np.float32)
    for order, stream in enumerate(scores):
        stream[np.arange(len(names)), label] += signal - 0.2 * order
    return dict(zip(streams, scores))


def write(folder, names, scores):
    """The files' flags, `--J_Score <folder>/J.pkl …`."""
    for stream, values in scores.items():
        write_scores(folder / f'{stream}.pkl', names, values)
    return [word for stream in scores for word in (f'--{stream}_Score', str(folder / f'{stream}.pkl'))]


def output(capsys, *words):
    """What a run that ends well prints."""
    status = main([str(word) for word in words])
    captured = capsys.readouterr()
    assert status == 0 and captured.err == '', captured.err
    return captured.out


def row(text, name):
    """The numbers in the table's row of that name."""
    return [float(value) for value in re.search(rf'^{name} +(.*)$', text, re.M)[1].split()]


def acc(text):
    return float(re.search('^acc: (.*)$', text, re.M)[1])


@pytest.fixture(scope='module')
def ucla(shared):
    folder = shared / 'data' / 'scores' / 'NW-UCLA'
    return {stream: folder / f'UCLA_{stream}.pkl' for stream in SIX[:4]}, folder / 'val_label.pkl'


def ucla_flags(ucla, streams=SIX[:4]):
    return [
        '--benchmark',
        'NW-UCLA',
        '--val_sample',
        ucla[1],
        *(word for stream in streams for word in (f'--{stream}_Score', ucla[0][stream])),
    ]


def test_published_scores_fuse_to_the_published_accuracy(ucla, capsys):
    text = output(capsys, *ucla_flags(ucla))
    top1 = {stream: row(text, stream)[1] for stream in SIX[:4]}
    assert top1 == {'J': 94.40, 'B': 93.10, 'JM': 92.89, 'BM': 89.44}
    assert row(text, 'equal weights')[1] == 96.12 and row(text, 'fused')[0] == 96.77
    assert 'wrong_num: 15\ntotal_num: 464\nacc: 0.9676724137931034\n' in text
    assert 'weights: published with CTR-GCN' in text
    assert '95 test clips that are copies of training clips (369 remain)' in text and row(text, 'fused')[2] == 95.93


@pytest.mark.parametrize('order', [SIX[:4], ('BM', 'J', 'JM', 'B')])
def test_published_scores_under_other_weights(ucla, capsys, order):
    rates = dict(J=0.6, B=0.6, JM=0.4, BM=0.4)
    text = output(capsys, *ucla_flags(ucla, order), '--rates', *(rates[name] for name in order))
    assert row(text, 'fused')[0] == 96.77
    assert row(output(capsys, *ucla_flags(ucla, order), '--rates', '1,1,1,1'), 'fused')[0] == 96.12
    text = output(capsys, *ucla_flags(ucla, [name for name in order if name in 'JB']))
    assert row(text, 'fused')[0] == 95.69 and 'weights: equal' in text


def test_neither_the_order_of_clips_nor_of_streams_matters(tmp_path):
    scores = made_up(UCLA, 10)
    files = {stream: tmp_path / f'{stream}.pkl' for stream in SIX}
    expected = sum(rate * scores[name].astype(float) for rate, name in enumerate(SIX, 1))
    fused = None
    for seed in range(4):
        for stream, values in scores.items():
            order = np.random.default_rng([seed, SIX.index(stream)]).permutation(len(UCLA))
            write_scores(files[stream], [UCLA[i] for i in order], values[order])
        for given in (files, dict(reversed(files.items()))):
            joined = read_streams(given, UCLA if seed % 2 else None)
            rows = [joined.clip.index(name) for name in UCLA]
            again = fusion.fuse(joined.scores, range(1, 7))[rows]
            fused = again if fused is None else fused
            assert joined.name == list(SIX) and again.tobytes() == fused.tobytes()
    np.testing.assert_allclose(fused, expected, atol=1e-4)


@pytest.mark.parametrize('key', [str, 'test_{}'.format, int, np.int64])
@pytest.mark.parametrize('sample', ['txt', 'pkl'])
def test_every_way_to_name_clips_gives_the_same(tmp_path, capsys, key, sample):
    scores = made_up(UCLA, 10, SIX[:2])
    plain = output(capsys, *write(tmp_path, UCLA, scores), '--benchmark', 'NW-UCLA')
    order = np.random.default_rng(1).permutation(len(UCLA))
    keys = [UCLA[i] if key is str else key(i) for i in order]
    (tmp_path / 'J.pkl').write_bytes(pickle.dumps(dict(zip(keys, scores['J'][order]))))
    (tmp_path / 'x.txt').write_bytes('\r\n'.join(UCLA).encode())
    rows = [{'file_name': name, 'length': 9, 'label': label_of(name) + 1} for name in UCLA]
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(rows))
    flags = [f'--{name}_Score={tmp_path / name}.pkl' for name in 'JB']
    assert output(capsys, *flags, '--benchmark', 'NW-UCLA', '--val_sample', tmp_path / f'x.{sample}') == plain


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


def test_the_names_of_ctr_gcn(tmp_path, capsys):
    scores = made_up(NTU, 120, SIX[:4], signal=1)
    dirs = []
    for flag, (stream, values) in zip(('joint', 'bone', 'joint-motion', 'bone-motion'), scores.items()):
        write_scores(tmp_path / stream / 'epoch1_test_score.pkl', NTU, values)
        dirs += [f'--{flag}-dir', tmp_path / stream]
    label = np.array([label_of(name) for name in NTU])
    two = output(capsys, '--dataset', 'ntu120/xsub', '--alpha', 0.5, *dirs[:4])
    assert acc(two) == ((scores['J'] + 0.5 * scores['B']).argmax(1) == label).mean()
    four = output(capsys, '--datasets', 'ntu120/xset', '--alpha', 0.5, *dirs)
    weighed = sum(rate * scores[name] for rate, name in zip((0.6, 0.6, 0.4, 0.4), SIX))
    assert acc(four) == (weighed.argmax(1) == label).mean() and '--alpha weighs bone beside joint' in four


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


@pytest.mark.parametrize('kind', ['csv', 'pkl', 'h5'])
def test_custom_labels_and_more_than_six_streams(tmp_path, capsys, kind):
    names, labels, path = custom_labels(tmp_path, kind)
    flags = write(tmp_path, names, dict(zip(SIX, np.zeros((6, 11, 3), np.float32))))
    for more in ('seven', 'eight'):
        write_scores(tmp_path / f'{more}.pkl', names, np.eye(3)[labels] if more == 'eight' else np.zeros((11, 3)))
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
    assert acc(captured.out) == 1 and 'warning: the streams J and B hold the same scores' in captured.err


def test_published_weights_are_used_for_their_streams_only(capsys, tmp_path):
    six = fusion.published_rates('NTU120XSub', SIX, 'none').rate
    assert list(six.values()) == [
        2.361693262051476,
        4.35402786600752,
        3.6038236890242237,
        1.0158095311333564,
        3.0574845840597544,
        5.0,
    ]
    assert fusion.published_rates('NTU120XSet', SIX, 'none') is None
    assert fusion.published_rates('NTU120XSub', SIX[:5], 'none') is None
    assert fusion.published_rates('NTU120XSub', SIX, 'l2') is None
    for benchmark in ('NTU60XSub', 'NTU60XView', 'NTU120XSub', 'NTU120XSet', 'NW-UCLA'):
        assert fusion.published_rates(benchmark, SIX[:4], 'none').rate == dict(J=0.6, B=0.6, JM=0.4, BM=0.4)
    flags = [*write(tmp_path, NTU, made_up(NTU, 120)), '--benchmark', 'NTU120XSub']
    assert 'published with MMCL' in output(capsys, *flags)
    assert 'weights: equal' in output(capsys, *flags, '--normalise', 'l2')


def test_normalising_brings_streams_to_one_scale():
    scores = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32) * np.float32([[[1]], [[50]]])
    scores[0, 0] = 0
    soft, unit, none = scores.copy(), scores.copy(), scores.copy()
    for values, how in ((soft, 'softmax'), (unit, 'l2'), (none, 'none')):
        fusion.normalise(values, how)
        assert (values.argmax(2) == scores.argmax(2)).all()
    np.testing.assert_allclose(soft.sum(2), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=2).ravel(), [0] + [1] * 9, rtol=1e-5)
    assert (none == scores).all()


def test_the_twins_are_those_in_the_data(shared):
    store = read_all_sqe(shared / 'data' / 'NW-UCLA' / 'all_sqe')
    train = {digest for digest, name in zip(store.digests(), store.name) if not name.endswith('v03')}
    twins = {name for digest, name in zip(store.digests(), store.name) if name.endswith('v03') and digest in train}
    assert benchmarks.read_twins() == twins and len(twins) == 95


def test_halves_share_classes_and_no_performance():
    label, group = np.array([label_of(name) for name in NTU]), search.groups_of(NTU)
    half = search.half_of(label, group, 0)
    assert not set(group[half]) & set(group[~half]) and len(set(group)) == 120  # three cameras see each
    assert (np.bincount(label[half]) == np.bincount(label[~half])).all()
    order = np.random.default_rng(0).permutation(len(NTU))
    assert (search.half_of(label[order], search.groups_of([NTU[i] for i in order]), 0) == half[order]).all()
    assert (search.half_of(label, group, 1) != half).any()


def test_cross_entropy_slopes_as_its_differences_say():
    rng = np.random.default_rng(0)
    scores, label, rate = rng.normal(size=(3, 5000, 4)), rng.integers(0, 4, 5000), np.array([0.5, 1, 2])
    loss, slope = search.cross_entropy(rate, scores, label)
    steps = [search.cross_entropy(rate + 1e-5 * unit, scores, label)[0] - loss for unit in np.eye(3)]
    np.testing.assert_allclose(np.array(steps) / 1e-5, slope, atol=1e-4)


@pytest.mark.parametrize('scale', [1, 1e-4, 1e4])
def test_search_trusts_the_stream_that_knows(scale):
    label = np.random.default_rng(0).integers(0, 5, 3000)
    scores = np.random.default_rng(1).normal(size=(3, 3000, 5))
    scores[1, np.arange(3000), label] += 2
    rate = search.find_rates(scores * scale, label)
    assert rate[1] == 1 and rate[[0, 2]].max() < 0.1
    few, true = scores[:, :40], label[:40]
    np.testing.assert_allclose(search.find_rates(few * scale, true), search.find_rates(few, true), atol=1e-3)
    assert search.find_rates(few, true).min() > 0.2  # so few clips do not turn a stream off
    assert np.array_equal(search.find_rates(np.zeros((2, 9, 5)), label[:9]), [1, 1])


def test_resampled_accuracies_spread_as_draws_of_groups_do():
    correct = np.random.default_rng(0).random((1, 300)) < 0.8
    alone = search.resampled_accuracy(correct, np.arange(300), 0)
    p = correct.mean()
    assert abs(alone.mean() - p) < 0.003 and alone.std() == pytest.approx(np.sqrt(p * (1 - p) / 300), rel=0.1)
    thrice = search.resampled_accuracy(np.repeat(correct, 3, 1), np.repeat(np.arange(300), 3), 0)
    assert np.array_equal(thrice, alone)  # copies add clips, not certainty


def test_search_scores_the_other_half_and_its_weights_come_back(ucla, capsys):
    text = output(capsys, *ucla_flags(ucla), '--search', '--seed', 3)
    assert 'total_num: 232\n' in text and 'searched − equal' in text and 'equal weights' in text
    rates = re.search('^--rates (.*)$', text, re.M)[1].split()
    again = output(capsys, *ucla_flags(ucla), '--search', '--seed', 3)
    assert again == text and row(text, 'J')[0] == float(rates[0].removeprefix('J='))
    whole = output(capsys, *ucla_flags(ucla), '--rates', *rates)
    assert 'total_num: 464\n' in whole and acc(whole) > 0.955
    on_test = output(capsys, *ucla_flags(ucla), '--search-on-test')
    assert 'too high' in on_test and 'total_num: 464\n' in on_test and acc(on_test) >= 0.9612


def test_saved_scores_are_a_stream_again_and_the_report_adds_up(tmp_path, capsys):
    flags = [*write(tmp_path, UCLA, made_up(UCLA, 10, SIX[:3])), '--benchmark', 'NW-UCLA']
    text = output(capsys, *flags, '--save', tmp_path / 'sum.pkl', '--report', tmp_path / 'report')
    fused = read_arrays(tmp_path / 'sum.pkl')
    right = [clip for clip, scores in fused.items() if scores.argmax() == label_of(clip)]
    assert len(right) / len(fused) == acc(text)
    again = output(
        capsys,
        f'--J_Score={tmp_path}/J.pkl',
        '--scores',
        f'sum={tmp_path}/sum.pkl',
        '--rates',
        'sum=2',
        'J=0',
        '--benchmark',
        'NW-UCLA',
    )
    assert acc(again) == acc(text)
    tables = {
        name: list(csv.reader(open(tmp_path / 'report' / f'{name}.csv')))
        for name in ('per_class', 'confusion_matrix', 'helped_hurt')
    }
    matrix = np.array(tables['confusion_matrix'][1:], int)[:, 1:]
    assert matrix.trace() == len(right) and matrix.sum() == len(UCLA)
    share = [float(line[tables['per_class'][0].index('fused')]) for line in tables['per_class'][1:]]
    np.testing.assert_allclose(share, matrix.diagonal() / 6, atol=1e-4)
    helped = sum(line[1] == 'helped' for line in tables['helped_hurt'][1:])
    hurt = len(tables['helped_hurt']) - 1 - helped
    assert helped - hurt == len(right) - round(row(text, 'J')[1] / 100 * len(UCLA))
    assert f'{helped} clips helped, {hurt} hurt' in text
    with Image.open(tmp_path / 'report' / 'confusion_matrix.png') as picture:
        assert picture.size[0] > 400 and len(np.unique(picture.convert('L'))) > 20
