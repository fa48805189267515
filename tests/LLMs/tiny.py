"""Tiny models of the real classes, built from their configs with random weights and saved as a hub's folders are."""

import json

import numpy as np
import torch
from PIL import Image

QUESTION = 'whether the people are holding objects?'
WORDS = (
    '<pad> <s> </s> <unk> <image> <|begin_of_image|> <|end_of_image|> <|image|> <|video|> <|begin_of_video|> '
    '<|end_of_video|> USER ASSISTANT : yes no whether the people are holding objects ? red green blue a'
).split()
BLIP_WORDS = '[PAD] [UNK] [CLS] [SEP] [MASK] [DEC] yes no whether the people are holding objects ? red green'.split()
TEMPLATE = (
    "{% for message in messages %}USER :{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    "IMAGE{% else %} {{ part['text'] }}{% endif %}{% endfor %}{% endfor %} ASSISTANT :"
)
VISION = {
    'hidden_size': 32,
    'intermediate_size': 32,
    'num_hidden_layers': 1,
    'num_attention_heads': 2,
    'image_size': 32,
    'patch_size': 16,
}
TEXT = {
    'vocab_size': len(WORDS),
    'hidden_size': 32,
    'intermediate_size': 32,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'num_key_value_heads': 2,
    'pad_token_id': 0,
    'bos_token_id': 1,
    'eos_token_id': 2,
    'initializer_range': 0.5,
}


def pictures(folder, count=4, side=64):
    """`count` pictures of unlike patterns, clip_0.png …; returns the folder."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.NEAREST).save(folder / f'clip_{index}.png')
    return folder


def enlarge(model):
    """Weights so large that unlike pictures get unlike answers; return the model in evaluation mode."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.35)
    return model.eval()


def save(folder, model, processor):
    enlarge(model).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def blip(folder):
    from transformers import BertTokenizer, BlipConfig, BlipForQuestionAnswering, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    folder.mkdir()
    (folder / 'vocab.txt').write_text('\n'.join(BLIP_WORDS))
    text = {
        **TEXT,
        'vocab_size': len(BLIP_WORDS),
        'encoder_hidden_size': 32,
        'max_position_embeddings': 32,
        'bos_token_id': 5,
        'eos_token_id': 3,
        'sep_token_id': 3,
    }
    model = BlipForQuestionAnswering(BlipConfig(text_config=text, vision_config=VISION))
    return save(
        folder,
        model,
        BlipProcessor(
            BlipImageProcessorPil(size={'height': 32, 'width': 32}), BertTokenizer(str(folder / 'vocab.txt'))
        ),
    )


def deepseek_vl(folder):
    from transformers import DeepseekVLConfig, DeepseekVLForConditionalGeneration, DeepseekVLProcessor
    from transformers.models.deepseek_vl.image_processing_pil_deepseek_vl import DeepseekVLImageProcessorPil

    config = DeepseekVLConfig(
        text_config={'model_type': 'llama', **TEXT},
        vision_config={'model_type': 'siglip_vision_model', **VISION},
        image_token_id=4,
    )
    processor = DeepseekVLProcessor(
        DeepseekVLImageProcessorPil(size={'height': 32, 'width': 32}),
        tokenizer('<image>'),
        TEMPLATE.replace('IMAGE', '<image>'),
        num_image_tokens=4,
    )
    return save(folder, DeepseekVLForConditionalGeneration(config), processor)


def glm_4v(folder):
    from transformers import Glm4vConfig, Glm4vForConditionalGeneration
    from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil

    marks = {
        f'{kind}{part}_token_id': WORDS.index(f'<|{before}{kind}|>')
        for kind in ('image', 'video')
        for part, before in (('', ''), ('_start', 'begin_of_'), ('_end', 'end_of_'))
    }
    rope = {'rope_type': 'default', 'rope_theta': 10000.0, 'mrope_section': [2, 3, 3]}
    config = Glm4vConfig(
        text_config={**TEXT, 'rope_parameters': rope},
        **marks,
        vision_config={
            'depth': 1,
            'hidden_size': 32,
            'num_heads': 2,
            'image_size': 28,
            'patch_size': 14,
            'out_hidden_size': 32,
            'intermediate_size': 32,
        },
    )
    enlarge(Glm4vForConditionalGeneration(config)).save_pretrained(folder)
    images = Glm4vImageProcessorPil(size={'shortest_edge': 56 * 56, 'longest_edge': 2 * 56 * 56})
    words = tokenizer('<|image|>')
    words.chat_template = TEMPLATE.replace('IMAGE', '<|begin_of_image|><|image|><|end_of_image|>')
    for part in (images, words):  # as Glm4vProcessor saves them; it cannot be made without torchvision
        part.save_pretrained(folder)
    (folder / 'processor_config.json').write_text(json.dumps({'processor_class': 'Glm4vProcessor'}))
    return folder


def tokenizer(image_token):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token='<unk>'))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token='<pad>',
        bos_token='<s>',
        eos_token='</s>',
        unk_token='<unk>',
        additional_special_tokens=[word for word in WORDS if word.startswith('<|') or word == '<image>'],
        extra_special_tokens={'image_token': image_token},
    )


def clip(folder):
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    config = CLIPConfig(
        vision_config=VISION,
        projection_dim=12,
        text_config={
            'hidden_size': 16,
            'intermediate_size': 16,
            'num_hidden_layers': 1,
            'num_attention_heads': 2,
            'vocab_size': 20,
            'max_position_embeddings': 8,
        },
    )
    return save(
        folder,
        CLIPModel(config),
        CLIPImageProcessorPil(size={'shortest_edge': 32}, crop_size={'height': 32, 'width': 32}),
    )


def videomae(folder):
    from transformers import VideoMAEConfig, VideoMAEModel
    from transformers.models.videomae.image_processing_pil_videomae import VideoMAEImageProcessorPil

    config = VideoMAEConfig(**VISION, num_frames=8, tubelet_size=2, use_mean_pooling=False)
    return save(
        folder,
        VideoMAEModel(config),
        VideoMAEImageProcessorPil(size={'shortest_edge': 32}, crop_size={'height': 32, 'width': 32}),
    )


def bert(folder):
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir()
    (folder / 'vocab.txt').write_text('\n'.join(BLIP_WORDS))
    config = BertConfig(
        vocab_size=len(BLIP_WORDS),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
    )
    return save(folder, BertModel(config, add_pooling_layer=False), BertTokenizer(str(folder / 'vocab.txt')))


MAKERS = {'blip': blip, 'deepseek-vl': deepseek_vl, 'glm-4v': glm_4v}
