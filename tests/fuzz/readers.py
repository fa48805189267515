"""The readers of the program, a small file for each, and what of it they read, as bytes."""

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from Ensemble.streams import read_streams
from feeders.feature_store import open_features, write_features
from feeders.feeder_ucla import read_all_sqe
from feeders.integrity import refuse
from feeders.label_table import read_label_table, read_names
from feeders.mapped import read_npy
from feeders.public_npz import open_npz
from feeders.recordings.skeleton_file import read_skeleton
from feeders.skeleton_store import SkeletonStoreWriter
from model.ctrgcn import Model
from torchlight import checkpoint, record
from torchlight.config import load_yaml
from torchlight.optim import Optimizer
from torchlight.pickles import write_scores

STAR = {'num_point': 5, 'edges': [[1, 0], [2, 1], [3, 1], [4, 1]]}
NAMES = [f'S001C001P{person:03}R001A{action:03}' for person in (1, 2) for action in (1, 2, 3)]
RANDOM = np.random.default_rng(0)


class Reader(NamedTuple):
    """A kind of file.

    Attributes
    ----------
    make : folder → the file, as the program or a user writes it.
    read : file → what the program takes from it.
    checked : the file carries checksums, so that other values may never be read from it.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    checked: bool = False


def digest(*values):
    """A digest of nested values."""
    hasher = hashlib.sha256()
    for value in values:
        if isinstance(value, dict):
            value = [item for pair in value.items() for item in pair]
        if isinstance(value, (list, tuple)):
            hasher.update(digest(*value))
        elif isinstance(value, (np.ndarray, torch.Tensor)):
            array = np.asarray(value)
            hasher.update(f'{array.dtype}{array.shape}'.encode() + np.ascontiguousarray(array).tobytes())
        else:
            hasher.update(repr(value).encode())
    return hasher.digest()


def student():
    torch.manual_seed(0)
    return Model(3, 5, 1, 'graph.custom.Graph', STAR, base_channel=8)


def make_weights(folder):
    checkpoint.save(student().state_dict(), folder / 'best.pt')
    return folder / 'best.pt'


def make_checkpoint(folder):
    model = student()
    optimizer = Optimizer(model.parameters(), torch.device('cpu'), base_lr=0.1, num_epoch=2)
    row = {'epoch': 1, 'train': {'loss': 1.0, 'lr': 0.1}, 'val': {'loss': 1.0, 'top1': 0.5}}
    run = {'epoch': 1, 'global_step': 6, 'history': [row], 'best': {'accuracy': 0.5, 'epoch': 1, 'step': 6}}
    state = {'model': model.state_dict(), **run, 'within': None, 'arg': {'base_lr': 0.1}, **optimizer.state_dict()}
    checkpoint.save(state, folder / 'checkpoint.pt')
    return folder / 'checkpoint.pt'


def read_checkpoint(path):
    state = checkpoint.read_checkpoint(path, student())
    return digest(dict(state))


def make_scores(folder):
    write_scores(folder / 'x.pkl', NAMES, RANDOM.standard_normal((6, 4)))
    return folder / 'x.pkl'


def make_public_scores(folder):
    (folder / 'x.pkl').write_bytes(pickle.dumps({name: RANDOM.standard_normal(4).astype('f4') for name in NAMES}))
    return folder / 'x.pkl'


def read_scores(path):
    streams = read_streams({'J': path})
    return digest(*(getattr(streams, key) for key in streams._fields))


def make_store(folder):
    with SkeletonStoreWriter(folder / 'x.h5', 'ntu60', (2, 25, 3)) as store:
        for name in NAMES:
            store.add(name, int(name[-3:]) - 1, RANDOM.standard_normal((9, 1, 25, 3)))
    return folder / 'x.h5'


def read_store(path):
    from feeders.feeder_MMCL import Feeder

    feeder = Feeder(path, 'all', window_size=8)
    batch = feeder.__getitems__(range(len(feeder)))
    return digest(feeder.name, batch.label, batch.skeleton)


def make_features(folder):
    write_features(folder / 'video.h5', NAMES, RANDOM.standard_normal((6, 16)), encoder='x')
    return folder / 'video.h5'


def read_features(path):
    store = open_features(path)
    rows = store.rows(NAMES, 'video')
    refuse(path, store.faults(rows, NAMES))  # as a feeder does at their first use
    return digest(store.feature[rows], *store.statistics)


def make_npz(folder):
    x = RANDOM.standard_normal((3, 300, 150)).astype('f4') * (np.arange(300) < 20)[:, None]
    np.savez(folder / 'NTU60_CS.npz', x_train=x, y_train=np.eye(60)[:3], x_test=x, y_test=np.eye(60)[:3])
    return folder / 'NTU60_CS.npz'


def read_npz(path):
    store = open_npz(path, 'train')
    return digest(store.label, [store.clip(i) for i in range(len(store))])


def make_npy(folder):
    np.save(folder / 'x.npy', RANDOM.standard_normal((9, 25, 3)).astype('f4'))
    return folder / 'x.npy'


def make_ucla(folder):
    clip = {'file_name': 'a01_s01_e00_v01', 'label': 1, 'skeletons': RANDOM.standard_normal((4, 20, 3)).tolist()}
    (folder / 'a01_s01_e00_v01.json').write_text(json.dumps(clip))
    return folder / 'a01_s01_e00_v01.json'


def read_ucla(path):
    read_all_sqe.cache_clear()
    return digest(read_all_sqe(path.parent).frames)


def make_skeleton(folder):
    joint = '0.1 0.2 3.1 200 100 900 500 0.1 0.2 0.3 0.4 2\n'
    frame = '1\n72057594037944738 0 1 1 1 1 0 0.1 0.2 2\n25\n' + 25 * joint
    (folder / f'{NAMES[0]}.skeleton').write_text('3\n' + 3 * frame)
    return folder / f'{NAMES[0]}.skeleton'


def text(name, content):
    """Make a text file."""

    def make(folder):
        (folder / name).write_text(content)
        return folder / name

    return make


CONFIG = 'work_dir: ./x\nmodel_args: {num_class: 3, graph: graph.custom.Graph}\nstep: [35, 55]\nbase_lr: 1e-1\n'
KNOWN = 'work_dir', 'model_args', 'step', 'base_lr'
READERS = {
    'weights': Reader(make_weights, lambda path: digest(checkpoint.read_weights(path)), checked=True),
    'checkpoint': Reader(make_checkpoint, read_checkpoint, checked=True),
    'scores': Reader(make_scores, read_scores, checked=True),
    'public_scores': Reader(make_public_scores, read_scores),
    'store': Reader(make_store, read_store, checked=True),
    'features': Reader(make_features, read_features, checked=True),
    'npz': Reader(make_npz, read_npz),
    'npy': Reader(make_npy, lambda path: digest(read_npy(path))),
    'ucla': Reader(make_ucla, read_ucla),
    'skeleton': Reader(make_skeleton, lambda path: digest(read_skeleton(path))),
    'yaml': Reader(text('x.yaml', CONFIG), lambda path: digest(load_yaml(path, KNOWN))),
    'table': Reader(text('x.csv', 'name,label,split\na,0,train\nb,1,test\n'), lambda p: digest(read_label_table(p))),
    'names': Reader(text('x.txt', '\n'.join(NAMES)), lambda path: digest(read_names(path))),
    'record': Reader(text('run.json', '{"format": 1, "state": "running", "sessions": []}'),
                     lambda path: digest(record.read(path.parent))),
}  # fmt: skip
