"""BLIP for visual question answering (Li et al., ICML 2022), through transformers."""

from collections.abc import Sequence

from LLMs.answers import Answer, AnsweringModel, generate
from LLMs.images import Picture
from torchlight.errors import InputError


class Blip(AnsweringModel):
    """BLIP, which answers in a word or two: [bos, yes | no, sep], the ids that the public MMCL code fed to its FRM."""

    KIND = 'BlipForQuestionAnswering'
    PROMPT = 'whether the people are holding objects?'
    LENGTH = 3

    @classmethod
    def check_prompt(cls, prompt: str) -> None:
        """Raise InputError unless the prompt is a question: the model was trained only on questions."""
        if not prompt.strip().endswith('?'):
            raise InputError(f'--prompt is {prompt!r}, but BLIP answers questions; end the prompt with a question mark')

    def answer(self, images: Sequence[Picture], prompt: str, max_new_tokens: int) -> list[Answer]:
        """Answer the same question about each image; see AnsweringModel.answer."""
        inputs = self.processor(images=images, text=[prompt] * len(images), padding=True, return_tensors='pt')
        text, tokens = self.model.config.text_config, inputs['input_ids'].shape[1]
        if tokens > text.max_position_embeddings:
            raise InputError(f'--prompt has {tokens} tokens; {self.name} reads up to {text.max_position_embeddings}')
        inputs = inputs.to(self.model.device)
        inputs['pixel_values'] = inputs['pixel_values'].to(self.model.dtype)
        head, ends = self.model.text_decoder.cls, [text.sep_token_id]
        answers = generate(self.model, head, self.processor, ends, max_new_tokens, **inputs)
        return [answer._replace(tokens=[text.bos_token_id, *answer.tokens]) for answer in answers]
