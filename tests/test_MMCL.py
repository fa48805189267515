"""MMCL equals the public implementation, and its helpers touch nothing but training."""

import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from model.layers import MMCLOutput
from model.MMCL import Model, loss_terms
from torchlight.checkpoint import canonical, load_weights
from torchlight.errors import InputError

TINY = {
    'num_class': 4,
    'num_point': 5,
    'num_person': 2,
    'graph': 'graph.custom.Graph',
    'base_channel': 8,
    'graph_args': {'num_point': 5, 'edges': [[1, 0], [2, 1], [3, 1], [4, 1]]},
}
LOSS_WEIGHTS = {'cross_entropy': 1, 'refined': 0.2, 'alignment': 0.1}


def golden_model(golden):
    model = Model(num_class=120, num_point=25, num_person=2, graph='graph.ntu_rgb_d.Graph', video_dim=1000, text_dim=3)
    weights = golden('mmcl_weights')
    assert load_weights(model, {key: torch.from_numpy(weights[key]) for key in weights}) == []
    return model


def run(model, arrays):
    """A forward pass on the golden inputs, in the model's precision."""
    dtype = model.student.fc.weight.dtype
    return model(*(torch.from_numpy(arrays[key]).to(dtype) for key in ('x', 'video_feature', 'text_feature')))


def total(output, label):
    return sum(LOSS_WEIGHTS[name] * term for name, term in loss_terms(output, torch.from_numpy(label)).items())


def assert_near(ours, golden, share=1e-4):
    """Within `share` of the largest magnitude in the golden array."""
    golden = np.asarray(golden)
    assert np.abs(ours.detach().numpy() - golden).max() <= share * np.abs(golden).max()


# --- the public implementation


def test_evaluation_equals_the_public_logits(golden):
    io, model = golden('mmcl_io'), golden_model(golden).eval()
    with torch.no_grad():
        output = model(torch.from_numpy(io['x']))
    assert output.refined_logits is None and output.alignment is None
    assert_near(output.logits, io['eval_logits'])


@pytest.mark.parametrize('training, prefix', [(False, 'evalmode'), (True, 'trainmode')])
def test_all_outputs_equal_the_public_ones(golden, training, prefix):
    io = golden('mmcl_io')
    output = run(golden_model(golden).train(training), io)
    assert_near(output.logits, io['trainmode_logits' if training else 'evalmode_train_logits'])
    assert_near(output.refined_logits, io[f'{prefix}_refined'])
    assert_near(output.alignment.mean(), io[f'{prefix}_alignment_loss'])
    if training:
        assert_near(total(output, io['label']), io['trainmode_total_loss'])


def test_statistics_after_a_training_pass_equal_the_public_ones(golden):
    io, model = golden('mmcl_io'), golden_model(golden).train()
    run(model, io)
    ours = {canonical(key): value for key, value in model.state_dict().items()}
    keys = [key for key in io if key.startswith('after.')]
    assert keys
    for key in keys:
        assert_near(ours[canonical(key.removeprefix('after.'))], io[key])


def test_gradients_in_float64_equal_the_public_ones(golden):
    io, model = golden('mmcl_io'), golden_model(golden).double().train()
    output = run(model, io)
    loss = total(output, io['label'])
    loss.backward()
    assert_near(output.logits, io['trainmode_logits64'], 1e-8)
    assert_near(loss, io['trainmode_total_loss64'], 1e-8)
    ours = {canonical(name): p.grad for name, p in model.named_parameters()}
    keys = [key for key in io if key.startswith('grad64.')]
    assert keys
    for key in keys:
        assert_near(ours[canonical(key.removeprefix('grad64.'))], io[key], 1e-8)


# --- what the helpers may touch


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model(**TINY, video_dim=6, text_dim=3)


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    return {'skeleton': torch.randn(3, 3, 8, 5, 2), 'video': torch.randn(3, 6), 'text': torch.randn(3, 3)}


def test_inputs_decide_what_is_computed(model, inputs):
    skeleton, video, text = inputs.values()
    alone, seeing, reading, both = model(skeleton), model(skeleton, video), model(skeleton, text=text), model(**inputs)
    assert alone.refined_logits is alone.alignment is seeing.refined_logits is reading.alignment is None
    assert seeing.alignment.shape == both.alignment.shape == (3,)
    assert reading.refined_logits.shape == both.refined_logits.shape == both.logits.shape == (3, 4)


def test_skeleton_logits_do_not_depend_on_the_helpers(model, inputs):
    logits = model.eval()(inputs['skeleton']).logits
    for helper in (model.fam, model.frm):
        for weight in helper.parameters():
            weight.data.fill_(torch.nan)
    assert torch.equal(model(inputs['skeleton']).logits, logits)
    assert torch.equal(model(**inputs).logits, logits) and torch.equal(model.student(inputs['skeleton']).logits, logits)


def test_no_gradient_reaches_the_encoders(model, inputs):
    video, text = inputs['video'].requires_grad_(), inputs['text'].requires_grad_()
    output = model(**inputs)
    (output.refined_logits.sum() + output.alignment.sum()).backward()
    assert video.grad is None and text.grad is None


@pytest.mark.parametrize('term', ['refined', 'alignment'])
def test_each_helper_trains_the_student(model, inputs, term):
    loss_terms(model(**inputs), torch.tensor([0, 1, 2]))[term].backward()
    assert model.student.l10.gcn1.PA.grad.abs().sum() > 0 and model.student.l1.gcn1.PA.grad.abs().sum() > 0


def test_a_helper_without_its_feature_is_not_built(inputs):
    assert Model(**TINY).fam is None and Model(**TINY).frm is None
    assert Model(**TINY, video_dim=6).frm is None and Model(**TINY, text_dim=3).fam is None
    assert {key.split('.')[0] for key in Model(**TINY).state_dict()} == {'student'}


def test_the_loss_terms():
    torch.manual_seed(0)
    logits, refined, label = torch.randn(3, 4), torch.randn(3, 4), torch.tensor([0, 3, 1])
    terms = loss_terms(MMCLOutput(logits, refined, torch.tensor([1.0, 2, 6])), label)
    assert terms.keys() == LOSS_WEIGHTS.keys() and terms['alignment'] == 3
    assert terms['cross_entropy'] == F.cross_entropy(logits, label)
    assert terms['refined'] == F.cross_entropy(refined, label)
    assert loss_terms(MMCLOutput(logits), label).keys() == {'cross_entropy'}


@pytest.mark.parametrize(
    'changes',
    [{'num_class': 7}, {'num_person': 1}, {'in_channels': 2}, {'base_channel': 16}, {'video_dim': 1}, {'text_dim': 1}],
)
def test_any_size_works(changes):
    args = {**TINY, 'video_dim': 6, 'text_dim': 3, **changes}
    skeleton = torch.randn(2, args.get('in_channels', 3), 8, 5, args['num_person'])
    output = Model(**args)(skeleton, torch.randn(2, args['video_dim']), torch.randn(2, args['text_dim']))
    assert output.logits.shape == output.refined_logits.shape == (2, args['num_class'])
    sum(loss_terms(output, torch.tensor([0, 1])).values()).backward()


def test_a_model_pickles(model, inputs):
    for ours, theirs in zip(pickle.loads(pickle.dumps(model.eval()))(**inputs), model(**inputs)):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_runs(model, inputs, dtype):
    with torch.autocast('cpu', dtype):
        terms = loss_terms(model(**inputs), torch.tensor([0, 1, 2]))
    sum(terms.values()).backward()
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    'changes, text',
    [
        (
            {'num_clas': 4},
            "model_args has 'num_clas', which model.ctrgcn.Model does not take; did you mean 'num_class'?",
        ),
        ({'video_dimm': 4}, "has 'video_dimm', which model.ctrgcn.Model does not take; did you mean 'video_dim'?"),
        ({'backbone': 'model.ctrgnc.Model'}, "there is no module 'model.ctrgnc'"),
    ],
)
def test_a_wrong_argument_is_told(changes, text):
    with pytest.raises(InputError) as error:
        Model(**{**TINY, **changes})
    assert text in str(error.value)
