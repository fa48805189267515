"""Models that answer questions about pictures: their contract, and how an answer and its hidden states are read.

Legend: N images of a batch, S steps of generation, D hidden width.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import nn

from LLMs.hub import load_pretrained, model_name
from LLMs.images import Picture
from torchlight.errors import InputError

QUESTION = 'Are the people holding objects, and which? What are they doing with their hands? Answer in one sentence.'


class Answer(NamedTuple):
    """The answer about one image.

    Attributes
    ----------
    text : str. What the model said.
    tokens : list of int. Its token ids, up to and including the one that ends it.
    hidden : (D,) float32. The mean of the hidden states that the tokens were chosen from.
    """

    text: str
    tokens: list[int]
    hidden: np.ndarray


class AnsweringModel(ABC):
    """The contract of a multimodal language model; `text_features` needs no more than this.

    A subclass sets PROMPT, and LENGTH if its answers always have the same number of tokens; it implements `answer`,
    and overrides `check_prompt` if it cannot answer every prompt. It sets KIND, or overrides `load` if its model is
    not one of transformers.

    Parameters
    ----------
    name : str. What the store calls the model.
    model : frozen module. Its weights identify the features.
    processor : object. It turns images and text into the model's inputs.
    """

    PROMPT: ClassVar[str]
    KIND: ClassVar[str]
    LENGTH: ClassVar[int | None] = None

    def __init__(self, name: str, model: nn.Module, processor: Any) -> None:
        self.name, self.model, self.processor = name, model, processor

    @classmethod
    def load(cls, source: Any, dtype: torch.dtype, device: torch.device) -> 'AnsweringModel':
        """Load the model; raise InputError if it or a package that it needs is missing.

        Parameters
        ----------
        source : str. A folder or a hub id; a subclass may need something else.
        dtype : torch.dtype. Of the weights and the computation.
        device : torch.device.
        """
        model, processor, _ = load_pretrained(source, cls.KIND, 'AutoProcessor', dtype, device)
        return cls(model_name(source), model, processor)

    @classmethod
    def check_prompt(cls, prompt: str) -> None:
        """Raise InputError if the model cannot answer this prompt; by default only for an empty one."""
        if not prompt.strip():
            raise InputError('--prompt is empty; write what the model should answer about each picture')

    @abstractmethod
    def answer(self, images: Sequence[Picture], prompt: str, max_new_tokens: int) -> list[Answer]:
        """Answer the same prompt about each of N images; the answers must not depend on the other images."""


def generate(
    model: Any, head: nn.Module, tokenizer: Any, ends: Iterable[int | list[int] | None], limit: int, **inputs: Any
) -> list[Answer]:
    """Generate answers greedily, cut them at their ends, and average the hidden states that they were read from.

    The hidden states are those that the language head reads: generate() itself would return those of every layer and
    of the whole prompt. The state that chose the end token counts too: it has seen the last word.

    Parameters
    ----------
    model : model with transformers' generate().
    head : module. The language head, whose input is (N, L, D).
    tokenizer : object with `decode`.
    ends : token ids that end an answer; each may be a list of ids, or None.
    limit : int. The largest number of tokens in an answer.
    inputs : the other arguments of model.generate().
    """
    steps: list[torch.Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, args: steps.append(args[0][:, -1].float()))
    try:
        sequences = model.generate(**inputs, max_new_tokens=limit, do_sample=False, num_beams=1)
    except IndexError as error:
        if 'out of range' not in str(error):  # of the position embedding
            raise
        text = getattr(model.config, 'text_config', model.config)
        raise InputError(
            f'an answer of up to {limit} tokens, with what comes before it, is longer than {type(model).__name__} can '
            f'read ({getattr(text, "max_position_embeddings", "?")} tokens); try a lower --max-new-tokens'
        ) from error
    finally:
        hook.remove()
    tokens = sequences[:, -len(steps) :].cpu()  # (N, S)
    end_tokens = [token for ids in ends for token in np.ravel(ids) if token is not None]
    ended = torch.isin(tokens, torch.tensor(end_tokens, dtype=tokens.dtype))
    kept = ended.cumsum(1) - ended.long() == 0  # up to and including the first end token
    states = torch.stack(steps, 1).cpu() * kept[..., None]  # (N, S, D)
    hidden = (states.sum(1) / kept.sum(1, keepdim=True)).numpy()
    rows = [row[mask].tolist() for row, mask in zip(tokens, kept)]
    texts = [tokenizer.decode(row, skip_special_tokens=True).strip() for row in rows]
    return [Answer(*answer) for answer in zip(texts, rows, hidden)]
