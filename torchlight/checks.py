"""What must fit together before the first batch: clips, features and the model's sizes."""
from torchlight.errors import InputError


def check_fit(model_args, feeder, part):
    """Raise InputError where the clips do not fit the model's class, person, joint and coordinate counts."""
    expected = (model_args.get('num_person'), model_args.get('num_point'), model_args.get('in_channels', 3))
    if feeder.layout != expected:
        raise InputError(f'the {part} clips have {"{} persons, {} joints, {} coordinates".format(*feeder.layout)}, and '
                         f'model_args says num_person {expected[0]}, num_point {expected[1]}, in_channels {expected[2]}')
    if feeder.label.max() >= model_args['num_class']:
        raise InputError(f'the {part} clips have labels up to {feeder.label.max()}, so num_class must be at least '
                         f'{feeder.label.max() + 1}; model_args says {model_args["num_class"]}')


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
