"""The smallest data there can be trains and is tested: one clip, one class, one frame, batches of one."""

import csv
import pickle

import numpy as np
import pytest

import main_MMCL
from feeders.feature_store import write_features
from feeders.skeleton_store import SkeletonStoreWriter


@pytest.fixture
def run(tmp_path, capsys):
    """run(clips, num_class, *more) trains on clips (name, label, split, frames); it returns stdout and stderr."""

    def start(clips, num_class, *more, features=False, status=0):
        with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 25, 3)) as store:
            for i, (name, label, split, frames) in enumerate(clips):
                store.add(name, label, np.random.default_rng(i).normal(size=(frames, 1, 25, 3)), split)
        names = [clip[0] for clip in clips]
        write_features(tmp_path / 'f.h5', names, np.random.default_rng(0).normal(size=(len(clips), 4)))
        data = f'data_path={tmp_path}/x.h5,window_size=8,num_person=1'
        helpers = (
            f',video_path={tmp_path}/f.h5,text_path={tmp_path}/f.h5' if features else ',video_path=None,text_path=None'
        )
        sizes = f'num_class={num_class},num_point=25,num_person=1,base_channel=8'
        flags = f'--work-dir {tmp_path}/run --feeder feeders.feeder_MMCL.Feeder --device cpu --num-epoch 1 --step 1'
        flags += f' --train-feeder-args split=train,{data}{helpers} --test-feeder-args split=test,{data}'
        flags += f' --model-args {sizes} --batch-size 1 --test-batch-size 1 --warm-up-epoch 0'
        capsys.readouterr()
        assert main_MMCL.main([*flags.split(), *more]) == status
        return capsys.readouterr()

    return start


def scores(tmp_path):
    """The scores of the best epoch, {name: (num_class,)}."""
    return pickle.loads((tmp_path / 'run' / 'epoch1_test_score.pkl').read_bytes())


@pytest.mark.parametrize('features', [False, True])
def test_one_clip_of_one_class_and_one_frame_trains_and_is_tested(run, tmp_path, features):
    said = run([('a', 0, 'train', 1), ('b', 0, 'test', 1)], 1, features=features)
    assert 'Best accuracy: 1' in said.out and not said.err.count('warning')
    assert list(scores(tmp_path)) == ['b'] and np.isfinite(scores(tmp_path)['b']).all()


def test_a_class_that_no_training_clip_has_is_a_warning(run, tmp_path):
    said = run([('a', 0, 'train', 5), ('b', 1, 'test', 5), ('c', 2, 'test', 1), ('d', 0, 'test', 5)], 3)
    assert 'warning: no training clip is of 2 classes of the test clips: 1, 2\n' in said.err
    assert sorted(scores(tmp_path)) == ['b', 'c', 'd']


def test_a_class_that_no_test_clip_has_is_none(run, tmp_path):
    said = run([('a', 0, 'train', 5), ('b', 1, 'train', 5), ('c', 0, 'test', 5)], 2)
    assert 'warning' not in said.err
    with open(next((tmp_path / 'run').glob('*each_class*')), newline='') as file:
        assert len(list(csv.reader(file))) > 1


@pytest.mark.parametrize('split', ['train', 'test'])
def test_a_split_without_clips_is_refused(run, split):
    said = run([('a', 0, split, 5)], 1, status=2)
    empty = 'test' if split == 'train' else 'train'
    assert said.err.endswith(f"error: the split '{empty}' has no clips\n")


def test_a_batch_larger_than_the_clips_is_refused(run):
    said = run([('a', 0, 'train', 5), ('b', 0, 'test', 5)], 1, '--batch-size', '2', status=2)
    assert 'error: batch_size is 2, but there are only 1 training clips' in said.err
