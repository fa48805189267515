"""Video features for FAM: `python -m LLMs.video_features --encoder inception_v3 --images DIR --out FILE.h5`."""

import sys
from collections.abc import Sequence

import numpy as np

from feeders.recordings.crops import MOMENTS
from LLMs import image_encoders
from LLMs.extraction import add_arguments, choose_device, extract
from LLMs.hub import DTYPES, weights_digest
from LLMs.images import Picture, open_source
from LLMs.resume import RESUME_HINT
from torchlight import distributed
from torchlight.command import Parser, positive, run_command


def get_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(prog='python -m LLMs.video_features', description=__doc__.split(':')[0])
    parser.add(
        '--encoder',
        required=True,
        help=f'encoder of the pictures: {", ".join(image_encoders.CLASSIFIERS)}, or the folder or hub id of an image '
        'or video encoder of transformers (CLIP, DINOv2, VideoMAE, …)',
    )
    parser.add('--weights', metavar='FILE', help="file with a classifier's weights (default: its published ones)")
    parser.add(
        '--strips',
        type=positive,
        default=MOMENTS,
        metavar='N',
        help=f'number of crops side by side in a picture, which are the frames of a video encoder (default: {MOMENTS})',
    )
    add_arguments(parser)
    return parser


def run(argv: Sequence[str] | None = None) -> int:
    """Make the store; return the exit status."""
    args = get_parser().parse_args(argv)
    with distributed.process_group():
        source, device = open_source(args), choose_device(args)
        encoder = image_encoders.load(args.encoder, args.weights, DTYPES[args.dtype], device, args.strips)
        origin = {
            'kind': 'video',
            'encoder': encoder.name,
            'weights': weights_digest(encoder.model),
            'dtype': args.dtype,
            'prompt': '',
            'feature_kind': encoder.feature,
            'image': f'{source.rule}; {encoder.rule}',
        }

        def encode(images: list[Picture]) -> list[tuple[np.ndarray, str]]:
            return [(feature, '') for feature in encoder(images).numpy()]

        return extract(source, encode, origin, args)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(run, argv, RESUME_HINT)


if __name__ == '__main__':
    sys.exit(main())
