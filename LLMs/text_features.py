"""Text features for FRM: `python -m LLMs.text_features --model blip --images DIR --out FILE.h5`.

A multimodal language model answers a prompt about each picture. What is kept of the answer, by --feature:
hidden    the mean of the last hidden states over its tokens, so what the model knew when it answered;
tokens    its token ids, padded with 0 or cut to --length: what the public MMCL code fed to its FRM;
sentence  the sentence embedding of its text by --text-encoder.
The answers themselves stand in the store too.
"""

import argparse
import sys

import numpy as np

from LLMs import blip, chat, minigpt4, sentence
from LLMs.extraction import add_arguments, choose_device, extract, run_command
from LLMs.images import open_source
from LLMs.loading import DTYPES, processor_of, require, title, weights_digest
from torchlight.config import Parser
from torchlight.errors import InputError

FEATURES = 'hidden', 'tokens', 'sentence'
BLIP_LENGTH = 3  # [bos, yes | no, sep]


def get_parser():
    """The flags."""
    parser = Parser(
        prog='python -m LLMs.text_features', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add(
        '--model',
        required=True,
        help='blip, deepseek-vl, glm-4v, minigpt-4, or the folder or hub id of a '
        'BLIP VQA or image-text-to-text model of transformers',
    )
    parser.add('--prompt', help=f'what to ask (default for BLIP: {blip.PROMPT!r}; for the others: {chat.PROMPT!r})')
    parser.add('--feature', choices=FEATURES, default='hidden', help='what to keep of the answer')
    parser.add(
        '--length',
        type=int,
        metavar='N',
        help=f'ids to keep with --feature tokens (default: {BLIP_LENGTH} for BLIP, --max-new-tokens for the others)',
    )
    parser.add('--text-encoder', metavar='MODEL', help='folder or hub id, for --feature sentence')
    parser.add('--max-new-tokens', type=int, default=40, metavar='N', help='the longest answer')
    parser.add('--repo', metavar='DIR', help="your clone of MiniGPT-4's repository, for --model minigpt-4")
    parser.add('--repo-config', default=minigpt4.CONFIG, metavar='YAML', help='its evaluation config')
    add_arguments(parser)
    return parser


def run(args):
    """Make the store; returns the exit status."""
    source, length = open_source(args), args.length
    if (args.feature == 'sentence') != bool(args.text_encoder):
        raise InputError('--feature sentence and --text-encoder go together')
    if args.max_new_tokens < 1 or (length is not None and length < 1):
        raise InputError(f'--max-new-tokens is {args.max_new_tokens} and --length {length}; both count from 1')
    family, hub_id = choose_family(args.model)
    prompt = family.PROMPT if args.prompt is None else args.prompt
    family.check_prompt(prompt)
    device, dtype = choose_device(args), DTYPES[args.dtype]
    if family is minigpt4:
        loaded = minigpt4.load(args.repo, args.repo_config, dtype, device)
    else:
        loaded = family.load(hub_id, dtype, device)
    sentences = sentence.load(args.text_encoder, dtype, device) if args.text_encoder else None
    length = length or (BLIP_LENGTH if family is blip else args.max_new_tokens)
    origin = {
        'kind': 'text',
        'encoder': 'minigpt-4' if family is minigpt4 else title(hub_id),
        'weights': weights_digest(loaded[0]),
        'dtype': args.dtype,
        'prompt': prompt,
        'feature_kind': f'tokens ({length})' if args.feature == 'tokens' else args.feature,
        'sentence_encoder': f'{title(args.text_encoder)} {weights_digest(sentences[0])}' if sentences else '',
        'image': source.rule,
    }

    def encode(images):
        answers = family.answer(loaded, images, prompt, args.max_new_tokens)
        return list(zip(features_of(answers, args.feature, length, sentences), (answer.text for answer in answers)))

    return extract(source, encode, origin, args)


def features_of(answers, kind, length, sentences=None):
    """list of N Answers → (N, D) float32.

    Args:
        kind: one of FEATURES. length: D for 'tokens'. sentences: what sentence.load gave, for 'sentence'.
    """
    if kind == 'hidden':
        return np.stack([answer.hidden for answer in answers])
    if kind == 'sentence':
        return sentence.embed(sentences, [answer.text for answer in answers]).numpy()
    return np.array([(answer.tokens + [0] * length)[:length] for answer in answers], np.float32)


def choose_family(model):
    """The adapter of a model (load, check_prompt, answer, PROMPT), and its folder or hub id (None for MiniGPT-4)."""
    if model == 'minigpt-4':
        return minigpt4, None
    if model == 'blip':
        return blip, blip.HUB_ID
    if model in chat.HUB_IDS:
        return chat, chat.HUB_IDS[model]
    config = processor_of(require('transformers', f'--model {model}').AutoConfig, model)
    return (blip if config.model_type == 'blip' else chat), model


def main(argv=None):
    return run_command(run, get_parser(), argv)


if __name__ == '__main__':
    sys.exit(main())
