"""Loading frozen models: every weight in its place, and what identifies a model."""

import pytest
import torch
from torch import nn

pytest.importorskip('transformers', reason='needs transformers: pip install -r LLMs/requirements.txt')

import transformers

from LLMs import hub
from torchlight.errors import InputError

CPU = torch.device('cpu')


@pytest.fixture
def bert(tmp_path):
    """The folder of a tiny text encoder without a head."""
    sizes = {'vocab_size': 9, 'hidden_size': 8, 'intermediate_size': 8, 'num_hidden_layers': 1}
    model = transformers.BertModel(transformers.BertConfig(**sizes, num_attention_heads=2))
    model.save_pretrained(tmp_path)
    return tmp_path


def test_weights_of_another_class_are_refused(bert):
    with pytest.raises(InputError, match=r'lacks .* weights of BertForMaskedLM, such as cls.*another class of model'):
        hub.load_pretrained(str(bert), 'BertForMaskedLM', 'AutoTokenizer', torch.float32, CPU)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=f'cannot load BertModel from {tmp_path}: ') as error:
        hub.from_pretrained(transformers.BertModel, str(tmp_path))
    assert '\n' not in str(error.value)


def test_a_package_that_is_missing_is_named():
    with pytest.raises(InputError, match=r'this needs no_such_package, .*; pip install -r LLMs/requirements\.txt'):
        hub.import_package('no_such_package', 'this')


def test_a_digest_follows_the_weights_and_their_names():
    torch.manual_seed(0)
    model = hub.freeze(nn.Sequential(nn.Linear(2, 2)))
    digest = hub.weights_digest(model)
    assert len(digest) == 16 and not model.training and not any(p.requires_grad for p in model.parameters())
    assert hub.weights_digest(nn.Sequential(model)) != digest
    model[0].weight.data[0, 0] += 1
    assert hub.weights_digest(model) != digest


def test_a_folder_is_called_by_its_name(tmp_path):
    assert hub.model_name(str(tmp_path)) == tmp_path.name and hub.model_name('some/model') == 'some/model'
    assert f'torch {torch.__version__}'.split('+')[0] in hub.library_versions()
