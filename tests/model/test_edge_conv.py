"""An EdgeConv equals the reference, and does not depend on the order of the points."""

import pytest
import torch

from model.edge_conv import EdgeConv
from tests.helpers import scramble
from tests.reference import hdgcn as reference


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(1)


def test_an_edge_convolution_equals_the_reference():
    edge, twin = scramble(EdgeConv(4, 5)), reference.EdgeConv(4, 5)
    twin.load_state_dict(edge.state_dict())
    x = torch.randn(3, 4, 9)
    torch.testing.assert_close(edge(x), twin(x))


def test_an_edge_convolution_follows_the_order_of_the_points():
    edge, x, order = scramble(EdgeConv(4, 3)), torch.randn(2, 4, 7), torch.randperm(7)
    torch.testing.assert_close(edge.eval()(x)[..., order], edge(x[..., order]))
