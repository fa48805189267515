"""The commands `shrec17` and `dhg`: hand gestures in folders, with their lists of clips."""

from pathlib import Path

import numpy as np
import pytest
import torch

import main_MMCL
from feeders.feeder_MMCL import Feeder
from feeders.prepare import hand
from feeders.prepare.__main__ import main
from feeders.prepare.inputs import open_input
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from feeders.splits import names_of
from tests.helpers import ROOT, refused
from torchlight import config
from torchlight.errors import InputError
from torchlight.imports import instantiate

RNG = np.random.default_rng(0)
CLIPS = [(1, 1, 1, 1), (1, 2, 28, 1), (14, 1, 3, 2), (14, 2, 3, 10)]  # gesture, finger, subject, essai
NAMES = ['g01_f1_s01_e01', 'g01_f2_s28_e01', 'g14_f1_s03_e02', 'g14_f2_s03_e10']
HAND = (1, 22, 3)


def record(root, gesture, finger, subject, essai, title='skeletons_world.txt', frames=9):
    """Write a recording; return its frames and its file."""
    folder = root / f'gesture_{gesture}' / f'finger_{finger}' / f'subject_{subject}' / f'essai_{essai}'
    folder.mkdir(parents=True)
    world = RNG.normal(size=(frames, 22, 3))
    np.savetxt(folder / title, world.reshape(frames, 66), '%.17g')
    (folder / 'general_informations.txt').write_text('0 1 2\n')
    return world.astype(np.float32), folder / title


def line(gesture, finger, subject, essai):
    return f'{gesture} {finger} {subject} {essai} {gesture} {2 * gesture + finger - 2} 9\n'


@pytest.fixture
def shrec(tmp_path):
    """The folder of four clips, of which the first two train."""
    for clip in CLIPS:
        record(tmp_path, *clip)
    for split, clips in (('train', CLIPS[:2]), ('test', CLIPS[2:])):
        (tmp_path / f'{split}_gestures.txt').write_text(''.join(line(*clip) for clip in clips))
    return tmp_path


def prepare(root, *more, dataset='shrec17'):
    words = [dataset, '--raw', root, '--out', root / 'x.h5', '--num-worker', 0, *more]
    return main([str(word) for word in words])


def test_a_store_of_shrec_has_the_clips_around_the_palm_and_their_splits(tmp_path):
    world, file = record(tmp_path, 3, 2, 7, 1)
    for split, text in (('train', line(3, 2, 7, 1) + '\n'), ('test', '')):
        (tmp_path / f'{split}_gestures.txt').write_text(text)
    assert prepare(tmp_path) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert (store.name, store.label.tolist(), store.split) == (['g03_f2_s07_e01'], [2], ['train'])
    assert store.layout == HAND and np.array_equal(store.clip(0)[:, 0], world - world[0, 1])
    given = open_input(file, HAND)
    assert given.name == store.name and given.dataset == 'shrec17' and np.array_equal(given.clip(0), store.clip(0))
    assert open_input(file.parent, HAND).name == store.name  # the other text in its folder is no clip
    file.rename(tmp_path / 'mine_world.txt')
    assert open_input(tmp_path / 'mine_world.txt', HAND).name == ['mine_world']


def test_the_split_files_divide_the_clips_of_both_benchmarks(shrec):
    assert prepare(shrec) == 0
    store = open_skeletons(shrec / 'x.h5')
    assert store.name == NAMES
    for benchmark in (None, 'gestures14', 'gestures28'):
        assert names_of(store, benchmark, True) == NAMES[:2] and names_of(store, benchmark, False) == NAMES[2:]


def test_a_split_file_may_number_the_28_classes_by_finger(shrec):
    lines = [f'{g} {f} {s} {e} {g} {g + 14 * (f - 1)} 9\n' for g, f, s, e in CLIPS[2:]]
    (shrec / 'test_gestures.txt').write_text(''.join(lines))
    assert prepare(shrec) == 0


@pytest.mark.parametrize(
    'text, message',
    [
        (
            line(2, 1, 1, 1) + line(2, 1, 2, 1),
            'names 2 clips that are not in {}: g02_f1_s01_e01, g02_f1_s02_e01; --all',
        ),
        ('14 1 3 2 14 27\n', "test_gestures.txt line 1 is '14 1 3 2 14 27'; expected 7 whole numbers"),
        ('\n14 1 3 2 14 27 9.5', 'line 2 is'),
        ('15 1 3 2 15 29 9', "line 1: clip name 'g15_f1_s03_e02' has action 15, which SHREC'17 Track does not have"),
        ('14 3 3 2 14 27 9', "line 1: clip name 'g14_f3_s03_e02' is not of the form gXX_fX_sXX_eXX"),
        ('14 1 3 2 13 27 9', 'line 1 has the labels 13 and 27, which contradict gesture 14 and finger 1'),
        ('14 1 3 2 14 28 9', 'line 1 has the labels 14 and 28, which contradict gesture 14 and finger 1'),
        ('14 1 3 2 14 27 9\n14 2 3 10 14 28 9\n1 2 4 1 1 15 9', 'line 3 has the labels 1 and 15'),  # another numbering
        (line(14, 1, 3, 2) * 2, 'names g14_f1_s03_e02 in line 1 and in line 2'),
        (line(*CLIPS[0]), 'names g01_f1_s01_e01, which train_gestures.txt names as well'),
    ],
)
def test_a_wrong_split_file_is_refused_and_nothing_is_written(shrec, capsys, text, message):
    (shrec / 'test_gestures.txt').write_text(text)
    assert message.format(shrec) in refused(capsys, lambda words: prepare(shrec), [])
    assert not (shrec / 'x.h5').exists()


def test_absent_clips_of_the_split_are_left_out_if_that_is_allowed(shrec, capsys):
    with open(shrec / 'test_gestures.txt', 'a') as file:
        file.write(line(2, 1, 1, 1))
    assert prepare(shrec, '--allow-missing') == 0
    assert open_skeletons(shrec / 'x.h5').name == NAMES
    assert 'g02_f1_s01_e01: is named by train_gestures.txt or test_gestures.txt, but is not' in capsys.readouterr().err


def test_clips_without_a_split_or_a_place_are_left_out(shrec, capsys):
    record(shrec, 2, 1, 28, 1)
    record(shrec, 2, 1, 29, 1)
    (record(shrec, 2, 1, 3, 1)[1].parent).rename(shrec / 'gesture_2' / 'essai')
    _, damaged = record(shrec, 2, 2, 1, 1)
    damaged.write_text('1 ' * 66 + '\n' + '1 ' * 65)
    with open(shrec / 'test_gestures.txt', 'a') as file:
        file.write(line(2, 2, 1, 1))
    assert prepare(shrec) == 1
    error = capsys.readouterr().err
    for reason in (
        'subject_28/essai_1/skeletons_world.txt: is not named by train_gestures.txt or test_gestures.txt',
        'has subject 29; expected 1 to 28',
        'gesture_2/essai/skeletons_world.txt: is not of the form gesture_<g>/finger_<f>/',
        'line 2: skeletons_world.txt: 65 numbers, expected 66',
    ):
        assert reason in error, reason


def test_the_split_files_must_be_there_once(shrec, capsys):
    (shrec / 'gesture_1' / 'test_gestures.txt').write_text('')
    assert '--raw has several test_gestures.txt: ' in refused(capsys, lambda words: prepare(shrec), [])
    for file in shrec.rglob('test_gestures.txt'):
        file.unlink()
    assert 'no test_gestures.txt in ' in refused(capsys, lambda words: prepare(shrec), [])


@pytest.mark.parametrize(
    'text, kept', [(None, slice(None)), ('1 1 1 1 2 5\n', slice(2, 6)), ('1 1 1 1 3 9', slice(3, 9))]
)
def test_clips_of_dhg_are_cut_if_there_is_a_file_that_says_where(tmp_path, text, kept):
    world, _ = record(tmp_path, 1, 1, 1, 1, 'skeleton_world.txt')
    if text:
        (tmp_path / hand.TRIMMING).write_text(text)
    assert prepare(tmp_path, dataset='dhg') == 0
    store, frames = open_skeletons(tmp_path / 'x.h5'), world[kept]
    assert store.split is None and np.array_equal(store.clip(0)[:, 0], frames - frames[0, 1])


def test_the_command_for_dhg_refuses_the_other_data_set(shrec, capsys):
    line = refused(capsys, lambda words: prepare(shrec, dataset='dhg'), [])
    assert "train_gestures.txt comes with SHREC'17 Track" in line and not (shrec / 'x.h5').exists()


@pytest.mark.parametrize(
    'text, message',
    [
        ('1 1 1 1 2 10', 'has 9 frames, but informations_troncage_sequences.txt names frames 2 to 10'),
        ('1 1 1 1 5 4', 'line 1: the first frame, 5, is after the last one, 4'),
        ('1 1 1 1 0 4\n1 1 1 1 0 4', 'names g01_f1_s01_e01 again in line 2'),
        ('1 1 1 1 0 4\n1 1 1 2 0 4', 'informations_troncage_sequences.txt names 1 clip that is not in '),
        ('1 1 1 1 0', "line 1 is '1 1 1 1 0'; expected 6 whole numbers"),
    ],
)
def test_a_wrong_file_of_cuts_is_refused(tmp_path, capsys, text, message):
    record(tmp_path, 1, 1, 1, 1, 'skeleton_world.txt')
    (tmp_path / hand.TRIMMING).write_text(text)
    assert message in refused(capsys, lambda words: prepare(tmp_path, dataset='dhg'), [])
    assert not (tmp_path / 'x.h5').exists()


def test_a_clip_is_named_by_its_folders():
    assert hand.clip_name(Path('a/gesture_1/finger_2/subject_3/essai_4/skeletons_world.txt')) == 'g01_f2_s03_e04'
    assert hand.clip_name(Path('gesture_1/finger_2/subject_3/skeletons_world.txt')) == ''


@pytest.mark.parametrize('name, label', [('joint', [0, 0]), ('joint_28', [0, 1])])
def test_a_config_trains_on_what_the_command_writes(shrec, name, label):
    assert prepare(shrec) == 0
    arg = config.parse(main_MMCL.get_parser(), ['--config', str(ROOT / 'config' / 'shrec17' / f'{name}.yaml')])
    arg.train_feeder_args['data_path'] = shrec / 'x.h5'
    feeder = instantiate(arg.feeder, arg.train_feeder_args, 'train')
    batch = feeder.__getitems__([0, 1])
    assert feeder.name == NAMES[:2] and batch.label.tolist() == label
    assert len(feeder.classes) == arg.model_args['num_class']
    model = instantiate(arg.model, {**arg.model_args, 'base_channel': 8}, 'model')
    torch.nn.functional.cross_entropy(model(batch.skeleton).logits, batch.label).backward()
    assert all(p.grad is not None for p in model.parameters()) and batch.skeleton.shape == (2, 3, 64, 22, 1)


@pytest.mark.parametrize('joints, graph, hint', [(22, 'ntu_rgb_d', 'hand'), (20, 'hand', 'ucla')])
def test_hands_with_the_graph_of_a_body_and_the_reverse_are_refused(tmp_path, joints, graph, hint):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'custom', (1, joints, 3)) as store:
        store.add('a', 0, np.ones((4, 1, joints, 3)))
    with pytest.raises(InputError, match=f'have {joints} joints, but graph.{graph}.Graph has .*; graph.{hint}.Graph'):
        Feeder(tmp_path / 'x.h5', split='all', graph=f'graph.{graph}.Graph')
