"""Weights of every known origin load strictly; files of no known kind are refused and nothing in them runs."""

import os
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from model.ctrgcn import Model as Student
from model.MMCL import Model as MMCL
from torchlight.checkpoint import canonical, load_weights, plain_state, read_weights, save, without
from torchlight.errors import InputError

HELPERS = {'video_dim': 6, 'text_dim': 3}
PUBLIC = {
    'fam.': 'FAM_Aligh.',
    'frm.gate.': 'mlp.',
    'frm.positive': 'PosMatrix',
    'frm.negative': 'NegMatrix',
    'student.': '',
}


def equal(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def public_names(state):
    """A state_dict of MMCL under the public implementation's names."""
    for ours, theirs in PUBLIC.items():
        state = {theirs + key[len(ours) :] if key.startswith(ours) else key: value for key, value in state.items()}
    return state


@pytest.fixture
def student(tiny):
    """student(**changes) → a new tiny student."""
    return lambda **changes: Student(**{**tiny, **changes})


@pytest.fixture
def mmcl(tiny):
    """mmcl(**changes) → a new tiny MMCL model; HELPERS give it both branches."""
    return lambda **changes: MMCL(**{**tiny, **changes})


def refusal(weights, model, **options):
    with pytest.raises(InputError) as error:
        load_weights(model, weights, **options)
    assert '\n' not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    'key, name',
    [
        ('l1.gcn1.PA', 'l1.gcn1.PA'),
        ('module.l1.gcn1.PA', 'l1.gcn1.PA'),
        ('student.fc.bias', 'fc.bias'),
        ('_orig_mod.module.student.fc.bias', 'fc.bias'),
        ('FAM_Aligh.mlp.0.bias', 'fam.mlp.0.bias'),
        ('module.mlp.2.weight', 'frm.gate.2.weight'),
        ('PosMatrix', 'frm.positive'),
        ('module.NegMatrix', 'frm.negative'),
        ('fam.mlp.0.bias', 'fam.mlp.0.bias'),
        ('frm.gate.0.bias', 'frm.gate.0.bias'),
        ('inception_v3.fc.bias', None),
        ('module.inception_v3.Mixed_5b.branch1x1.conv.weight', None),
        ('l2.gcn1.conv_d.0.0.weight', None),
    ],
)
def test_each_name_has_one_canonical_form(key, name):
    assert canonical(key) == name


# --- known origins


@pytest.mark.parametrize('prefix', ['', 'module.', '_orig_mod.', 'module._orig_mod.'])
def test_a_wrapped_student_loads(student, prefix):
    source, target = student(), student()
    assert load_weights(target, {prefix + key: value for key, value in source.state_dict().items()}) == []
    assert equal(target.state_dict(), source.state_dict())


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_a_public_mmcl_file_loads_without_its_image_encoder(mmcl, prefix, tmp_path):
    source, target = mmcl(**HELPERS), mmcl(**HELPERS)
    source.frm.positive.data.normal_()
    state = {prefix + key: value for key, value in public_names(source.state_dict()).items()}
    state[f'{prefix}inception_v3.Conv2d_1a_3x3.bn.bias'] = torch.zeros(3)
    torch.save(state, tmp_path / 'any name')
    assert load_weights(target, tmp_path / 'any name') == []
    assert equal(target.state_dict(), source.state_dict())


def test_the_public_names_are_those_of_the_public_file(public):
    state = MMCL(
        num_class=120, num_point=25, num_person=2, graph='graph.ntu_rgb_d.Graph', video_dim=1000, text_dim=3
    ).state_dict()
    weights = public('mmcl_weights')
    assert {key: tuple(value.shape) for key, value in public_names(state).items()} == {
        key: weights[key].shape for key in weights
    }


def test_an_mmcl_file_loads_into_a_student_and_names_what_it_left(student, mmcl):
    source, target = mmcl(**HELPERS), student()
    left = load_weights(target, source.state_dict())
    assert set(left) == {key for key in source.state_dict() if key.startswith(('fam.', 'frm.'))}
    assert equal(target.state_dict(), source.student.state_dict())
    assert without(left) == ', without its 10 unused weights (fam.mlp.0.weight, fam.mlp.0.bias, …)'
    assert without([]) == ''
    assert set(load_weights(mmcl(text_dim=3), source.state_dict())) == {
        f'fam.mlp.{layer}.{kind}' for layer in (0, 2) for kind in ('weight', 'bias')
    }


def test_a_student_file_loads_into_an_mmcl_student(student, mmcl):
    source, target = student(), mmcl()
    assert load_weights(target, source.state_dict()) == []
    assert equal(target.student.state_dict(), source.state_dict())


def test_a_student_file_into_an_mmcl_with_helpers_needs_them_ignored(student, mmcl):
    source, target = student(), mmcl(**HELPERS)
    assert '10 missing (fam.mlp.0.weight, ' in refusal(source.state_dict(), target)
    load_weights(target, source.state_dict(), ignore_weights=['fam', 'frm'])
    assert equal(target.student.state_dict(), source.state_dict())


def test_saved_weights_are_plain(student, tmp_path):
    model = student()
    save(plain_state(nn.DataParallel(model)), tmp_path / 'runs-1-2.pt')
    state = torch.load(tmp_path / 'runs-1-2.pt', weights_only=True)
    assert equal(state, model.state_dict())
    assert not any(value.requires_grad for value in state.values())


# --- left out on purpose


def test_ignored_weights_stay_as_they_are(student):
    source, target = student(num_class=7), student()
    before = target.fc.weight.clone()
    assert load_weights(target, source.state_dict(), ignore_weights=['fc']) == []
    assert torch.equal(target.fc.weight, before) and torch.equal(target.l10.gcn1.PA, source.l10.gcn1.PA)


def test_an_ignored_word_is_a_whole_part_of_a_name(student):
    source, target = student(), student()
    target.l1.gcn1.alpha.data.fill_(5), target.l10.gcn1.alpha.data.fill_(5)
    load_weights(target, source.state_dict(), ignore_weights=['l1', 'l2.gcn1'])
    assert (target.l1.gcn1.alpha.item(), target.l10.gcn1.alpha.item()) == (5, 0)
    assert torch.equal(target.l2.tcn1.branches[0][0].weight, source.l2.tcn1.branches[0][0].weight)


def test_an_unknown_word_is_refusal(student):
    assert refusal(student().state_dict(), student(), ignore_weights=['fcc']) == (
        "ignore_weights has 'fcc', which is not part of any weight name"
    )


# --- another model


def test_missing_unexpected_and_misshaped_names_are_listed(student):
    state = student(num_class=7).state_dict()
    state['l11.bias'] = state.pop('l1.gcn1.PA')
    text = refusal(state, student())
    assert text == (
        'these weights belong to another model: 1 missing (l1.gcn1.PA); 1 unexpected (l11.bias); '
        '2 of another shape (fc.weight (7, 32) for (4, 32), fc.bias (7,) for (4,)); '
        'use the settings of the run that wrote them, or skip some with --ignore-weights'
    )


def test_a_long_list_is_cut_and_the_file_named(student, tmp_path):
    torch.save({'a': torch.zeros(1)}, tmp_path / 'x.pt')
    text = refusal(tmp_path / 'x.pt', student())
    assert text.startswith(f'{tmp_path / "x.pt"} belongs to another model: {len(student().state_dict())} missing (')
    assert ', …); 1 unexpected (a);' in text and text.count('data_bn') == 5


def test_a_refused_file_changes_nothing(student):
    model = student()
    before, other = plain_state(model), student().state_dict()
    refusal({**other, 'fc.bias': torch.zeros(9)}, model)
    assert equal(model.state_dict(), before)


# --- files that are not weights


class Payload:
    """What a hostile file contains: unpickled without care it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'hello, I am text',
        b'name,label\n',
        b'jjjj',
        bytes(range(256)),
        b'PK\x03\x04rest',
        b'co:\xcf\xcf',
        b']G',
        pickle.dumps({'a': np.zeros(3)}),
    ],
    ids=repr,
)
def test_other_files_are_refused(tmp_path, content, recwarn):
    (tmp_path / 'x.pt').write_bytes(content)
    with pytest.raises(InputError, match=r'x.pt cannot be read as PyTorch weights'):
        read_weights(tmp_path / 'x.pt')
    assert not recwarn


def test_a_cut_file_is_refused(student, tmp_path):
    save(student().state_dict(), tmp_path / 'x.pt')
    whole = (tmp_path / 'x.pt').read_bytes()
    (tmp_path / 'x.pt').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r'x.pt cannot be read as PyTorch weights'):
        read_weights(tmp_path / 'x.pt')


@pytest.mark.parametrize(
    'write', [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))], ids=['torch', 'pickle']
)
def test_code_in_a_file_does_not_run(tmp_path, write):
    write({'fc.weight': Payload(tmp_path / 'ran')}, tmp_path / 'x.pt')
    with pytest.raises(InputError, match='contains more than tensors and plain containers'):
        read_weights(tmp_path / 'x.pt')
    assert not (tmp_path / 'ran').exists()
    pickle.loads(pickle.dumps(Payload(tmp_path / 'ran')))
    assert (tmp_path / 'ran').exists()  # the payload is a real one


@pytest.mark.parametrize(
    'value, kind',
    [
        ([torch.zeros(1)], 'list'),
        (torch.zeros(1), 'Tensor'),
        ({'a': 3}, 'dict'),
        ({1: torch.zeros(1)}, 'dict'),
        ({'model': {'a': 3}}, 'dict'),
    ],
)
def test_other_contents_are_refused(tmp_path, value, kind):
    torch.save(value, tmp_path / 'x.pt')
    with pytest.raises(InputError, match=f'x.pt contains a {kind}; expected a state_dict of tensors'):
        read_weights(tmp_path / 'x.pt')


def test_a_missing_file_and_a_folder_are_refusal(student, tmp_path):
    assert refusal(tmp_path / 'no.pt', student()) == f'the weights file {tmp_path / "no.pt"} does not exist'
    assert refusal(tmp_path, student()).startswith(f'{tmp_path} cannot be read')


@pytest.mark.parametrize(
    'value, text',
    [
        (torch.tensor([1, float('nan')]), 'contains NaN or Inf'),
        (torch.tensor([1, -float('inf')]).half(), 'contains NaN or Inf'),
        (torch.tensor([1, -1e-9]), 'is a variance below zero'),
        (torch.zeros(2, dtype=torch.complex64), 'expected dense numbers'),
        (torch.zeros(1).expand(10**9), 'claims 1000000000 numbers, more than the file has'),
    ],
)
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path, value, text):
    torch.save({'a': torch.zeros(1), 'bn.running_var': value}, tmp_path / 'x.pt')
    with pytest.raises(InputError, match=f'x.pt: bn.running_var .*{text}'):
        read_weights(tmp_path / 'x.pt')
