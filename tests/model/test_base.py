"""The contracts of a model and of a student, and the outer network: pooling, empty person slots, dropout."""

import inspect
import textwrap

import pytest
import torch

from model import MMCL, base
from model.ctrgcn import Model
from torchlight.errors import InputError


@pytest.fixture
def student(student):
    return student.double()


@pytest.fixture
def skeleton(skeleton):
    return skeleton.double()


def custom_model():
    """The class that the contract shows, as somebody would write it."""
    text = inspect.getdoc(base.SkeletonModel)
    names = {'SkeletonModel': base.SkeletonModel, 'MMCLOutput': base.MMCLOutput, 'torch': torch, 'nn': torch.nn}
    exec(textwrap.dedent(text[text.index('    class Model(') :]), names)
    return names['Model'](num_class=4, num_point=5, num_person=2)


def test_the_model_that_the_contract_shows_works(skeleton):
    model = custom_model()
    output = model(skeleton.float(), video=torch.randn(3, 6))
    assert output.logits.shape == (3, 4) and output.refined_logits is output.alignment is None
    assert model.student is model and model.set_statistics({'text': (0, 1)}) is None


def test_a_student_is_deployed_without_its_branches(tiny, tiny_mmcl):
    model, alone = MMCL.Model(**tiny_mmcl), Model(**tiny)
    assert isinstance(model.student, base.Student) and alone.student is alone
    assert {key.partition('.')[0] for key in model.state_dict()} == {'student', 'fam', 'frm'}


@pytest.mark.parametrize(
    'empty, computed',
    [
        ([], 6),
        ([(0, 1)], 6),
        ([(0, 1), (2, 1)], 5),
        ([(0, 0), (1, 0), (2, 1)], 5),
        ([(n, m) for n in range(3) for m in range(2)], 2),
    ],
)
def test_empty_person_slots_are_computed_once(student, skeleton, monkeypatch, empty, computed):
    for clip, person in empty:
        skeleton[clip, ..., person] = 0
    encode, seen = student.encode, []
    monkeypatch.setattr(student, 'encode', lambda x: seen.append(len(x)) or encode(x))
    features = student.features(skeleton)
    assert seen == [computed]
    torch.testing.assert_close(features, encode(student.normalise(skeleton)).view(3, 2, -1).mean(1))


def test_drop_out_acts_in_training_only(tiny):
    model, features = Model(**tiny, drop_out=0.5), torch.ones(1, 32)
    assert not torch.equal(model.train().classify(features), model.classify(features))
    assert torch.equal(model.eval().classify(features), model.fc(features))


@pytest.mark.parametrize(
    'changes, text',
    [
        ({'drop_out': 1.5}, 'drop_out is 1.5 and base_channel 8; expected a share from 0 to 1'),
        ({'base_channel': 12}, 'base_channel 12; expected a share from 0 to 1 and a positive multiple of 8'),
        ({'base_channel': 0}, 'a positive multiple of 8'),
        ({'num_point': 6}, 'graph.custom.Graph has 5 joints, but model_args has num_point 6'),
        ({'graph': 'graph.custom.Grap'}, "module 'graph.custom' has no class 'Grap'"),
        ({'graph_args': {'num_points': 5}}, "graph_args has 'num_points'"),
    ],
)
def test_a_wrong_size_is_refused(tiny, changes, text):
    with pytest.raises(InputError) as error:
        Model(**{**tiny, **changes})
    assert text in str(error.value) and '\n' not in str(error.value)
