"""What an answer gives: its text, its tokens, and the hidden states it was read from.

Legend: N images of a batch, S steps of generation, D hidden width.
"""

import contextlib
from typing import NamedTuple

import numpy as np
import torch


class Answer(NamedTuple):
    """One image's answer. text: str. tokens: list of int. hidden: (D,) float32, the mean of its hidden states."""

    text: str
    tokens: list
    hidden: np.ndarray


@contextlib.contextmanager
def last_states(head):
    """A list that grows by (N, D) at each step: what the language head reads, the last hidden state.

    Asking generate() for hidden states would keep those of every layer and of the whole prompt.
    """
    steps = []

    def keep(module, inputs):
        steps.append(inputs[0][:, -1].float())

    handle = head.register_forward_pre_hook(keep)
    try:
        yield steps
    finally:
        handle.remove()


def read_answers(sequences, steps, ends, decode):
    """Cut a batch of generated sequences at their ends.

    An answer's hidden state is the mean over its steps, the end token's included: so the state that chose the
    first word counts, and the one that had read the last.

    Args:
        sequences: (N, ≥ S) token ids, the S new ones last. steps: list of S tensors (N, D). ends: ids that end an answer.
        decode: list of ids → str.
    Returns: list of N Answers.
    """
    tokens = sequences[:, -len(steps) :]  # (N, S)
    ended = torch.isin(tokens, torch.tensor(sorted(ends), device=tokens.device, dtype=tokens.dtype))
    kept = ended.cumsum(1) - ended.long() == 0
    states = torch.stack(steps, 1) * kept[..., None]  # (N, S, D)
    hidden = (states.sum(1) / kept.sum(1, keepdim=True)).cpu().numpy()
    rows = [row[mask].tolist() for row, mask in zip(tokens.cpu(), kept.cpu())]
    return [Answer(decode(row).strip(), row, vector) for row, vector in zip(rows, hidden)]


def end_tokens(*sources):
    """The set of ids that end an answer, from generation configs (an id, a list, or None each)."""
    ends = set()
    for ids in sources:
        ends |= set() if ids is None else {ids} if isinstance(ids, int) else set(ids)
    return ends
