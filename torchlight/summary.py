"""The last lines of a training log: the result, the settings that matter, and what to do next."""

import argparse
import importlib.util
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from torchlight.metrics import Evaluation
from torchlight.names import stays_inside
from torchlight.progress import duration
from torchlight.workdir import WorkDir

PICTURES = 'report.html (all in one page), curves.png, confusion_matrix.png, topology.png, embedding.png'


def closing_lines(
    arg: argparse.Namespace,
    work_dir: WorkDir,
    best: Mapping[str, Any],
    result: Evaluation,
    model: nn.Module,
    seconds: float,
) -> Iterator[str]:
    """Yield the lines; the first nine have the form of the public implementation.

    Parameters
    ----------
    arg : Namespace. All settings.
    work_dir : WorkDir. Of the run.
    best : {'epoch', 'step', …}. The best epoch.
    result : Evaluation. Of the test clips by the weights of that epoch.
    model : nn.Module. Its parameters are counted.
    seconds : float. Time since the run began or was continued.
    """
    yield f'Best accuracy: {result.top(1)}'
    yield f'Epoch number: {best["epoch"]} ({how_chosen(arg)})'
    yield f'Model name: {arg.work_dir}'
    yield f'Model total number of params: {sum(p.numel() for p in model.parameters() if p.requires_grad)}'
    for title, key in (('Weight decay', 'weight_decay'), ('Base LR', 'base_lr'), ('Batch Size', 'batch_size')):
        yield f'{title}: {getattr(arg, key)}'
    yield f'Test Batch Size: {arg.test_batch_size}'
    yield f'seed: {arg.seed}'
    weights = work_dir.weights(best['epoch'], best['step'])
    tops = ', '.join(f'top-{k} {100 * result.top(k):.2f} %' for k in sorted({1, *arg.show_topk}))
    rows = {
        'accuracy': f'{tops} of {len(result.label)} test clips',
        'best epoch': f'{best["epoch"]} of {arg.num_epoch}',
        'time': duration(seconds) + (' since the run was continued' if arg.resume else ''),
        'folder': str(work_dir.path),
        'weights': f'{work_dir.best.name} (the student), {weights.name} (the whole model)',
        'to look at': PICTURES if arg.pictures else 'log.txt; no pictures were wanted',
        'scores': 'epoch1_test_score.pkl, per_class.csv, confused_pairs.csv',
    }
    yield from _table('Results:', rows)
    yield from _table('Next:', _next_steps(arg, work_dir))


def how_chosen(arg: argparse.Namespace) -> str:
    """Say on which clips the best epoch is chosen."""
    if arg.eval_interval >= arg.num_epoch:
        return 'the last, and the only one that was evaluated'
    if arg.held_out:
        return 'chosen on held-out training clips'
    return 'chosen on the test clips themselves, as is usual in this field'


def _table(title: str, rows: Mapping[str, str]) -> Iterator[str]:
    yield title
    for name, text in rows.items():
        yield f'  {name:11} {text}'


def _next_steps(arg: argparse.Namespace, work_dir: WorkDir) -> dict[str, str]:
    """Return {what to do: command}."""
    imports = f' --allow-imports {shlex.join(arg.allow_imports)}' if arg.allow_imports else ''
    best = shlex.quote(str(work_dir.best))
    test = f'--config {shlex.quote(str(work_dir.path / "config.yaml"))} --phase test --weights {best}{imports}'
    if not stays_inside(arg.model_saved_name, work_dir.path):  # which config.yaml may not lead to by itself
        test += f' --model-saved-name {shlex.quote(arg.model_saved_name)}'
    steps = {
        'test': f'python main_MMCL.py {test}',
        'classify': f'python main_MMCL.py --phase predict --weights {best} --input CLIP{imports}',
        'export': f'python main_MMCL.py --phase export --weights {best} --with-preprocessing --output student.onnx'
        + imports,
    }
    if importlib.util.find_spec('tensorboard'):  # which the program does not need
        steps['curves'] = f'tensorboard --logdir {shlex.quote(str(work_dir.path / "runs"))}'
    return steps
