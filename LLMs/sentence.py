"""An answer's sentence embedding by a text encoder of transformers: the mean of its last hidden states, of length 1.

Source: Sentence-BERT (Reimers and Gurevych, EMNLP 2019). Legend: N answers, L tokens, D width.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from LLMs.hub import load_pretrained, model_name


class SentenceEncoder:
    """A frozen text encoder, its tokenizer and its name in the store."""

    def __init__(self, name: str, model: nn.Module, tokenizer: Any) -> None:
        self.name, self.model, self.tokenizer = name, model, tokenizer

    @classmethod
    def load(cls, source: str, dtype: torch.dtype, device: torch.device) -> 'SentenceEncoder':
        """Load a text encoder from a folder or a hub; raise InputError if that is not possible."""
        model, tokenizer, _ = load_pretrained(source, 'AutoModel', 'AutoTokenizer', dtype, device, ('pooler.',))
        return cls(model_name(source), model, tokenizer)

    def embed(self, texts: Sequence[str]) -> torch.Tensor:
        """Embed N texts: (N, D) float32, each of length 1."""
        inputs = self.tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors='pt')
        inputs = inputs.to(self.model.device)
        states = self.model(**inputs).last_hidden_state.float()  # (N, L, D)
        mask = inputs['attention_mask'][..., None].to(torch.float32)
        return nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).cpu()
