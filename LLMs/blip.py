"""BLIP for visual question answering (Li et al., ICML 2022), through transformers.

The decoder answers in a word or two: [bos, yes | no, sep], the three ids that the public MMCL code fed to its FRM.
"""

from LLMs.answers import end_tokens, last_states, read_answers
from LLMs.loading import from_pretrained, processor_of, require
from torchlight.errors import InputError

HUB_ID = 'Salesforce/blip-vqa-base'
PROMPT = 'whether the people are holding objects?'


def load(source, dtype, device):
    """(model, processor) of a BlipForQuestionAnswering in a folder or on a hub."""
    transformers = require('transformers', 'BLIP')
    model, _ = from_pretrained(transformers.BlipForQuestionAnswering, source, dtype, device)
    return model, processor_of(transformers.AutoProcessor, source)


def check_prompt(prompt):
    """Raise InputError unless the prompt asks something: the model was trained on questions alone."""
    if not prompt.strip().endswith('?'):
        raise InputError(f'--prompt is {prompt!r}, and BLIP answers questions: let it end with a question mark')


def answer(loaded, images, prompt, max_new_tokens):
    """Ask the same question about each of a list of images; returns a list of Answers, each with the leading bos."""
    model, processor = loaded
    inputs = processor(images=images, text=[prompt] * len(images), padding=True, return_tensors='pt')
    inputs = inputs.to(model.device)
    inputs['pixel_values'] = inputs['pixel_values'].to(model.dtype)
    with last_states(model.text_decoder.cls) as steps:
        sequences = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1)
    ends = end_tokens(model.config.text_config.sep_token_id)

    def decode(ids):
        return processor.decode(ids, skip_special_tokens=True)

    first = sequences[:, :1].tolist()
    return [
        answer._replace(tokens=bos + answer.tokens)
        for bos, answer in zip(first, read_answers(sequences, steps, ends, decode))
    ]
