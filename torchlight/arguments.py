"""From the settings to the arguments of feeders and model, and whether they fit together."""

from feeders.transforms import STREAMS
from torchlight.errors import InputError

CLIP_KEYS = ('data_path', 'benchmark', 'sample_path', 'label_map')  # of a feeder's arguments: which clips
VIDEO_KEYS = ('video_path', 'video_ablation', 'video_made_with')
TEXT_KEYS = ('text_path', 'object_path', 'text_ablation', 'text_made_with')


def without(arguments, keys):
    """The dictionary less these keys."""
    return {key: value for key, value in arguments.items() if key not in keys}


def feeder_arguments(arg):
    """{part: the feeder's arguments}: 'train', and 'val' to choose the best epoch on, when training; 'test'.

    Testing reads neither video nor text features, unless --refine asks for the text.
    """
    stream = STREAMS[arg.stream] if arg.stream else {}
    train, test = {**arg.train_feeder_args, **stream}, {**arg.test_feeder_args, **stream}
    text = {key: value for key, value in {**train, **test}.items() if key in TEXT_KEYS and value is not None}
    test = without(test, VIDEO_KEYS + TEXT_KEYS) | (text if arg.refine else {})
    if arg.refine and not text:
        raise InputError('--refine scores with the FRM, which needs text_path in test_feeder_args')
    if arg.refine and arg.phase == 'train' and not {'text_path', 'object_path'} & train.keys():
        raise InputError('--refine scores with the FRM, which trains only with text_path in train_feeder_args')
    if arg.phase == 'predict':
        if not arg.input:
            raise InputError('--phase predict needs --input, the clips to classify')
        return {'test': {**without(test, CLIP_KEYS), 'data_path': arg.input, 'split': 'all'}}
    if arg.phase == 'test':
        return {'test': test}
    if arg.phase != 'train':
        return {}
    if not arg.held_out:
        return {'train': train, 'test': test}
    clips = {key: value for key, value in train.items() if key in CLIP_KEYS}
    return {
        'train': {**train, 'held_out': arg.held_out},
        'val': {**test, **clips, 'split': 'held_out', 'held_out': arg.held_out},
        'test': test,
    }


def check_sizes(model_args):
    """Raise InputError unless model_args has the sizes that every model needs, as numbers above 0."""
    for key in ('num_class', 'num_point', 'num_person', 'in_channels'):
        value = model_args.get(key, 3 if key == 'in_channels' else None)
        if not isinstance(value, int) or value < 1:
            raise InputError(f'model_args says {key} {value!r}; expected a number from 1 on')


def check_fit(model_args, feeder, part, labelled=True):
    """Raise InputError where clips do not fit the model's person, joint, coordinate and (`labelled`) class counts."""
    expected = (model_args['num_person'], model_args['num_point'], model_args.get('in_channels', 3))
    if tuple(feeder.layout) != expected:
        raise InputError(
            f'the {part} clips have {"{} persons, {} joints, {} coordinates".format(*feeder.layout)}, and '
            f'model_args says num_person {expected[0]}, num_point {expected[1]}, '
            f'in_channels {expected[2]}'
        )
    lowest, highest = feeder.label.min(), feeder.label.max()
    if labelled and lowest < 0:
        raise InputError(f'some of the {part} clips have no label; --phase predict classifies them')
    if labelled and highest >= model_args['num_class']:
        raise InputError(
            f'the {part} clips have labels up to {highest}, so num_class must be at least '
            f'{highest + 1}; model_args says {model_args["num_class"]}'
        )


def with_widths(model_args, widths):
    """model_args with video_dim and text_dim as wide as the feeder's features; raises InputError where they differ.

    Branches without a feature are left out: the model is then the plain student.
    """
    args = {key: value for key, value in model_args.items() if key not in ('video_dim', 'text_dim')}
    for kind, width in widths.items():
        stated = model_args.get(f'{kind}_dim')
        if stated not in (None, width):
            raise InputError(f'the {kind} features are {width} wide, and model_args says {kind}_dim {stated}')
        args[f'{kind}_dim'] = width
    return args
