"""One training step, without a run around it."""

from types import SimpleNamespace

import torch
import torch.nn.functional as F

import main_MMCL
from model.base import MMCLOutput


def test_the_labels_are_smoothed_as_the_setting_says():
    logits, label = torch.tensor([[2.0, 0, 1], [0, 3, 0]]), torch.tensor([0, 2])
    taken = []
    run = SimpleNamespace(
        arg=SimpleNamespace(amp='no', lambda_refine=0.2, lambda_align=0.1, label_smoothing=0.3),
        device=torch.device('cpu'),
        parallel=lambda skeleton: MMCLOutput(logits),
        optimizer=SimpleNamespace(backward=taken.append, step=lambda: None),
    )
    terms = main_MMCL.Processor.train_step(run, SimpleNamespace(skeleton=None, video=None, text=None, label=label))
    assert taken[0] == terms['loss'] == F.cross_entropy(logits, label, label_smoothing=0.3)
