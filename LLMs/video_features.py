"""Video features for FAM: `python -m LLMs.video_features --encoder inception_v3 --images DIR --out FILE.h5`."""

import sys

from feeders.prepare.crops import MOMENTS
from LLMs import image_encoders
from LLMs.extraction import add_arguments, choose_device, extract, run_command
from LLMs.images import open_source
from LLMs.loading import DTYPES, weights_digest
from torchlight.config import Parser


def get_parser():
    """The flags."""
    parser = Parser(prog='python -m LLMs.video_features', description=__doc__.split(':')[0])
    parser.add(
        '--encoder',
        required=True,
        help=f'{", ".join(image_encoders.CLASSIFIERS)}, or the folder or hub id '
        'of an image or video encoder of transformers (CLIP, DINOv2, VideoMAE …)',
    )
    parser.add('--weights', metavar='FILE', help='of a classifier, instead of its published ones')
    parser.add(
        '--strips', type=int, default=MOMENTS, metavar='N', help='crops in a picture, the frames of a video encoder'
    )
    add_arguments(parser)
    return parser


def run(args):
    """Make the store; returns the exit status."""
    source = open_source(args)
    encoder = image_encoders.load(args.encoder, args.weights, DTYPES[args.dtype], choose_device(args), args.strips)
    origin = {
        'kind': 'video',
        'encoder': encoder.name,
        'weights': weights_digest(encoder.model),
        'dtype': args.dtype,
        'prompt': '',
        'feature_kind': encoder.feature,
        'image': f'{source.rule}; {encoder.rule}',
    }

    def encode(images):
        return [(feature, '') for feature in encoder(images).numpy()]

    return extract(source, encode, origin, args)


def main(argv=None):
    return run_command(run, get_parser(), argv)


if __name__ == '__main__':
    sys.exit(main())
