"""Chat models that see: DeepSeek-VL (Lu et al., 2024), GLM-4V (Hong et al., 2025) and any other that transformers
loads as an image-text-to-text model, asked in its own chat template."""

from LLMs.answers import end_tokens, last_states, read_answers
from LLMs.loading import from_pretrained, processor_of, require
from torchlight.errors import InputError

HUB_IDS = {'deepseek-vl': 'deepseek-community/deepseek-vl-1.3b-chat', 'glm-4v': 'zai-org/GLM-4.1V-9B-Thinking'}
PROMPT = (
    'The picture shows moments of one action, from left to right. Are the people holding objects, and which? '
    'What are they doing with their hands? Answer in one sentence.'
)


def load(source, dtype, device):
    """(model, processor) of an image-text-to-text model in a folder or on a hub."""
    transformers = require('transformers', 'this model')
    model, _ = from_pretrained(transformers.AutoModelForImageTextToText, source, dtype, device)
    return model, _processor(transformers, source, model.config)


def check_prompt(prompt):
    """Raise InputError for an empty prompt."""
    if not prompt.strip():
        raise InputError('--prompt is empty; say what the model is to answer about each picture')


def answer(loaded, images, prompt, max_new_tokens):
    """Put the same prompt beside each of a list of images; returns a list of Answers."""
    model, processor = loaded
    inputs = _inputs(processor, images, prompt).to(model.device)
    for name, value in inputs.items():
        inputs[name] = value.to(model.dtype) if value.is_floating_point() else value
    tokenizer = getattr(processor, 'tokenizer', processor)
    with last_states(model.get_output_embeddings()) as steps:
        sequences = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1)
    ends = end_tokens(model.generation_config.eos_token_id, tokenizer.eos_token_id)

    def decode(ids):
        return tokenizer.decode(ids, skip_special_tokens=True)

    return read_answers(sequences, steps, ends, decode)


def _inputs(processor, images, prompt):
    """The processor's tensors; prompts are padded on the left, so that every answer begins at the same place."""
    padding = {'padding': True, 'padding_side': 'left'}
    if not getattr(processor, 'chat_template', None):
        return processor(images=images, text=[prompt] * len(images), return_tensors='pt', **padding)
    chats = [
        [{'role': 'user', 'content': [{'type': 'image', 'image': image}, {'type': 'text', 'text': prompt}]}]
        for image in images
    ]
    return processor.apply_chat_template(
        chats,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors='pt',
        processor_kwargs=padding,
    )


def _processor(transformers, source, config):
    """The model's processor. Those that read videos too need torchvision for that part alone: without it, it goes."""
    if transformers.utils.is_torchvision_available():
        return processor_of(transformers.AutoProcessor, source)
    whole = transformers.PROCESSOR_MAPPING.get(type(config), None)
    if whole is None or 'video_processor' not in whole.get_attributes():
        return processor_of(transformers.AutoProcessor, source)

    class ImageProcessor(whole):
        @classmethod
        def get_attributes(cls):
            return [part for part in super().get_attributes() if part != 'video_processor']

    return processor_of(ImageProcessor, source)
