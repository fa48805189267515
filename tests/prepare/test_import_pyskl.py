"""The command `import-pyskl`: pose pickles with scores or in space, their splits, their persons, and damage."""

import pickle

import numpy as np
import pytest

from feeders.prepare.__main__ import main
from feeders.skeleton_store import open_skeletons
from tests.helpers import refused

RNG = np.random.default_rng(0)


def annotation(name, label, persons=1, coordinates=2, **more):
    """A clip as pyskl writes it, in half precision."""
    shape = persons, 5, 17 if coordinates == 2 else 25
    found = {'frame_dir': name, 'label': label, 'total_frames': 5, 'img_shape': (1080, 1920)}
    found['keypoint'] = (100 * RNG.normal(size=(*shape, coordinates)) + 500).astype(np.float16)
    if coordinates == 2:
        found['keypoint_score'] = RNG.uniform(0.1, 1, shape).astype(np.float16)
    return {**found, **more}


@pytest.fixture
def imported(tmp_path):
    """Writes a pickle, and gives the command that imports it."""

    def write(annotations, split, *more):
        (tmp_path / 'x.pkl').write_bytes(pickle.dumps({'split': split, 'annotations': annotations}, protocol=4))
        return ['import-pyskl', '--pkl', f'{tmp_path}/x.pkl', '--out', f'{tmp_path}/x.h5', *more]

    return write


def test_keypoints_with_scores_become_a_store_with_confidences(imported, tmp_path, capsys):
    clips = [annotation('a', 2), annotation('b', 0, persons=2), annotation('c', 1)]
    assert main(imported(clips, {'train': ['a'], 'val': ['b']})) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.name == ['a', 'b'] and store.split == ['train', 'test'] and store.label.tolist() == [2, 0]
    assert store.layout == (2, 17, 3) and store.confidence and not store.normalised and store.dataset == 'custom'
    assert store.person.tolist() == [1, 2]
    for i, clip in enumerate(clips[:2]):
        found = store.clip(i)[:, : store.person[i]].transpose(1, 0, 2, 3)
        np.testing.assert_array_equal(found[..., :2], clip['keypoint'].astype(np.float32))
        np.testing.assert_array_equal(found[..., 2], clip['keypoint_score'].astype(np.float32))
    assert 'c: is neither in train nor in val' in (tmp_path / 'x.h5.report.txt').read_text()
    assert 'beyond ±' in capsys.readouterr().err
    assert 'graph: graph.coco.Graph' in (tmp_path / 'x.yaml').read_text()


def test_joints_in_space_have_no_confidence(imported, tmp_path):
    clips = [annotation('a', 0, coordinates=3, keypoint_score=None), annotation('b', 1, coordinates=3)]
    assert main(imported(clips, {'sub_train': ['a'], 'sub_test': ['b']}, '--normalise')) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.layout == (1, 25, 3) and not store.confidence and store.normalised
    assert store.split == ['train', 'test'] and abs(store.frames[:]).max() < 5


def test_of_many_persons_the_most_confident_are_kept(imported, tmp_path):
    crowd, empty = annotation('a', 0, persons=4), annotation('b', 0, persons=2)
    crowd['keypoint_score'][:] = np.array([0.2, 0.9, 0.1, 0.5])[:, None, None]
    empty['keypoint'][0] = empty['keypoint_score'][0] = 0
    assert main(imported([crowd, empty], {'train': ['a'], 'test': ['b']})) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.layout[0] == 2 and store.person.tolist() == [2, 1]
    np.testing.assert_array_equal(store.clip(0)[0, :, :, :2], crowd['keypoint'][[1, 3], 0].astype('f4'))
    np.testing.assert_array_equal(store.clip(1)[:, 0, :, :2], empty['keypoint'][1].astype('f4'))
    (tmp_path / 'x.yaml').unlink()
    assert main(imported([crowd, empty], {'train': ['a'], 'test': ['b']}, '--num-person', '1')) == 0
    assert open_skeletons(tmp_path / 'x.h5').layout[0] == 1


def test_of_several_protocols_one_must_be_chosen(imported, tmp_path, capsys):
    names = [f'S001C00{c}P00{p}R001A00{a}' for c in (1, 2) for p in (1, 3) for a in (1, 2)]
    clips = [annotation(name, int(name[-3:]) - 1) for name in names]
    split = {
        'xsub_train': [name for name in names if 'P001' in name],
        'xsub_val': [name for name in names if 'P003' in name],
        'xview_train': [name for name in names if 'C002' in name],
        'xview_val': [name for name in names if 'C001' in name],
    }
    error = refused(capsys, main, imported(clips, split))
    assert 'has 2 pairs of splits (xsub_train xsub_val; xview_train xview_val); choose two with --split' in error
    assert "has no split 'x'; its splits are xsub_train" in refused(
        capsys, main, imported(clips, split, '--split', 'x', 'xsub_val')
    )
    assert main(imported(clips, split, '--split', 'xview_train', 'xview_val')) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.dataset == 'ntu60' and [part == 'train' for part in store.split] == ['C002' in n for n in store.name]
    assert 'num_class: 60' in (tmp_path / 'x.yaml').read_text()
    clips[0]['label'] = 5  # names of NTU RGB+D that do not state the labels
    assert main(imported(clips, split, '--split', 'xsub_train', 'xsub_val')) == 0
    assert open_skeletons(tmp_path / 'x.h5').dataset == 'custom'


def test_a_clip_in_both_splits_is_refused(imported, tmp_path, capsys):
    clips = [annotation(name, 0) for name in 'abc']
    error = refused(capsys, main, imported(clips, {'train': ['b', 'a'], 'val': ['c', 'b', 'a']}))
    assert 'x.pkl has 2 clips in both train and val: a, b; ' in error and not (tmp_path / 'x.h5').exists()


def test_clips_that_cannot_be_used_are_left_out(imported, tmp_path, capsys):
    good = annotation('good', 0)
    bad = {
        'flat': annotation('flat', 0, keypoint=np.ones((5, 17, 2))),
        'text': annotation('text', 0, keypoint='x'),
        'scores': annotation('scores', 0, keypoint_score=np.ones((1, 4, 17))),
        'label': annotation('label', 'x'),
        'class': annotation('class', 2),
        'none': annotation('none', 0, keypoint=np.zeros((1 << 50, 0, 17, 2))),
        'nan': annotation('nan', 0, keypoint=np.full((1, 5, 17, 2), np.nan)),
        'empty': annotation('empty', 0, keypoint=np.zeros((1, 5, 17, 2)), keypoint_score=np.zeros((1, 5, 17))),
    }
    (tmp_path / 'c.txt').write_text('sit\nwave\n')
    split = {'train': ['good', *bad, 'absent'], 'val': []}
    assert main(imported([good, *bad.values()], split, '--classes', f'{tmp_path}/c.txt')) == 1
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.name == ['good'] and store.classes == ['sit', 'wave']
    report = (tmp_path / 'x.h5.report.txt').read_text()
    for reason in (
        'flat: has keypoint of shape (5, 17, 2)',
        'text: has keypoint of shape ()',
        'none: has keypoint of shape ()',
        'scores: has keypoint_score of shape (1, 4, 17)',
        'label: has a label of type str; expected a number from 0 to 1',
        'class: has a label 2',
        'nan: contains NaN',
        'empty: nobody is in it',
        'absent: has no annotation',
    ):
        assert reason in report, reason


@pytest.mark.parametrize(
    'contents', [[], {}, {'split': {}, 'annotations': [{}]}, {'split': {'a': [1]}, 'annotations': []}, {'split': 1}]
)
def test_another_pickle_is_one_line(tmp_path, capsys, contents):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(contents))
    argv = ['import-pyskl', '--pkl', f'{tmp_path}/x.pkl', '--out', f'{tmp_path}/x.h5']
    assert 'is not a pose pickle of pyskl' in refused(capsys, main, argv)
    assert not (tmp_path / 'x.h5').exists()
