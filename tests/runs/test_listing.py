"""The table of runs."""

import pytest

from config.flags import get_parser
from tests.runs.folders import leave
from torchlight.config import NOT_SAVED
from torchlight.runs import listing
from torchlight.runs.found import find_runs

EXPERIMENT = {  # the settings that say what a run computes
    'stream', 'feeder', 'train_feeder_args', 'test_feeder_args', 'held_out', 'held_out_by', 'batch_size', 'model',
    'model_args', 'num_epoch', 'start_epoch', 'lambda_align', 'lambda_refine', 'label_smoothing', 'optimizer',
    'nesterov', 'weight_decay', 'clip_grad', 'base_lr', 'warm_up_epoch', 'lr_schedule', 'step', 'lr_decay_rate',
    'min_lr', 'eval_interval', 'refine', 'amp', 'tf32', 'deterministic', 'engine', 'engine_precision',
}  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    leave(tmp_path / 'a1', [0, 1, 2, 0, 1, 2], lr=0.1, model_args={'depth': 3})
    leave(tmp_path / 'a2', [0, 1, 2, 0, 0, 0], lr=0.1, model_args={'depth': 3}, seed=2)
    leave(tmp_path / 'b', [0, 0, 0, 0, 0, 0], lr=0.1, model_args={'depth': 4}, num_worker=5)
    leave(tmp_path / 'c', state='running', lr=0.2)
    leave(tmp_path / 'd')
    (tmp_path / 'd' / 'config.yaml').unlink()
    return find_runs(tmp_path)


def test_only_settings_that_differ_are_shown(runs):
    assert listing.differences(runs) == {
        'lr': ['0.1', '0.1', '0.1', '0.2', '–'],
        'model_args.depth': ['3', '3', '4', '–', '–'],
    }
    assert listing.differences(runs[:2]) == {}


def test_only_finished_runs_with_other_seeds_are_summed_up(runs, tmp_path):
    leave(tmp_path / 'e', [0, 1, 2, 0, 0, 0], state='running', lr=0.1, model_args={'depth': 3}, seed=[3])
    leave(tmp_path / 'f', [0, 1, 2, 0, 0, 0], lr=0.1, model_args={'depth': 4}, seed=[4])
    assert listing.repetitions(find_runs(tmp_path))[0] == listing.repetitions(runs)[0]
    assert listing.repetitions(runs) == ['a1, a2 (seeds 1, 2): 83.33 ± 23.57 %']
    assert listing.repetitions(runs[1:]) == []


def test_every_setting_is_of_the_experiment_or_not():
    kinds = EXPERIMENT, listing.NOT_THE_EXPERIMENT, {*NOT_SAVED} - {'config'}
    assert sorted(name for kind in kinds for name in kind) == sorted(get_parser().settings())


def test_how_a_run_is_watched_is_no_difference_and_a_newer_setting_at_its_default_is_none(tmp_path):
    leave(tmp_path / 'a', [0, 1, 2, 0, 1, 2], log_json=True)
    defaults = {name: get_parser().get_default(name) for name in listing.ADDED}
    leave(tmp_path / 'b', [0, 1, 2, 0, 0, 0], log_json=False, seed=2, **defaults)
    found = find_runs(tmp_path)
    assert listing.differences(found) == {} and len(listing.repetitions(found)) == 1


def test_the_text_fits_a_terminal(runs):
    text = list(listing.lines(runs))
    assert text[0].split() == list(listing.HEADS[:-1]) and max(map(len, text[:-2])) <= listing.WIDTH
    assert text[1].split()[:4] == ['a1', '100.00', '%', '2'] and 'finished' in text[1]
    assert '2 of 2 epochs' in text[4] and 'damaged' in text[5]
    assert 'a1   lr 0.1, model_args.depth 3' in text and 'c    lr 0.2' in text and 'd    –' in text
    assert any('config.yaml cannot be read' in line for line in text)


def test_long_settings_are_wrapped(tmp_path):
    for name in 'ab':
        leave(tmp_path / name, **{f'setting_{i}': f'{name} {i}' for i in range(9)})
    text = list(listing.lines(find_runs(tmp_path)))
    assert max(map(len, text)) <= listing.WIDTH and sum(line.startswith('   ') for line in text) >= 2


def test_a_program_gets_numbers(runs):
    heads, first, *_, last = listing.table(runs, for_programs=True)
    assert heads == [*listing.HEADS, 'lr', 'model_args.depth']
    assert first == ['a1', 100.0, '2', 'finished', '', '2026-03-01', '1', 'cpu', '0.1', '3'] and last[3] == 'damaged'
