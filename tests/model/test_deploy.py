"""Where predictions and exports go, and the size of a student."""

import argparse

import pytest
import torch

from model.ctrgcn import Model
from model.deploy import ONLY_IN, check, model_size
from tests.reference import graphs
from tests.reference.ctrgcn import CTRGCN
from torchlight.errors import InputError


@pytest.mark.parametrize('name', ['pred.xlsx', 'pred', 'pred.csv.gz'])
def test_predictions_are_refused_under_the_name_of_another_kind_of_file(tmp_path, name):
    others = dict.fromkeys(ONLY_IN)
    arg = argparse.Namespace(phase='predict', **{**others, 'output': str(tmp_path / name)})
    with pytest.raises(InputError, match=rf'--output is {arg.output}; expected a name that ends in .csv'):
        check(arg)
    check(argparse.Namespace(phase='predict', **{**others, 'output': str(tmp_path / 'pred.csv')}))
    assert not list(tmp_path.iterdir())


def test_the_published_size():
    """As published: 1.94 G. The student averages over time before two of the convolutions and so needs less."""
    student = Model(num_class=60, num_point=25, num_person=2, graph='graph.ntu_rgb_d.Graph')
    skeleton = torch.randn(1, 3, 64, 25, 2)
    assert model_size(CTRGCN(60, graphs.ntu()), skeleton) == (1_446_672, 1_939_164_160)
    assert model_size(student, skeleton) == (1_446_672, 1_788_796_960)


def test_the_size_of_a_clip_does_not_depend_on_the_batch(student):
    assert model_size(student, torch.randn(1, 3, 8, 5, 2)) == model_size(student, torch.randn(3, 3, 8, 5, 2))
