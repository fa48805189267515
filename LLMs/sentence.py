"""An answer's sentence embedding by a text encoder of transformers: the mean of its last hidden states, of length 1.

Source: Sentence-BERT (Reimers and Gurevych, EMNLP 2019). Legend: N answers, L tokens, D width.
"""

import torch
import torch.nn.functional as F

from LLMs.loading import from_pretrained, processor_of, require


def load(source, dtype, device):
    """(model, tokenizer) of a text encoder in a folder or on a hub."""
    transformers = require('transformers', '--feature sentence')
    model, _ = from_pretrained(transformers.AutoModel, source, dtype, device, optional=('pooler.',))
    return model, processor_of(transformers.AutoTokenizer, source)


def embed(loaded, texts):
    """list of N str → (N, D) float32."""
    model, tokenizer = loaded
    inputs = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors='pt').to(model.device)
    states = model(**inputs).last_hidden_state.float()  # (N, L, D)
    mask = inputs['attention_mask'][..., None].to(torch.float32)
    return F.normalize((states * mask).sum(1) / mask.sum(1)).cpu()
