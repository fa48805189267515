"""The program as its user runs it, on a miniature of the embedded sample."""

import csv
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml

import main_MMCL
from feeders.feature_store import open_features, write_features
from feeders.sample import make_sample
from model import MMCL
from tests import helpers
from tests.helpers import ROOT


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A folder with a few clips of each of the sample's actions."""
    folder = tmp_path_factory.mktemp('sample')
    make_sample(folder, clips_per_class=9)
    return folder


def command_line(data, folder, *more):
    """The flags of a tiny student; a later flag overrides an earlier one."""
    clips = f'data_path={data}/skeletons.h5,window_size=16'
    train = f'{clips},video_path={data}/video.h5,text_path={data}/text.h5'
    flags = ['--work-dir', folder, '--train-feeder-args', train, '--test-feeder-args', clips]
    flags += ['--model-args', 'base_channel=8', '--device', 'cpu', '--batch-size', 12, '--num-epoch', 2]
    flags += ['--warm_up_epoch', 1, '--step', 2, '--save-epoch', 0, *more]
    return [str(flag) for flag in flags]


@pytest.fixture
def arguments(data, tmp_path):
    """arguments(folder, *more): the command line of a run in that folder of the test."""
    return lambda folder, *more: command_line(data, tmp_path / folder, *more)


@pytest.fixture
def run(arguments, tmp_path):
    """run(folder, *more) → the work directory of a run that must succeed."""

    def start(folder, *more):
        assert main_MMCL.main(arguments(folder, *more)) == 0
        return tmp_path / folder

    return start


@pytest.fixture(scope='module')
def one_epoch(data, tmp_path_factory):
    """The work directory of a run of one epoch, which several tests begin with."""
    folder = tmp_path_factory.mktemp('run') / 'a'
    assert main_MMCL.main(command_line(data, folder, '--num-epoch', 1)) == 0
    return folder


@pytest.fixture(scope='module')
def two_epochs(data, tmp_path_factory):
    """The work directory of a run of two epochs, with all that a run can leave."""
    folder = tmp_path_factory.mktemp('run') / 'a'
    assert main_MMCL.main(command_line(data, folder, '--save-score', 'True')) == 0
    return folder


@pytest.fixture
def trained(one_epoch, tmp_path):
    """A copy of it, the folder `a` of the test."""
    return shutil.copytree(one_epoch, tmp_path / 'a')


def refused(capsys, argv):
    """The one line on stderr of a command line that must be refused."""
    return helpers.refused(capsys, main_MMCL.main, argv)


def scores(path):
    return pickle.loads(path.read_bytes())


def same_scores(a, b):
    return list(a) == list(b) and all(np.array_equal(a[name], b[name]) for name in a)


def same_weights(a, b):
    a, b = (torch.load(path, weights_only=True) for path in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


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
        'confusion_matrix.png',
        'curves.png',
        'epoch2_test_score.pkl',
    ):
        assert (folder / name).stat().st_size > 0, name
    assert list((folder / 'runs' / 'train').iterdir()) and list((folder / 'runs' / 'val').iterdir())
    rows = list(csv.reader(open(folder / 'epoch1_test_each_class_acc.csv')))
    assert len(rows) == 13 and sum(int(cell) for row in rows[1:] for cell in row) == 36
    log = (folder / 'log.txt').read_text()
    for word in ('cross_entropy', 'refined', 'alignment', 'lr:', '[Data]', 'Best accuracy:', 'seed: 1', 'Results:'):
        assert word in log
    right = next(folder.glob('runs-*_right.txt')).read_text().splitlines()
    wrong = next(folder.glob('runs-*_wrong.txt')).read_text().splitlines()
    assert len(right) == 36 and len(wrong) == sum(len(set(line.split(','))) == 2 for line in right)


def test_every_weights_file_of_the_best_epoch_gives_its_scores(run, trained):
    expected = scores(trained / 'epoch1_test_score.pkl')
    for number, weights in enumerate(('runs-1-6.pt', 'best.pt', 'checkpoint.pt')):
        again = run(f'test{number}', '--phase', 'test', '--weights', trained / weights, '--save-score', True)
        assert same_scores(scores(again / 'epoch1_test_score.pkl'), expected)
    assert all(value.dtype == np.float32 and value.shape == (12,) for value in expected.values())


def test_best_contains_only_the_student(trained):
    full, student = (torch.load(trained / name, weights_only=True) for name in ('runs-1-6.pt', 'best.pt'))
    assert {f'student.{key}' for key in student} == {key for key in full if not key.startswith(('fam.', 'frm.'))}


LONG = '--num-epoch', 3, '--model-args', 'drop_out=0.5', '--lr-schedule', 'cosine'


@pytest.fixture(scope='module')
def unbroken(data, tmp_path_factory):
    """The work directory of a longer run that is never interrupted."""
    folder = tmp_path_factory.mktemp('unbroken') / 'whole'
    assert main_MMCL.main(command_line(data, folder, *LONG)) == 0
    return folder


@pytest.mark.parametrize('stop, workers', [(1, 0), (2, 0), (2, 1)])
def test_a_resumed_run_equals_an_unbroken_one(unbroken, run, arguments, monkeypatch, stop, workers):
    more = *LONG, '--num-worker', workers
    train_step = main_MMCL.Processor.train_step

    def interrupted(self, batch):
        if (self.epoch, self.global_step) == (stop, stop * 6 + 2):
            raise KeyboardInterrupt
        return train_step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(main_MMCL.Processor, 'train_step', interrupted)
        assert main_MMCL.main(arguments('broken', *more)) == 130
    broken = run('broken', *more, '--resume', 'auto')
    assert same_weights(unbroken / 'runs-3-18.pt', broken / 'runs-3-18.pt')
    assert same_scores(scores(unbroken / 'epoch1_test_score.pkl'), scores(broken / 'epoch1_test_score.pkl'))
    states = [torch.load(folder / 'checkpoint.pt', weights_only=True) for folder in (unbroken, broken)]
    assert states[0]['history'] == states[1]['history'] and states[0]['best'] == states[1]['best']


def test_the_seed_decides_and_the_number_of_workers_does_not(run):
    more = ('--model-args', 'drop_out=0.5')
    folders = [run(f'w{workers}', '--num-worker', workers, *more) for workers in (0, 1, 2)]
    other = run('other', '--seed', 2, '--num-epoch', 1, *more)
    assert all(same_weights(folders[0] / 'runs-2-12.pt', folder / 'runs-2-12.pt') for folder in folders[1:])
    assert not same_weights(folders[0] / 'runs-1-6.pt', other / 'runs-1-6.pt')


def test_without_features_the_plain_student_trains(run):
    folder = run('plain', '--num-epoch', 1, '--train-feeder-args', 'video_path=None,text_path=None')
    assert 'this trains the plain student' in (folder / 'log.txt').read_text()
    assert not [key for key in torch.load(folder / 'runs-1-6.pt', weights_only=True) if 'fam' in key or 'frm' in key]


def test_the_weights_of_the_loss_terms_count(run, trained):
    plain = run('plain', '--num-epoch', 1, '--lambda-refine', 0, '--lambda-align', 0)
    key = 'student.fc.weight'
    a, b = (torch.load(folder / 'runs-1-6.pt', weights_only=True)[key] for folder in (plain, trained))
    assert not torch.equal(a, b)


def test_held_out_clips_choose_the_best_epoch(run):
    folder = run('held', '--num-epoch', 1, '--held-out', 0.25)
    log = (folder / 'log.txt').read_text()
    assert (folder / 'epoch1_val_each_class_acc.csv').exists()
    assert 'Mean val loss of 1' in log and 'Mean test loss of 36' in log and 'chosen on held-out training clips' in log


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
        run('p', '--phase', 'predict', '--weights', weights, '--input', clips, '--topk', 3, '--output', table)
        rows = list(csv.reader(open(table)))
        assert rows[0] == ['name', 'class_1', 'probability_1', 'class_2', 'probability_2', 'class_3', 'probability_3']
        assert len(rows) == (2, 109)[number] and float(rows[1][2]) >= float(rows[1][4])
    assert not (tmp_path / 'p').exists()
    assert 'needs --input' in refused(capsys, arguments('p', '--phase', 'predict', '--weights', weights))


def test_export_and_size(run, trained, tmp_path, capsys):
    run('e', '--phase', 'export', '--weights', trained / 'best.pt', '--output', tmp_path / 'student.pt2')
    program = torch.export.load(tmp_path / 'student.pt2').module()
    assert program(torch.randn(5, 3, 16, 25, 2)).shape == (5, 12)
    capsys.readouterr()
    config = str(ROOT / 'config/nturgbd120-cross-subject/joint.yaml')
    assert main_MMCL.main(['--phase', 'model_size', '--config', config, '--device', 'cpu']) == 0
    assert 'Parameters: 1,462,092; multiply-accumulates per clip: 1.79 G' in capsys.readouterr().out


MISTAKES = [
    (['--config', 'nowhere.yaml'], 'cannot read the config nowhere.yaml'),
    (['--base_lrr', '1'], "unknown argument '--base_lrr'; did you mean '--base_lr'?"),
    (['--base-lr', 'fast'], "'fast' must be a number ≥ 0"),
    (['--train-feeder-args', 'windowsize=3'], "did you mean 'window_size'?"),
    (['--train-feeder-args', 'data_path=nowhere.h5'], 'nowhere.h5 does not exist'),
    (['--train-feeder-args', 'video_path=nowhere.h5'], 'LLMs.video_features'),
    (['--model-args', 'num_class=5'], 'num_class must be at least 12'),
    (['--model-args', 'num_point=20'], 'num_point 20'),
    (['--model-args', 'num_class=None'], 'num_class None'),
    (['--model-args', 'base_channel=10'], 'a positive multiple of 8'),
    (['--model-args', 'drop_out=high'], "drop_out: 'high'"),
    (['--train-feeder-args', 'window_size=abc'], "window_size: 'abc'"),
    (['--held-out', '0.01'], 'the rarest class has 6 clips'),
    (['--seed', '-1'], "'-1' must be an integer ≥ 0"),
    (['--show-topk', '0'], "'0' must be an integer ≥ 1"),
    (['--model', '..Model'], 'is not the dotted name of a class'),
    (['--refine', '--train-feeder-args', 'text_path=None'], 'needs text_path'),
    (['--model-args', 'num_person=1'], '2 persons'),
    (['--model-args', 'in_channels=2'], '3 coordinates'),
    (['--model-args', 'video_dim=20'], 'the video features are 64 wide, but model_args has video_dim 20'),
    (['--model-args', 'text_dim=20'], 'the text features are 16 wide, but model_args has text_dim 20'),
    (['--model-args', 'graph=graph.ucla.Graph'], 'graph.ucla.Graph has 20 joints, but model_args has num_point 25'),
    (['--model', 'model.MMCL.Modell'], "module 'model.MMCL' has no class 'Modell'"),
    (['--phase', 'test'], 'needs --weights'),
    (['--phase', 'test', '--weights', 'nowhere.pt'], 'nowhere.pt does not exist'),
    (['--device', 'cpu', '0'], 'mixes the CPU and GPUs'),
    (['--batch-size', '5000'], 'batch_size is 5000'),
    (['--resume', 'nowhere.pt'], 'nowhere.pt does not exist'),
    (['--num-epoch', '0'], 'no epoch is left to train'),
]


@pytest.mark.parametrize('more, words', MISTAKES, ids=[' '.join(more) for more, _ in MISTAKES])
def test_a_mistake_gets_one_line_and_nothing_but_the_log(arguments, tmp_path, capsys, more, words):
    assert words in refused(capsys, arguments('x', *more))
    left = {path.name for path in (tmp_path / 'x').rglob('*')} if (tmp_path / 'x').exists() else set()
    assert left <= {'log.txt'}


def test_weights_of_another_model_are_listed(trained, arguments, capsys):
    test = '--phase', 'test', '--weights', trained / 'best.pt'
    line = refused(capsys, arguments('b', *test, '--model-args', 'base_channel=16'))
    assert (
        'best.pt belongs to another model' in line and 'of another shape (l1.gcn1' in line and '(8,) for (16,)' in line
    )


def test_clips_without_a_feature_are_counted_and_named(arguments, data, tmp_path, capsys):
    video = open_features(data / 'video.h5')
    write_features(tmp_path / 'some.h5', video.name[::2], video.feature[::2], kind='video')
    line = refused(capsys, arguments('x', '--train-feeder-args', f'video_path={tmp_path}/some.h5'))
    assert 'of 72 clips have no video feature' in line and line.count('S0') == 5


def test_an_unknown_key_in_yaml_names_file_and_nearest(arguments, tmp_path, capsys):
    (tmp_path / 'my.yaml').write_text(f'base: {ROOT}/config/sample/joint.yaml\nbatchsize: 4\n')
    line = refused(capsys, arguments('x', '--config', tmp_path / 'my.yaml'))
    assert 'my.yaml' in line and "'batchsize'; did you mean 'batch_size'?" in line


def test_an_occupied_work_directory_is_not_touched_unasked(run, trained, arguments, capsys, monkeypatch):
    (trained / 'notes.txt').write_text('mine')
    before = {path.name: path.stat().st_mtime_ns for path in trained.iterdir() if path.is_file()}
    monkeypatch.setattr('sys.stdin', open('/dev/null'))
    assert 'already contains a run' in refused(capsys, arguments('a', '--num-epoch', 1))
    assert {path.name: path.stat().st_mtime_ns for path in trained.iterdir() if path.is_file()} == before
    run('a', '--assume-yes', '--train-feeder-args', 'repeat=2', '--num-epoch', 1)
    assert (trained / 'notes.txt').exists() and not (trained / 'runs-1-6.pt').exists()


def test_a_loss_that_is_not_finite_stops_the_run(run, arguments, capsys, monkeypatch):
    loss_terms = MMCL.loss_terms
    calls = []

    def broken(output, label):
        calls.append(1)
        terms = loss_terms(output, label)
        return {**terms, 'cross_entropy': terms['cross_entropy'] * (torch.nan if len(calls) == 9 else 1)}

    monkeypatch.setattr(main_MMCL, 'loss_terms', broken)
    line = refused(capsys, arguments('a'))
    assert 'nan in epoch 2, step 9, at learning rate 0.1' in line
    state = torch.load(line.split(' and ')[1].split(' is as the last complete epoch left it')[0], weights_only=True)
    assert state['epoch'] == 1 and all(value.isfinite().all() for value in state['model'].values())


def test_resume_takes_and_says_what_changed(run, trained, arguments, capsys):
    folder = run('a', '--resume', 'auto', '--weight-decay', 0.5)
    assert 'weight_decay 0.0004 → 0.5' in (folder / 'log.txt').read_text()
    state = torch.load(folder / 'checkpoint.pt', weights_only=True)
    assert state['optimizer']['param_groups'][0]['weight_decay'] == 0.5
    assert 'made with another optimiser' in refused(capsys, arguments('a', '--resume', 'auto', '--optimizer', 'Adam'))


def test_a_run_can_go_on_in_another_folder(two_epochs, run, trained):
    moved = run('moved', '--resume', trained / 'checkpoint.pt')
    assert same_weights(two_epochs / 'runs-2-12.pt', moved / 'runs-2-12.pt') and (moved / 'best.pt').exists()
    assert not (trained / 'runs-2-12.pt').exists()


def test_weights_alone_in_the_folder_are_not_replaced_unasked(run, arguments, tmp_path, capsys, monkeypatch):
    (tmp_path / 'x').mkdir()
    (tmp_path / 'x' / 'runs-110-34000.pt').write_text('weights')
    monkeypatch.setattr('sys.stdin', open('/dev/null'))
    assert 'already contains a run' in refused(capsys, arguments('x'))
    assert (tmp_path / 'x' / 'runs-110-34000.pt').read_text() == 'weights'


def test_a_run_stopped_in_its_first_epoch_resumes(run, arguments, monkeypatch):
    def interrupted(self, batch):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(main_MMCL.Processor, 'train_step', interrupted)
        assert main_MMCL.main(arguments('a')) == 130
    assert (run('a', '--resume', 'auto', '--num-epoch', 1) / 'best.pt').exists()


def test_config_yaml_of_a_run_tests_its_weights(run, tmp_path):
    folder = run('a', '--num-epoch', 1, '--stream', 'bone', '--assume-yes')
    text = yaml.safe_load((folder / 'config.yaml').read_text())
    assert text['stream'] == 'bone' and not {'assume_yes', 'resume', 'phase'} & text.keys()
    flags = ['--phase', 'test', '--weights', folder / 'best.pt', '--save-score', 'True', '--work-dir', tmp_path / 'b']
    assert main_MMCL.main([str(word) for word in ('--config', folder / 'config.yaml', *flags)]) == 0
    assert same_scores(*(scores(part / 'epoch1_test_score.pkl') for part in (folder, tmp_path / 'b')))


def test_torchrun_trains_and_scores_every_clip_once(trained, arguments, tmp_path):
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2', 'main_MMCL.py']
    test = arguments('double', '--phase', 'test', '--weights', trained / 'best.pt', '--save-score', 'True')
    train = arguments('trained', '--num-epoch', '1')
    for command in (test, train):
        done = subprocess.run(launch + command, cwd=ROOT, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = scores(trained / 'epoch1_test_score.pkl'), scores(tmp_path / 'double' / 'epoch1_test_score.pkl')
    assert list(one) == list(two)
    np.testing.assert_allclose(np.stack(list(one.values())), np.stack(list(two.values())), atol=1e-4)
    assert (tmp_path / 'trained' / 'runs-1-6.pt').exists()


def test_real_clips_train_and_test(shared, tmp_path):
    clips = f'data_path={shared}/data/NW-UCLA/all_sqe,window_size=16'
    command = ['--config', str(ROOT / 'config/ucla/bone.yaml'), '--device', 'cpu', '--model-args', 'base_channel=8']
    command += ['--train-feeder-args', f'{clips},repeat=1', '--test-feeder-args', clips]
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
