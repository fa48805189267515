"""BLIP: its hidden states, and the prompts that it accepts."""

import numpy as np
import pytest
import torch

pytest.importorskip('transformers', reason='needs transformers: pip install -r LLMs/requirements.txt')

from LLMs.blip import Blip
from LLMs.images import ImageFolder
from tests.LLMs import tiny
from torchlight.errors import InputError

CPU = torch.device('cpu')


def test_the_hidden_state_is_that_of_the_whole_sequence_read_again(tmp_path):
    """The mean over the steps equals one pass of the decoder over [bos, answer], its states averaged."""
    blip_folder = tiny.blip(tmp_path / 'blip-vqa')
    picture = ImageFolder(tiny.pictures(tmp_path / 'images')).read('clip_2')
    blip = Blip.load(blip_folder, torch.float32, CPU)
    network, processor = blip.model, blip.processor
    found = blip.answer([picture], tiny.QUESTION, 5)[0]
    inputs = processor(images=[picture], text=[tiny.QUESTION], return_tensors='pt')
    with torch.no_grad():
        seen = network.vision_model(inputs['pixel_values']).last_hidden_state
        question = network.text_encoder(input_ids=inputs['input_ids'], encoder_hidden_states=seen).last_hidden_state
        states = network.text_decoder.bert(
            input_ids=torch.tensor([found.tokens[:-1]]), is_decoder=True, encoder_hidden_states=question
        ).last_hidden_state
    np.testing.assert_allclose(found.hidden, states[0].mean(0), atol=1e-5)


def test_only_questions_are_accepted():
    Blip.check_prompt(Blip.PROMPT)
    for prompt in ('describe the picture', ' '):
        with pytest.raises(InputError, match='BLIP answers questions; end the prompt with a question mark'):
            Blip.check_prompt(prompt)
