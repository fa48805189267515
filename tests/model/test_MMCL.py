"""MMCL equals the public implementation and the reference, and its branches touch nothing but training."""

import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from model.base import MMCLOutput
from model.MMCL import LAMBDA_ALIGN, LAMBDA_REFINE, Model, loss_terms, total_loss
from tests.golden import inputs
from tests.helpers import by_name, near, parts
from tests.reference import graphs
from tests.reference import mmcl as reference
from torchlight.checkpoint import load_weights
from torchlight.errors import InputError

NTU = {'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d.Graph'}


def assert_step(model, output, label, arrays, gradients, loss):
    """The total loss, its gradients and the statistics that it leaves are those of the arrays."""
    ours = total_loss(loss_terms(output, label))
    ours.backward()
    assert near(ours, arrays[loss], 1e-8)
    ours = by_name((name, p.grad) for name, p in model.named_parameters())
    for name, expected in parts(arrays, gradients).items():
        assert near(ours[name], expected, 1e-8), name


def assert_statistics(model, arrays, share):
    state = by_name(model.state_dict())
    for name, expected in parts(arrays, 'after.').items():
        assert near(state[name], expected, share), name


# --- the public implementation


@pytest.fixture
def public_model(public):
    model = Model(num_class=120, **NTU, video_dim=1000, text_dim=3)
    weights = public('mmcl_weights')
    assert load_weights(model, {key: torch.from_numpy(weights[key]) for key in weights}) == []
    return model


def run(model, arrays):
    """A forward pass on the public inputs, in the model's precision."""
    dtype = model.student.fc.weight.dtype
    return model(*(torch.from_numpy(arrays[key]).to(dtype) for key in ('x', 'video_feature', 'text_feature')))


def test_evaluation_equals_the_public_logits(public, public_model):
    io = public('mmcl_io')
    with torch.no_grad():
        output = public_model.eval()(torch.from_numpy(io['x']))
    assert output.refined_logits is None and output.alignment is None
    assert near(output.logits, io['eval_logits'], 1e-4)


@pytest.mark.parametrize('training, prefix', [(False, 'evalmode'), (True, 'trainmode')])
def test_all_outputs_equal_the_public_ones(public, public_model, training, prefix):
    io = public('mmcl_io')
    output = run(public_model.train(training), io)
    assert near(output.logits, io['trainmode_logits' if training else 'evalmode_train_logits'], 1e-4)
    assert near(output.refined_logits, io[f'{prefix}_refined'], 1e-4)
    assert near(output.alignment.mean(), io[f'{prefix}_alignment_loss'], 1e-4)
    if training:
        loss = total_loss(loss_terms(output, torch.from_numpy(io['label'])))
        assert near(loss, io['trainmode_total_loss'], 1e-4)
        assert_statistics(public_model, io, 1e-4)


def test_gradients_in_float64_equal_the_public_ones(public, public_model):
    io, model = public('mmcl_io'), public_model.double().train()
    output = run(model, io)
    assert near(output.logits, io['trainmode_logits64'], 1e-8)
    assert_step(model, output, torch.from_numpy(io['label']), io, 'grad64.', 'trainmode_total_loss64')


# --- the stored arrays


@pytest.fixture
def golden_model():
    model = Model(num_point=25, graph='graph.ntu_rgb_d.Graph', **inputs.MMCL)
    assert load_weights(model, inputs.weights(reference.MMCL(A=graphs.ntu(), **inputs.MMCL))) == []
    return model


OUTPUTS = ('logits', 'refined_logits', 'alignment')  # of the reference; ours also gives the student's feature


@pytest.mark.parametrize('mode', ['eval', 'train'])
def test_all_outputs_are_the_golden_ones(golden, golden_model, mode):
    arrays, (*x, _) = golden('mmcl'), inputs.mmcl()
    output = golden_model.train(mode == 'train')(*x)
    for name, values in zip(OUTPUTS, output):
        assert near(values, arrays[f'{mode}.{name}'], 1e-5), name
    assert torch.equal(golden_model.student.classify(output.feature), output.logits)


def test_evaluation_needs_the_skeletons_only(golden, golden_model):
    output = golden_model.eval()(inputs.mmcl()[0])
    assert near(output.logits, golden('mmcl')['eval.logits'], 1e-5)


def test_a_training_step_is_the_golden_one(golden, golden_model):
    arrays, (*x, label) = golden('mmcl'), inputs.mmcl()
    output = golden_model.double().train()(*(part.double() for part in x))
    for name, values in zip(OUTPUTS, output):
        assert near(values, arrays[f'train.{name}'], 1e-8), name
    assert_step(golden_model, output, label, arrays, 'grad.', 'train.loss')
    assert_statistics(golden_model, arrays, 1e-8)


# --- what the branches may touch


@pytest.fixture
def model(tiny_mmcl):
    torch.manual_seed(0)
    return Model(**tiny_mmcl)


@pytest.fixture
def features(skeleton):
    """The arguments of a forward pass."""
    return {'skeleton': skeleton, 'video': torch.randn(3, 6), 'text': torch.randn(3, 3)}


def test_inputs_decide_what_is_computed(model, features):
    skeleton, video, text = features.values()
    alone, seeing, reading, both = (
        model(skeleton),
        model(skeleton, video),
        model(skeleton, text=text),
        model(**features),
    )
    assert alone.refined_logits is alone.alignment is seeing.refined_logits is reading.alignment is None
    assert seeing.alignment.shape == both.alignment.shape == (3,)
    assert reading.refined_logits.shape == both.refined_logits.shape == both.logits.shape == (3, 4)


def test_skeleton_logits_do_not_depend_on_the_branches(model, features):
    logits = model.eval()(features['skeleton']).logits
    for branch in (model.fam, model.frm):
        for weight in branch.parameters():
            weight.data.fill_(torch.nan)
    assert torch.equal(model(features['skeleton']).logits, logits)
    assert torch.equal(model(**features).logits, logits)
    assert torch.equal(model.student(features['skeleton']).logits, logits)


def test_no_gradient_reaches_the_encoders(model, features):
    video, text = features['video'].requires_grad_(), features['text'].requires_grad_()
    output = model(**features)
    (output.refined_logits.sum() + output.alignment.sum()).backward()
    assert video.grad is None and text.grad is None


@pytest.mark.parametrize('term', ['refined', 'alignment'])
def test_each_branch_trains_the_student(model, features, term):
    loss_terms(model(**features), torch.tensor([0, 1, 2]))[term].backward()
    assert model.student.l10.gcn1.PA.grad.abs().sum() > 0 and model.student.l1.gcn1.PA.grad.abs().sum() > 0


def test_a_branch_without_its_feature_is_not_built(tiny):
    assert Model(**tiny).fam is None and Model(**tiny).frm is None
    assert Model(**tiny, video_dim=6).frm is None and Model(**tiny, text_dim=3).fam is None
    assert {key.split('.')[0] for key in Model(**tiny).state_dict()} == {'student'}


# --- statistics of the text feature


def test_the_statistics_reach_the_frm_and_travel_with_the_weights(tiny):
    statistics = {'text': (np.float32([1, 2, 3]), np.float32([4, 5, 6]))}
    model, other = (Model(**tiny, text_dim=3, text_standardise=True) for _ in range(2))
    model.set_statistics(statistics)
    load_weights(other, model.state_dict())
    assert other.frm.text_mean.tolist() == [1, 2, 3] and other.frm.text_std.tolist() == [4, 5, 6]


def test_without_standardising_there_is_nothing_to_set(tiny):
    model = Model(**tiny, text_dim=3)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.set_statistics({'text': (np.ones(3), np.ones(3))})
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any('text_' in key for key in before)


# --- losses and sizes


def test_the_loss_terms():
    torch.manual_seed(0)
    logits, refined, label = torch.randn(3, 4), torch.randn(3, 4), torch.tensor([0, 3, 1])
    terms = loss_terms(MMCLOutput(logits, refined, torch.tensor([1.0, 2, 6])), label)
    assert terms.keys() == {'cross_entropy', 'refined', 'alignment'} and terms['alignment'] == 3
    assert terms['cross_entropy'] == F.cross_entropy(logits, label)
    assert terms['refined'] == F.cross_entropy(refined, label)
    assert loss_terms(MMCLOutput(logits), label).keys() == {'cross_entropy'}


def test_smoothed_labels_share_out_a_part_among_all_classes():
    logits, label = torch.randn(2, 3, 4), torch.tensor([0, 3, 1])
    terms = loss_terms(MMCLOutput(*logits), label, smoothing=0.2)
    target = 0.8 * F.one_hot(label, 4) + 0.2 / 4
    expected = -(target * logits.log_softmax(2)).sum(2).mean(1)
    torch.testing.assert_close(torch.stack([terms['cross_entropy'], terms['refined']]), expected)


def test_the_total_loss_weighs_the_terms_as_published():
    terms = {'cross_entropy': torch.tensor(1.0), 'refined': torch.tensor(10.0), 'alignment': torch.tensor(100.0)}
    assert (LAMBDA_REFINE, LAMBDA_ALIGN) == (reference.REFINE, reference.ALIGN) == (0.2, 0.1)
    assert total_loss(terms) == pytest.approx(1 + 2 + 10)
    assert total_loss(terms, lambda_refine=0.5, lambda_align=0) == pytest.approx(1 + 5)
    assert total_loss({'cross_entropy': terms['cross_entropy']}) == 1


@pytest.mark.parametrize(
    'changes',
    [{'num_class': 7}, {'num_person': 1}, {'in_channels': 2}, {'base_channel': 16}, {'video_dim': 1}, {'text_dim': 1}],
)
def test_any_size_works(tiny_mmcl, changes):
    args = {**tiny_mmcl, **changes}
    skeleton = torch.randn(2, args.get('in_channels', 3), 8, 5, args['num_person'])
    output = Model(**args)(skeleton, torch.randn(2, args['video_dim']), torch.randn(2, args['text_dim']))
    assert output.logits.shape == output.refined_logits.shape == (2, args['num_class'])
    sum(loss_terms(output, torch.tensor([0, 1])).values()).backward()


def test_a_model_pickles(model, features):
    for ours, theirs in zip(pickle.loads(pickle.dumps(model.eval()))(**features), model(**features)):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_runs(model, features, dtype):
    with torch.autocast('cpu', dtype):
        terms = loss_terms(model(**features), torch.tensor([0, 1, 2]))
    sum(terms.values()).backward()
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    'changes, text',
    [
        (
            {'num_clas': 4},
            "model_args has 'num_clas', which model.ctrgcn.Model does not accept; did you mean 'num_class'?",
        ),
        ({'video_dimm': 4}, "has 'video_dimm', which model.ctrgcn.Model does not accept; did you mean 'video_dim'?"),
        ({'backbone': 'model.ctrgnc.Model'}, "there is no module 'model.ctrgnc'"),
    ],
)
def test_a_wrong_argument_is_refused(tiny, changes, text):
    with pytest.raises(InputError) as error:
        Model(**{**tiny, **changes})
    assert text in str(error.value)
