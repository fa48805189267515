"""What the tests of the program share: its command line, and comparisons of what it leaves."""

import pickle

import numpy as np
import torch

import main_MMCL
from tests import helpers


def command_line(data, folder, *more):
    """The flags of a tiny student; a later flag overrides an earlier one."""
    clips = f'data_path={data}/skeletons.h5,window_size=16'
    train = f'{clips},video_path={data}/video.h5,text_path={data}/text.h5'
    flags = ['--work-dir', folder, '--train-feeder-args', train, '--test-feeder-args', clips]
    flags += ['--model-args', 'base_channel=8', '--device', 'cpu', '--batch-size', 12, '--num-epoch', 2]
    flags += ['--pictures', False, '--warm_up_epoch', 1, '--step', 2, '--save-epoch', 0, *more]
    return [str(flag) for flag in flags]


def scores(path):
    return pickle.loads(path.read_bytes())


def same_scores(a, b):
    return list(a) == list(b) and all(np.array_equal(a[name], b[name]) for name in a)


def same_weights(a, b):
    a, b = (torch.load(path, weights_only=True) for path in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def refused(capsys, argv):
    """The one line on stderr of a command line that must be refused."""
    return helpers.refused(capsys, main_MMCL.main, argv)
