"""FRM: scores weighted between two vectors by a gate over the text feature."""

import numpy as np
import pytest
import torch

from model.FRM import FRM


@pytest.fixture
def frm():
    torch.manual_seed(0)
    return FRM(num_class=5, text_dim=3).double()


def set_gate(frm, open_share):
    """Whatever the text says, the gate gives `open_share` to `positive`."""
    last = frm.gate[2]
    last.weight.data.zero_()
    last.bias.data = torch.tensor([open_share, 1 - open_share]).double().log()


def test_a_new_module_gives_the_scores_back(frm):
    logits = torch.randn(4, 5).double()
    torch.testing.assert_close(frm(logits, torch.randn(4, 3).double()), logits)


@pytest.mark.parametrize('share', [0.0, 0.25, 1.0])
def test_the_gate_mixes_the_two_vectors(frm, share):
    frm.positive.data, frm.negative.data = torch.arange(5).double(), -torch.ones(5).double()
    set_gate(frm, share)
    expected = share * torch.arange(5).double() - (1 - share)
    torch.testing.assert_close(frm(torch.ones(2, 5).double(), torch.randn(2, 3).double()), expected.expand(2, 5))


def test_equals_the_formula(frm):
    frm.positive.data.normal_(), frm.negative.data.normal_()
    logits, text = torch.randn(4, 5).double(), torch.randn(4, 3).double()
    positive, negative, weight, bias, weight2, bias2 = (p.detach().numpy() for p in frm.parameters())
    z = np.exp(np.maximum(text.numpy() @ weight.T + bias, 0) @ weight2.T + bias2)
    gate = z / z.sum(1, keepdims=True)
    np.testing.assert_allclose(
        frm(logits, text).detach(), logits.numpy() * (gate[:, :1] * positive + gate[:, 1:] * negative), rtol=1e-12
    )


def test_a_stored_row_is_flattened(frm):
    frm.positive.data.normal_()
    logits, text = torch.randn(4, 5).double(), torch.randn(4, 3).double()
    assert torch.equal(frm(logits, text[:, None]), frm(logits, text))


def test_the_scores_learn_and_the_text_does_not(frm):
    logits, text = (torch.randn(3, width).double().requires_grad_() for width in (5, 3))
    frm.positive.data.normal_()  # between two equal vectors the gate has nothing to learn
    frm(logits, text).square().sum().backward()
    assert logits.grad.abs().sum() > 0 and text.grad is None
    assert all(p.grad.abs().sum() > 0 for p in frm.parameters())
