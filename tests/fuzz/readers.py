"""The readers of the program, and what of a file they read, as bytes."""

import hashlib
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from Ensemble.labels import read_labels
from Ensemble.streams import read_streams
from feeders.datasets import DATASETS
from feeders.feature_store import FeatureStore, open_features
from feeders.feeder_MMCL import Feeder
from feeders.feeder_ucla import read_all_sqe
from feeders.integrity import refuse
from feeders.label_table import read_classes, read_label_table, read_names
from feeders.mapped import read_npy
from feeders.prepare import hand, import_pyskl, inspect, kinect
from feeders.prepare.ntu import read_excluded
from feeders.public_npz import open_npz
from feeders.recordings import crops
from feeders.recordings.clips import LeftOut, checked_frames
from feeders.recordings.normalise import normalise
from feeders.recordings.pose_estimators import read_poses
from feeders.recordings.skeleton_file import read_skeleton
from feeders.skeleton_store import open_clip
from LLMs.image_encoders import load_weights
from LLMs.images import ImageFolder
from LLMs.resume import PartialStore
from main_MMCL import get_parser
from tests.fuzz import files
from tests.fuzz.files import CONFIG, GRAPH, NAMES, ORIGIN
from torchlight import checkpoint, record
from torchlight.config import load_yaml, parse
from torchlight.imports import instantiate

BOX = 400, 200, 800, 900


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


def read_checkpoint(path):
    state = checkpoint.read_checkpoint(path, files.student())
    return digest(dict(state))


def read_scores(path):
    streams = read_streams({'J': path})
    return digest(*(getattr(streams, key) for key in streams._fields))


def read_store(path):
    feeder = Feeder(path, 'all', window_size=8)
    batch = feeder.__getitems__(range(len(feeder)))
    return digest(feeder.name, batch.label, batch.skeleton, feeder.classes, feeder.store.normalised)


def read_features(path):
    store = open_features(path)
    rows = store.rows(NAMES, 'video')
    refuse(path, store.faults(rows, NAMES))  # as a feeder does at their first use
    return digest(store.feature[rows], *store.statistics)


def read_npz(path):
    store = open_npz(path, 'train')
    return digest(store.label, [store.clip(i) for i in range(len(store))])


def read_features_folder(path):
    store = open_features(path.parent)
    return digest(store.name, store.feature, *store.statistics)


def read_clip(path):
    store = open_clip(path)
    refuse(path, store.faults(np.arange(1)))
    return digest(store.clip(0))


def read_ucla(path):
    read_all_sqe.cache_clear()
    return digest(read_all_sqe(path.parent).frames)


def read_recording(reader, path):
    """Read a clip as `feeders.prepare` does."""
    clip = reader.read(path)
    return digest(clip.name, checked_frames(clip.frames, reader.layout))


def read_pose(path):
    """The keypoints in a file, or in the folder of a frame of OpenPose."""
    path = path.parent if path.parent.name == 'clip' else path
    return digest(checked_frames(normalise(checked_frames(read_poses(path, 2), (2, 17, 3)), True), (2, 17, 3)))


def read_pyskl(path):
    """What `python -m feeders.prepare import-pyskl` stores."""
    flags = {'classes': None, 'split': None, 'num_person': None, 'graph': None, 'edges': None, 'normalise': False}
    reader = import_pyskl.Reader('custom', Namespace(pkl=path, out='x.h5', **flags))
    clips = [reader.read(clip) for clip in reader.sources() if not isinstance(clip, LeftOut)]
    return digest([(clip.name, clip.label, clip.split, checked_frames(clip.frames, reader.layout)) for clip in clips])


def read_sysu(path):
    return read_recording(kinect.SYSUReader('sysu', Namespace(joints=25, raw=[path.parents[2]])), path.parent)


def read_picture(path):
    return digest(np.asarray(ImageFolder(path.parent).read(path.stem)))


def read_video(path):
    return digest([np.asarray(crop) for crop in crops.read_crops(path, [(0, BOX), (3, BOX)])])


def read_partial(path):
    """The records that were never written: damaged ones are passed over, and their clips made anew."""
    records = PartialStore(path.parents[1] / 'x.h5', ORIGIN).records()
    return digest([record for record in records if record.name not in NAMES or digest(*record[1:]) != RECORDED])


def inspected(path):
    """What `python -m feeders.prepare inspect` prints."""
    store, path = inspect.open_any(path), str(path)
    examine = inspect.examine_features if isinstance(store, FeatureStore) else inspect.examine_skeletons
    return digest(*examine(store), *inspect.verify(path))


def read_config(path):
    return digest(vars(parse(get_parser(), ['--config', str(path)])))


def read_graph(path):
    args = load_yaml(path, ('num_point', 'edges', 'labeling_mode'))
    return digest(instantiate('graph.custom.Graph', args, 'graph_args').A)


RECORDED = digest(np.ones(3, np.float32), 'Yes.')
UTD, UCLA = kinect.UTDReader('utd-mhad', Namespace(joints=25)), kinect.UCLAReader('nw-ucla', Namespace())
TABLE = 'name,label,split\na,0,train\nb,1,test\n'
KNOWN = 'work_dir', 'model_args', 'step', 'base_lr'
READERS = {
    'weights': Reader(files.make_weights, lambda path: digest(checkpoint.read_weights(path)), checked=True),
    'public_weights': Reader(files.make_public_weights, lambda path: digest(checkpoint.read_weights(path))),
    'checkpoint': Reader(files.make_checkpoint, read_checkpoint, checked=True),
    'encoder': Reader(files.make_encoder, lambda path: digest(load_weights(files.encoder(), path).state_dict())),
    'scores': Reader(files.make_scores, read_scores, checked=True),
    'public_scores': Reader(files.make_public_scores, read_scores),
    'val_label': Reader(files.make_val_label, lambda path: digest(read_labels(str(path), NAMES))),
    'store': Reader(files.make_store, read_store, checked=True),
    'foreign_store': Reader(files.foreign(files.make_store), read_store),
    'features': Reader(files.make_features, read_features, checked=True),
    'foreign_features': Reader(files.foreign(files.make_features), read_features),
    'features_folder': Reader(files.make_npy, read_features_folder),
    'partial': Reader(files.make_partial, read_partial, checked=True),
    'inspect': Reader(files.foreign(files.make_store), inspected),
    'inspect_features': Reader(files.foreign(files.make_features), inspected),
    'inspect_npz': Reader(files.make_npz, inspected),
    'npz': Reader(files.make_npz, read_npz),
    'npy': Reader(files.make_npy, lambda path: digest(read_npy(path))),
    'clip': Reader(files.make_npy, read_clip),
    'ucla': Reader(files.make_ucla, read_ucla),
    'ucla_clip': Reader(files.make_ucla, lambda path: read_recording(UCLA, path)),
    'openpose': Reader(files.make_openpose, read_pose),
    'alphapose': Reader(files.make_alphapose, read_pose),
    'mmpose': Reader(files.make_mmpose, read_pose),
    'pyskl': Reader(files.make_pyskl, read_pyskl),
    'utd_clip': Reader(files.make_utd, lambda path: read_recording(UTD, path)),
    'sysu_clip': Reader(files.make_sysu, read_sysu),
    'hand': Reader(files.make_hand, lambda path: digest(hand.clip_name(path), hand.read_hand(path, (0, 2)))),
    'hand_split': Reader(files.text('train_gestures.txt', '1 1 1 1 1 1 9\n14 2 28 3 14 28 120\n'),
                         lambda path: digest(hand.read_split(path, DATASETS['shrec17']))),
    'hand_cuts': Reader(files.text('x.txt', '1 1 1 1 3 40\n14 2 20 5 0 99\n'),
                        lambda path: digest(hand.read_trimming(path, DATASETS['dhg']))),
    'skeleton': Reader(files.make_skeleton, lambda path: digest(read_skeleton(path))),
    'jpeg': Reader(files.picture('x.jpg'), read_picture),
    'png': Reader(files.picture('x.png'), read_picture),
    'webp': Reader(files.picture('x.webp'), read_picture),
    'bmp': Reader(files.picture('x.bmp'), read_picture),
    'video': Reader(files.make_video, read_video),
    'yaml': Reader(files.text('x.yaml', CONFIG), lambda path: digest(load_yaml(path, KNOWN))),
    'config': Reader(files.text('x.yaml', CONFIG), read_config),
    'graph': Reader(files.text('x.yaml', GRAPH), read_graph),
    'table': Reader(files.text('x.csv', TABLE), lambda p: digest(read_label_table(p))),
    'named_table': Reader(files.text('x.csv', TABLE.replace('0', 'sit').replace('1', 'wave')),
                          lambda p: digest(read_label_table(p))),
    'classes': Reader(files.text('x.txt', 'sit\nwave\n'), lambda path: digest(read_classes(path))),
    'names': Reader(files.text('x.txt', '\n'.join(NAMES)), lambda path: digest(read_names(path))),
    'excluded': Reader(files.text('x.txt', '\n'.join(NAMES)), lambda path: digest(sorted(read_excluded(path)))),
    'record': Reader(files.text('run.json', '{"format": 1, "state": "running", "sessions": []}'),
                     lambda path: digest(record.read(path.parent))),
}  # fmt: skip
