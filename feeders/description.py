"""What a weights file says of itself, so that it can be used alone: its model, its preprocessing and its classes.

{"format": 1, "config": "<YAML>", "dataset": "ntu60", "classes": ["drink water", …]}
"""

import argparse
from typing import Any

from feeders.datasets import DATASETS
from feeders.feeder import Feeder
from torchlight import config
from torchlight.errors import InputError
from torchlight.files import require_file
from torchlight.tensor_files import read_description

CARRIED = 'model', 'model_args', 'feeder', 'test_feeder_args', 'stream'  # settings


def describe(arg: argparse.Namespace, feeder: Feeder) -> dict[str, Any]:
    """Return what weights that are trained with these settings on the clips of a feeder say of themselves."""
    text = config.dump_only(arg, CARRIED)
    return {'format': 1, 'config': text, 'dataset': feeder.dataset, 'classes': list(feeder.classes)}


def carried_settings(words: argparse.Namespace) -> tuple[str, str] | None:
    """Return the text of the settings in --weights, and the path of that file, for `torchlight.config.parse`.

    None to train, as the weights to begin with may be of another model, and if there are none.

    Raises
    ------
    InputError
        If the weights carry no settings.
    """
    if words.phase == 'train' or not words.weights:
        return None
    text = read_description(require_file(words.weights)).get('config')
    if not isinstance(text, str):
        raise InputError(f'{words.weights} carries no settings; give the YAML file of its training with --config')
    return text, words.weights


def class_names(weights: str, feeder: Feeder, num_class: int) -> list[str]:
    """Return the names of the classes by label.

    Weights that do not name them have those of the clips, if a data set has just these; otherwise the list is empty.
    """
    names = read_description(weights).get('classes')
    if isinstance(names, list):
        return [name if isinstance(name, str) and name.isprintable() else '' for name in names]
    names = list(feeder.classes)[:num_class]
    return names if any(names == list(row.classes) for row in DATASETS.values()) else []
