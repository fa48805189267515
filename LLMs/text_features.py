"""Text features for FRM: `python -m LLMs.text_features --model blip --images DIR --out FILE.h5`.

A multimodal language model answers a prompt about each picture. What is kept of the answer, by --feature:
hidden    the mean of the last hidden states over its tokens: what the model knew when it answered;
tokens    its token ids, padded with 0 or cut to --length: what the public MMCL code fed to its FRM;
sentence  the sentence embedding of its text by --text-encoder.
The store also keeps the answers themselves.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from LLMs.answers import Answer, AnsweringModel
from LLMs.blip import Blip
from LLMs.chat import Chat
from LLMs.extraction import add_arguments, choose_device, extract
from LLMs.hub import DTYPES, from_pretrained, import_package, weights_digest
from LLMs.images import Picture, open_source
from LLMs.minigpt4 import CONFIG, MiniGPT4
from LLMs.resume import RESUME_HINT
from LLMs.sentence import SentenceEncoder
from torchlight import distributed
from torchlight.command import Parser, positive, run_command
from torchlight.errors import InputError

FEATURES = 'hidden', 'tokens', 'sentence'
MODELS = {  # --model: its class and hub id
    'blip': (Blip, 'Salesforce/blip-vqa-base'),
    'deepseek-vl': (Chat, 'deepseek-community/deepseek-vl-1.3b-chat'),
    'glm-4v': (Chat, 'zai-org/GLM-4.1V-9B-Thinking'),
}


def get_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(prog='python -m LLMs.text_features', description=__doc__)
    parser.add(
        '--model',
        required=True,
        help=f'model that answers: {", ".join(MODELS)}, minigpt-4, or the folder or hub id of a BLIP VQA or '
        'image-text-to-text model of transformers',
    )
    parser.add(
        '--prompt',
        help=f'what to ask about each picture (default: for BLIP {Blip.PROMPT!r}, for chat models {Chat.PROMPT!r}, for '
        'MiniGPT-4 the same without the first sentence)',
    )
    parser.add('--feature', choices=FEATURES, default='hidden', help='what to keep of each answer (default: hidden)')
    parser.add(
        '--length',
        type=positive,
        metavar='N',
        help=f'number of ids kept with --feature tokens (default: {Blip.LENGTH} for BLIP, --max-new-tokens for others)',
    )
    parser.add('--text-encoder', metavar='MODEL', help='folder or hub id of the text encoder of --feature sentence')
    parser.add(
        '--max-new-tokens', type=positive, default=40, metavar='N', help='longest answer, in tokens (default: 40)'
    )
    parser.add('--repo', metavar='DIR', help="folder of your clone of MiniGPT-4's repository, for --model minigpt-4")
    parser.add(
        '--repo-config', default=CONFIG, metavar='YAML', help=f"MiniGPT-4's evaluation config (default: {CONFIG})"
    )
    add_arguments(parser)
    return parser


def run(argv: Sequence[str] | None = None) -> int:
    """Make the store; return the exit status."""
    args = get_parser().parse_args(argv)
    if (args.feature == 'sentence') != bool(args.text_encoder):
        raise InputError('--feature sentence and --text-encoder go together')
    with distributed.process_group():
        source, dtype, device = open_source(args), DTYPES[args.dtype], choose_device(args)
        model_class, model_source = choose_model(args.model, (args.repo, args.repo_config))
        prompt = model_class.PROMPT if args.prompt is None else args.prompt
        model_class.check_prompt(prompt)
        model = model_class.load(model_source, dtype, device)
        sentences = SentenceEncoder.load(args.text_encoder, dtype, device) if args.text_encoder else None
        length = args.length or model_class.LENGTH or args.max_new_tokens
        origin = {
            'kind': 'text',
            'encoder': model.name,
            'weights': weights_digest(model.model),
            'dtype': args.dtype,
            'prompt': prompt,
            'feature_kind': f'tokens ({length})' if args.feature == 'tokens' else args.feature,
            'sentence_encoder': f'{sentences.name} {weights_digest(sentences.model)}' if sentences else '',
            'image': source.rule,
        }

        def encode(images: list[Picture]) -> list[tuple[np.ndarray, str]]:
            answers = model.answer(images, prompt, args.max_new_tokens)
            return list(zip(features_of(answers, args.feature, length, sentences), (a.text for a in answers)))

        return extract(source, encode, origin, args)


def features_of(answers: list[Answer], kind: str, length: int, encoder: SentenceEncoder | None = None) -> np.ndarray:
    """Turn N answers into features, (N, D) float32.

    Parameters
    ----------
    answers : N Answers.
    kind : str. One of FEATURES.
    length : int. D for 'tokens'.
    encoder : SentenceEncoder for 'sentence' (default None).
    """
    if kind == 'hidden':
        return np.stack([answer.hidden for answer in answers])
    if kind == 'sentence':
        return encoder.embed([answer.text for answer in answers]).numpy()
    return np.array([(answer.tokens + [0] * length)[:length] for answer in answers], np.float32)


def choose_model(model: str, clone: tuple[str | None, str] = (None, CONFIG)) -> tuple[type[AnsweringModel], Any]:
    """Find the class that answers for --model, and the source that it loads.

    Parameters
    ----------
    model : str. One of MODELS, 'minigpt-4', or a folder or hub id.
    clone : (folder, evaluation YAML). What --repo and --repo-config say; the source of MiniGPT-4.
    """
    if model == 'minigpt-4':
        return MiniGPT4, clone
    if model in MODELS:
        return MODELS[model]
    config = from_pretrained(import_package('transformers', f'--model {model}').AutoConfig, model)
    return (Blip if config.model_type == 'blip' else Chat), model


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(run, argv, RESUME_HINT)


if __name__ == '__main__':
    sys.exit(main())
