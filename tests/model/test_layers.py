"""The layers that students share: equal to the reference, and where they start."""

import math

import pytest
import torch

from model.layers import MultiScaleTemporalConv, TimeConv2d
from tests.helpers import scramble
from tests.reference.network import TemporalBranches


@pytest.mark.parametrize('stride, frames', [(1, 8), (2, 8), (2, 7), (1, 1)])
def test_the_temporal_branches_equal_the_reference(stride, frames):
    tcn, twin = scramble(MultiScaleTemporalConv(8, stride)).double(), TemporalBranches(8, stride).double()
    twin.load_state_dict(tcn.state_dict())
    x = torch.randn(2, 8, 5, frames).double()
    y = tcn(x)
    torch.testing.assert_close(y, twin(x.transpose(2, 3)).transpose(2, 3))
    assert y.shape == (2, 8, 5, math.ceil(frames / stride))


def test_a_convolution_over_time_does_not_mix_joints():
    conv, x = TimeConv2d(2, 3, 5), torch.randn(1, 2, 4, 9)
    changed = x.clone()
    changed[:, :, 1] += 1
    assert (conv(x) != conv(changed)).any((0, 1, 3)).tolist() == [False, True, False, False]


def test_temporal_norms_start_around_one():
    torch.manual_seed(0)
    tcn = MultiScaleTemporalConv(256)
    weight = torch.cat([part.weight for part in tcn.modules() if isinstance(part, torch.nn.BatchNorm2d)])
    assert len(weight) == 7 * 64
    assert weight.mean().item() == pytest.approx(1, abs=0.004) and weight.std().item() == pytest.approx(0.02, rel=0.1)
