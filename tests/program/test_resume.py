"""A run goes on where it was interrupted, and takes no folder that it should not take."""

import pytest
import torch

import main_MMCL
from tests.helpers import draw_nothing
from tests.program.support import command_line, refused, same_scores, same_weights, scores

LONG = '--num-epoch', 3, '--model-args', 'drop_out=0.5', '--lr-schedule', 'cosine', '--step'


@pytest.fixture(scope='module')
def unbroken(data, tmp_path_factory):
    """The work directory of a longer run that is never interrupted."""
    folder = tmp_path_factory.mktemp('unbroken') / 'whole'
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        assert main_MMCL.main(command_line(data, folder, *LONG)) == 0
    return folder


@pytest.mark.parametrize('stop, workers', [(1, 0), (2, 1)])
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


def test_resume_takes_and_says_what_changed(run, trained, arguments, capsys):
    folder = run('a', '--resume', 'auto', '--weight-decay', 0.5)
    assert 'weight_decay 0.0004 → 0.5' in (folder / 'log.txt').read_text()
    state = torch.load(folder / 'checkpoint.pt', weights_only=True)
    assert state['optimizer']['param_groups'][0]['weight_decay'] == 0.5
    adam = arguments('a', '--resume', 'auto', '--optimizer', 'Adam', '--nesterov', False)
    assert 'made with another optimiser' in refused(capsys, adam)


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


def written_at(folder):
    """When each file of a folder, but for its lock, was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file() and path.name != '.lock'}


def test_an_occupied_work_directory_is_not_touched_unasked(run, trained, arguments, capsys, monkeypatch):
    (trained / 'notes.txt').write_text('mine')
    before = written_at(trained)
    monkeypatch.setattr('sys.stdin', open('/dev/null'))
    assert 'already contains a run' in refused(capsys, arguments('a', '--num-epoch', 1))
    assert written_at(trained) == before
    run('a', '--assume-yes', '--train-feeder-args', 'repeat=2', '--num-epoch', 1)
    assert (trained / 'notes.txt').exists() and not (trained / 'runs-1-6.pt').exists()
