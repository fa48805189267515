"""One training step, without a run around it."""

from types import SimpleNamespace

import pytest
import torch

import main_MMCL
from model.base import MMCLOutput


@pytest.mark.parametrize('takes_label', [True, False])
def test_the_labels_are_passed_to_models_that_take_them(takes_label):
    passed, label = {}, torch.tensor([0, 1])
    batch = SimpleNamespace(skeleton=None, video=torch.ones(2, 4), text=None, label=label)
    run = SimpleNamespace(
        arg=SimpleNamespace(amp='no', lambda_refine=0.2, lambda_align=0.1),
        device=torch.device('cpu'),
        model=SimpleNamespace(takes_label=takes_label),
        parallel=lambda skeleton, **features: passed.update(features) or MMCLOutput(torch.eye(2)),
        optimizer=SimpleNamespace(backward=lambda loss: None, step=lambda: None),
    )
    main_MMCL.Processor.train_step(run, batch)
    assert passed.keys() == {'video', *(['label'] if takes_label else [])}
    assert not takes_label or passed['label'] is label
