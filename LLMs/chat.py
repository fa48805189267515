"""Chat models that see: DeepSeek-VL (Lu et al., 2024), GLM-4V (Hong et al., 2025) and others of transformers."""

from collections.abc import Sequence
from typing import Any

from LLMs.answers import QUESTION, Answer, AnsweringModel, generate
from LLMs.images import Picture


class Chat(AnsweringModel):
    """Any model that transformers loads as an image-text-to-text model, asked in its own chat template."""

    KIND = 'AutoModelForImageTextToText'
    PROMPT = f'The picture shows moments of one action, from left to right. {QUESTION}'

    def answer(self, images: Sequence[Picture], prompt: str, max_new_tokens: int) -> list[Answer]:
        """Answer the same prompt about each image; see AnsweringModel.answer."""
        inputs = self._inputs(images, prompt).to(self.model.device)
        for name, value in inputs.items():
            inputs[name] = value.to(self.model.dtype) if value.is_floating_point() else value
        tokenizer = getattr(self.processor, 'tokenizer', self.processor)
        ends = [self.model.generation_config.eos_token_id, tokenizer.eos_token_id]
        return generate(self.model, self.model.get_output_embeddings(), tokenizer, ends, max_new_tokens, **inputs)

    def _inputs(self, images: Sequence[Picture], prompt: str) -> Any:
        """Return the processor's tensors. Padding is on the left, so that all answers begin at the same place."""
        padding = {'padding': True, 'padding_side': 'left'}
        if not getattr(self.processor, 'chat_template', None):
            return self.processor(images=images, text=[prompt] * len(images), return_tensors='pt', **padding)
        text = {'type': 'text', 'text': prompt}
        return self.processor.apply_chat_template(
            [[{'role': 'user', 'content': [{'type': 'image', 'image': image}, text]}] for image in images],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors='pt',
            processor_kwargs=padding,
        )
