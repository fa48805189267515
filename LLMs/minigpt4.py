"""MiniGPT-4 (Zhu et al., ICLR 2024), driven in a clone of its repository: it has no port to transformers.

Used of that project: `Config` and `registry` build the model and its image processor from an evaluation YAML;
`encode_img`, `get_context_emb` and `llama_model` answer; a `Conversation` spells the prompt.
"""

import contextlib
import importlib
import os
import sys
from argparse import Namespace
from pathlib import Path

import torch

from LLMs.answers import end_tokens, last_states, read_answers
from LLMs.loading import first_line, freeze
from torchlight.errors import InputError

CONFIG = 'eval_configs/minigpt4_eval.yaml'
PROMPT = 'Are the people holding objects, and which? What are they doing with their hands? Answer in one sentence.'
CONVERSATIONS = {'pretrain_vicuna0': 'CONV_VISION_Vicuna0', 'pretrain_llama2': 'CONV_VISION_LLama2'}  # by model_type
PARTS = 'builders', 'models', 'processors'


def load(repo, config, dtype, device):
    """(model, image processor, conversation) of the clone at `repo`.

    Args:
        config: its evaluation YAML, within the clone or anywhere; the weights' paths stand in it.
    Raises InputError where the clone, the YAML or what they need is missing.
    """
    path = next((path for path in (Path(repo or '') / config, Path(config)) if path.is_file()), None)
    if not repo or not (Path(repo) / 'minigpt4').is_dir():
        raise InputError(f'--repo is {repo}; MiniGPT-4 needs the folder of its cloned repository, which has minigpt4/')
    if path is None:
        raise InputError(f'--repo-config is {config}, which is neither in {repo} nor here')
    try:
        with _within(repo):
            return _build(path.resolve(), dtype, device)
    except (ImportError, OSError, AttributeError, KeyError, AssertionError) as error:
        raise InputError(
            f'the MiniGPT-4 clone at {repo} does not load: {type(error).__name__}: {first_line(error)}'
        ) from error


def check_prompt(prompt):
    """Raise InputError for an empty prompt."""
    if not prompt.strip():
        raise InputError('--prompt is empty; say what the model is to answer about each picture')


@torch.no_grad()
def answer(loaded, images, prompt, max_new_tokens):
    """Put the same prompt beside each of a list of images; returns a list of Answers."""
    model, processor, conversation = loaded
    language = model.llama_model
    device, dtype = next(language.parameters()).device, next(language.parameters()).dtype
    pixels = torch.stack([processor(image) for image in images]).to(device)
    seen, _ = model.encode_img(pixels)  # (N, image tokens, D)
    text = _spell(conversation, prompt)
    contexts = [model.get_context_emb(text, [one[None]])[0] for one in seen]  # each (L, D)
    context = torch.nn.utils.rnn.pad_sequence(contexts, batch_first=True, padding_side='left').to(dtype)
    mask = torch.nn.utils.rnn.pad_sequence(
        [torch.ones(len(one), dtype=torch.long, device=device) for one in contexts],
        batch_first=True,
        padding_side='left',
    )
    with last_states(language.get_output_embeddings()) as steps:
        sequences = language.generate(
            inputs_embeds=context, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1
        )
    tokenizer = model.llama_tokenizer

    def decode(ids):
        return tokenizer.decode(ids, skip_special_tokens=True)

    return read_answers(
        sequences, steps, end_tokens(language.generation_config.eos_token_id, tokenizer.eos_token_id), decode
    )


def _build(path, dtype, device):
    for part in PARTS:  # these imports enter the classes in the registry
        importlib.import_module('minigpt4.datasets.builders' if part == 'builders' else f'minigpt4.{part}')
    registry = importlib.import_module('minigpt4.common.registry').registry
    settings = importlib.import_module('minigpt4.common.config').Config(Namespace(cfg_path=str(path), options=None))
    conversations = importlib.import_module('minigpt4.conversation.conversation')
    model_config = settings.model_cfg
    model = freeze(registry.get_model_class(model_config.arch).from_config(model_config)).to(device)
    if device.type == 'cpu' or dtype != torch.float32:
        model = model.to(dtype)
    vision = settings.datasets_cfg.cc_sbu_align.vis_processor.train
    processor = registry.get_processor_class(vision.name).from_config(vision)
    name = CONVERSATIONS.get(str(model_config.model_type), 'CONV_VISION_minigptv2')
    return model, processor, getattr(conversations, name)


def _spell(conversation, prompt):
    """The whole prompt, with the place of the image in it."""
    turn = conversation.copy()
    turn.append_message(turn.roles[0], f'<Img><ImageHere></Img> {prompt}')
    turn.append_message(turn.roles[1], None)
    return turn.get_prompt()


@contextlib.contextmanager
def _within(repo):
    """Import from the clone and open its relative paths: it is a program, not an installable package."""
    before, repo = os.getcwd(), str(Path(repo).resolve())
    sys.path.insert(0, repo)
    os.chdir(repo)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path.remove(repo)
