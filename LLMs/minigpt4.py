"""MiniGPT-4 (Zhu et al., ICLR 2024), driven in a clone of its repository, since transformers does not have it.

Used from that project: `Config` and `registry` build the model and its image processor from an evaluation YAML;
`encode_img`, `get_context_emb` and `llama_model` answer; a `Conversation` writes the prompt.
"""

import contextlib
import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from LLMs.answers import QUESTION, Answer, AnsweringModel, generate
from LLMs.hub import first_line, freeze
from LLMs.images import Picture
from torchlight.errors import InputError

CONFIG = 'eval_configs/minigpt4_eval.yaml'
CONVERSATIONS = {'pretrain_vicuna0': 'CONV_VISION_Vicuna0', 'pretrain_llama2': 'CONV_VISION_LLama2'}  # by model_type
REGISTERED = 'datasets.builders', 'models', 'processors'  # importing these enters their classes in the registry


class MiniGPT4(AnsweringModel):
    """MiniGPT-4; its processor is a pair: the project's image processor, and the Conversation it was trained with."""

    PROMPT = QUESTION

    @classmethod
    def load(cls, source: tuple[str | None, str], dtype: torch.dtype, device: torch.device) -> 'MiniGPT4':
        """Load the model of a clone; see AnsweringModel.load.

        Parameters
        ----------
        source : (clone, config). The clone's folder, and an evaluation YAML in it or anywhere, which gives the paths
            of the weights.
        """
        clone, config = source
        if not clone or not (Path(clone) / 'minigpt4').is_dir():
            raise InputError(
                f'--repo is {clone}; MiniGPT-4 needs the folder of its cloned repository, which contains minigpt4/'
            )
        path = next((path for path in (Path(clone) / config, Path(config)) if path.is_file()), None)
        if path is None:
            raise InputError(f'--repo-config is {config}, which is neither in {clone} nor here')
        try:
            with _working_in(Path(clone).resolve()):
                return cls('minigpt-4', *_build(path.resolve(), dtype, device))
        except (ImportError, OSError, AttributeError, KeyError, AssertionError) as error:
            raise InputError(
                f'the MiniGPT-4 clone at {clone} does not load: {type(error).__name__}: {first_line(error)}'
            ) from error

    def answer(self, images: Sequence[Picture], prompt: str, max_new_tokens: int) -> list[Answer]:
        """Answer the same prompt about each image; see AnsweringModel.answer."""
        language, tokenizer = self.model.llama_model, self.model.llama_tokenizer
        weight = next(language.parameters())
        process, conversation = self.processor
        turn = conversation.copy()
        turn.append_message(turn.roles[0], f'<Img><ImageHere></Img> {prompt}')
        turn.append_message(turn.roles[1], None)
        text = turn.get_prompt()
        embedded, _ = self.model.encode_img(torch.stack([process(image) for image in images]).to(weight.device))
        contexts = [self.model.get_context_emb(text, [one[None]])[0] for one in embedded]  # N × (L, D)
        masks = [torch.ones(len(context), dtype=torch.long, device=weight.device) for context in contexts]
        return generate(
            language,
            language.get_output_embeddings(),
            tokenizer,
            [language.generation_config.eos_token_id, tokenizer.eos_token_id],
            max_new_tokens,
            inputs_embeds=pad_sequence(contexts, batch_first=True, padding_side='left').to(weight.dtype),
            attention_mask=pad_sequence(masks, batch_first=True, padding_side='left'),
        )


def _build(path: Path, dtype: torch.dtype, device: torch.device) -> tuple[nn.Module, tuple[Any, Any]]:
    """Return the model of an evaluation YAML, and (its image processor, its conversation)."""
    for part in REGISTERED:
        importlib.import_module(f'minigpt4.{part}')
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
    return model, (processor, getattr(conversations, name))


@contextlib.contextmanager
def _working_in(clone: Path) -> Iterator[None]:
    """Import from the clone and open its relative paths: it is a program, not an installable package."""
    before = os.getcwd()
    sys.path.insert(0, str(clone))
    os.chdir(clone)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path.remove(str(clone))
