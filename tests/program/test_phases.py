"""The program as its user runs it: training, testing, predicting, exporting."""

import csv
import json

import numpy as np
import pytest
import torch
import yaml

import main_MMCL
from feeders.datasets import DATASETS
from tests.helpers import ROOT
from tests.program.support import refused, same_scores, same_weights, scores
from torchlight import pictures
from torchlight.metrics import Evaluation


def test_a_run_leaves_the_files_of_the_work_directory(two_epochs):
    folder = two_epochs
    text = (folder / 'config.yaml').read_text()
    assert text.startswith('# command line: ') and yaml.safe_load(text)['model_args']['base_channel'] == 8
    for name in (
        'runs-1-6.pt',
        'runs-2-12.pt',
        'best.pt',
        'checkpoint.pt',
        'MMCL.py',
        'ctrgcn.py',
        'layers.py',
        *(f'{name}.png' for name in pictures.NAMES),
        'per_class.csv',
        'confused_pairs.csv',
        'report.html',
        'epoch2_test_score.pkl',
    ):
        assert (folder / name).stat().st_size > 0, name
    assert list((folder / 'runs' / 'train').iterdir()) and list((folder / 'runs' / 'val').iterdir())
    rows = list(csv.reader(open(folder / 'epoch1_test_each_class_acc.csv')))
    assert len(rows) == 13 and sum(int(cell) for row in rows[1:] for cell in row) == 36
    log = (folder / 'log.txt').read_text()
    for word in ('cross_entropy', 'refined', 'alignment', 'lr:', '[Data]', 'Best accuracy:', 'seed: 1', 'Results:'):
        assert word in log
    steps = [json.loads(line) for line in (folder / 'log.jsonl').read_text().splitlines()]
    assert [row['step'] for row in steps if row['part'] == 'train'] == list(range(1, 13))
    assert [(row['epoch'], row['step']) for row in steps if row['part'] == 'val'] == [(1, 6), (2, 12)]
    right = next(folder.glob('runs-*_right.txt')).read_text().splitlines()
    wrong = next(folder.glob('runs-*_wrong.txt')).read_text().splitlines()
    assert len(right) == 36 and len(wrong) == sum(len(set(line.split(','))) == 2 for line in right)


def test_every_weights_file_of_the_best_epoch_gives_its_scores(run, trained):
    expected = scores(trained / 'epoch1_test_score.pkl')
    for number, weights in enumerate(('runs-1-6.pt', 'best.pt', 'checkpoint.pt')):
        again = run(f'test{number}', '--phase', 'test', '--weights', trained / weights, '--save-score', True)
        assert same_scores(scores(again / 'epoch1_test_score.pkl'), expected)
        log = (again / 'log.txt').read_text()
        assert (f'{weights}, without its 12 unused weights (fam.mlp.0.weight, ' in log) == (weights != 'best.pt')
    assert all(value.dtype == np.float32 and value.shape == (12,) for value in expected.values())


def test_best_contains_only_the_student(trained):
    full, student = (torch.load(trained / name, weights_only=True) for name in ('runs-1-6.pt', 'best.pt'))
    assert {f'student.{key}' for key in student} == {key for key in full if not key.startswith(('fam.', 'frm.'))}


def test_the_seed_decides_and_the_number_of_workers_does_not(run, one_epoch):
    alone, more = one_epoch, ('--num-epoch', 1)
    two, other = run('two', '--num-worker', 2, *more), run('other', '--seed', 2, *more)
    assert same_weights(alone / 'runs-1-6.pt', two / 'runs-1-6.pt')
    assert not same_weights(alone / 'runs-1-6.pt', other / 'runs-1-6.pt')


def test_without_features_the_plain_student_trains(run):
    folder = run('plain', '--num-epoch', 1, '--train-feeder-args', 'video_path=None,text_path=None')
    assert 'this trains the plain student' in (folder / 'log.txt').read_text()
    assert not [key for key in torch.load(folder / 'runs-1-6.pt', weights_only=True) if 'fam' in key or 'frm' in key]


def test_the_weights_of_the_loss_terms_count(run, trained):
    plain = run('plain', '--num-epoch', 1, '--lambda-refine', 0, '--lambda-align', 0)
    key = 'student.fc.weight'
    a, b = (torch.load(folder / 'runs-1-6.pt', weights_only=True)[key] for folder in (plain, trained))
    assert not torch.equal(a, b)


def test_held_out_clips_choose_the_best_epoch(run, monkeypatch):
    report, with_features = main_MMCL.Processor.report, []

    def watched(self, result, *more):
        with_features.append(result.feature is not None)
        report(self, result, *more)

    monkeypatch.setattr(main_MMCL.Processor, 'report', watched)
    folder = run('held', '--num-epoch', 1, '--held-out', 0.25)
    assert with_features == [False, True]  # only the test clips are drawn by their features
    log = (folder / 'log.txt').read_text()
    assert (folder / 'epoch1_val_each_class_acc.csv').exists()
    assert 'Mean val loss of 1' in log and 'Mean test loss of 36' in log


def test_of_equally_accurate_epochs_the_one_with_the_lower_loss_is_the_best(run, monkeypatch):
    def surer(self, part, feature=False):
        feeder = self.feeders[part]
        return Evaluation(feeder.name, feeder.label, np.eye(12, dtype=np.float32)[feeder.label] * (1 + self.epoch))

    monkeypatch.setattr(main_MMCL.Processor, 'evaluate', surer)
    assert 'Epoch number: 2 (chosen' in (run('a') / 'log.txt').read_text()


def test_refine_scores_with_the_frm_too(run, trained):
    again = run('b', '--phase', 'test', '--weights', trained / 'runs-1-6.pt', '--refine', '--save-score', True)
    plain, refined = (scores(again / f'epoch1_test_score{kind}.pkl') for kind in ('', '_refined'))
    assert same_scores(plain, scores(trained / 'epoch1_test_score.pkl')) and not same_scores(plain, refined)
    assert 'with the FRM' in (again / 'log.txt').read_text()


def test_testing_never_opens_the_features(run, trained, tmp_path):
    none = f'video_path={tmp_path}/none.h5'
    absent = '--train-feeder-args', f'{none},text_path={tmp_path}/none.h5', '--test-feeder-args', none
    run('b', '--phase', 'test', '--weights', trained / 'best.pt', *absent)


def test_predict_ranks_the_classes_of_new_clips(run, trained, arguments, data, tmp_path, capsys):
    weights = trained / 'best.pt'
    np.save(tmp_path / 'clip.npy', np.random.default_rng(0).normal(size=(30, 25, 3)))
    for number, clips in enumerate((tmp_path / 'clip.npy', data / 'skeletons.h5')):
        table = tmp_path / f'{number}.csv'
        run('p', '--phase', 'predict', '--weights', weights, '--input', clips, '--topk', 2, '--output', table)
        rows = list(csv.reader(open(table)))
        assert rows[0] == ['name', 'label_1', 'class_1', 'probability_1', 'label_2', 'class_2', 'probability_2']
        assert len(rows) == (2, 109)[number] and float(rows[1][3]) >= float(rows[1][6])
        assert rows[1][2] == DATASETS['sample'].classes[int(rows[1][1])]
    assert not (tmp_path / 'p').exists()
    assert 'needs --input' in refused(capsys, arguments('p', '--phase', 'predict', '--weights', weights))


def test_the_size_of_a_student(capsys):
    config = str(ROOT / 'config/nturgbd120-cross-subject/joint.yaml')
    assert main_MMCL.main(['--phase', 'model_size', '--config', config, '--device', 'cpu']) == 0
    assert 'Parameters: 1,462,092; multiply-accumulates per clip: 1.79 G' in capsys.readouterr().out


def test_config_yaml_of_a_run_tests_its_weights(run, tmp_path):
    folder = run('a', '--num-epoch', 1, '--stream', 'bone', '--assume-yes')
    text = yaml.safe_load((folder / 'config.yaml').read_text())
    assert text['stream'] == 'bone' and not {'assume_yes', 'resume', 'phase'} & text.keys()
    flags = ['--phase', 'test', '--weights', folder / 'best.pt', '--save-score', 'True', '--work-dir', tmp_path / 'b']
    assert main_MMCL.main([str(word) for word in ('--config', folder / 'config.yaml', *flags)]) == 0
    assert same_scores(*(scores(part / 'epoch1_test_score.pkl') for part in (folder, tmp_path / 'b')))


def test_real_clips_train_and_test(shared, tmp_path):
    clips = f'data_path={shared}/data/NW-UCLA/all_sqe,window_size=8'
    command = ['--config', str(ROOT / 'config/ucla/bone.yaml'), '--device', 'cpu', '--model-args', 'base_channel=8']
    command += ['--train-feeder-args', f'{clips},repeat=1', '--test-feeder-args', clips, '--batch-size', '128']
    assert main_MMCL.main([*command, '--num-epoch', '1', '--work-dir', str(tmp_path / 'a')]) == 0
    test = ['--phase', 'test', '--weights', str(tmp_path / 'a/best.pt'), '--save-score', 'True']
    assert main_MMCL.main([*command, *test, '--work-dir', str(tmp_path / 'b')]) == 0
    assert same_scores(*(scores(tmp_path / part / 'epoch1_test_score.pkl') for part in 'ab'))
    assert 'this trains the plain student' in (tmp_path / 'a/log.txt').read_text()


WAITING = 'item', 'tolist', 'cpu', 'numpy', 'nonzero', '__bool__', '__float__', '__int__', '__index__'


def test_a_training_step_reads_nothing_from_the_device(run, monkeypatch):
    train_step = main_MMCL.Processor.train_step

    def watched(self, batch):
        with monkeypatch.context() as patch:
            for name in WAITING:
                patch.setattr(torch.Tensor, name, lambda *_, name=name: pytest.fail(f'{name} waits for the device'))
            return train_step(self, batch)

    monkeypatch.setattr(main_MMCL.Processor, 'train_step', watched)
    run('a', '--num-epoch', 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('amp', ['no', 'bf16'])
def test_a_training_step_does_not_wait_for_a_gpu(run, monkeypatch, amp):
    train_step = main_MMCL.Processor.train_step

    def watched(self, batch):
        torch.cuda.set_sync_debug_mode('error')
        try:
            return train_step(self, batch)
        finally:
            torch.cuda.set_sync_debug_mode('default')

    monkeypatch.setattr(main_MMCL.Processor, 'train_step', watched)
    run('a', '--num-epoch', 1, '--device', 0, '--amp', amp)
