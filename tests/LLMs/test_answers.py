"""Reading answers: where they end, and which hidden states they were read from."""

import pytest
import torch
from torch import nn

from LLMs.answers import AnsweringModel, generate
from torchlight.errors import InputError


class Scripted(nn.Module):
    """A language model that says these tokens; its head reads (N, L, D) states, the last of which counts."""

    def __init__(self, tokens, states):
        super().__init__()
        self.tokens, self.states, self.head = torch.tensor(tokens), states, nn.Identity()

    def generate(self, max_new_tokens, prompt, **settings):
        assert settings == {'do_sample': False, 'num_beams': 1}
        for step in range(max_new_tokens):
            length = 4 if step == 0 else 1  # the whole prompt, then one token after the other
            states = torch.full((len(self.tokens), length, 3), -99.0)
            states[:, -1] = self.states[step]
            self.head(states)
        return torch.cat([prompt, self.tokens[:, :max_new_tokens]], 1)


class Words:
    def decode(self, tokens, skip_special_tokens):
        return f' {tokens} '


def answers(tokens, limit, ends=(2,)):
    model = Scripted(tokens, [1.0, 2.0, 6.0])
    return generate(model, model.head, Words(), ends, limit, prompt=torch.full((len(tokens), 5), 9))


def test_an_answer_ends_at_its_first_end_token():
    short, long = answers([[4, 2, 2], [4, 5, 6]], 3)
    assert short.tokens == [4, 2] and long.tokens == [4, 5, 6] and short.text == '[4, 2]'
    assert short.hidden.tolist() == [1.5] * 3 and long.hidden.tolist() == [3] * 3


def test_several_tokens_may_end_an_answer():
    (answer,) = answers([[4, 7, 2]], 3, ends=(None, [7, 8], 2))
    assert answer.tokens == [4, 7]


def test_the_limit_cuts_an_answer():
    assert answers([[4, 5, 6]], 2)[0].tokens == [4, 5]


def test_the_hook_on_the_head_goes_again():
    model = Scripted([[4, 2]], [1.0, 2.0])
    with pytest.raises(AssertionError):
        generate(model, model.head, Words(), (2,), 2, prompt=torch.zeros(1, 1), temperature=1)
    assert not model.head._forward_pre_hooks


def test_an_empty_prompt_is_refused():
    with pytest.raises(InputError, match='--prompt is empty'):
        AnsweringModel.check_prompt('  ')
