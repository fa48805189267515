"""The public NTU arrays: x_train (N, 300, 150), y_train one-hot, x_test, y_test, in the public order.

Legend: N clips, T = 300 frames, 150 = 2 persons × 25 joints × xyz.
"""

import zipfile
from pathlib import Path

import numpy as np

from feeders.prepare.build import whole_or_error
from feeders.splits import PROTOCOLS, is_train, public_order
from feeders.stores import open_skeletons
from torchlight.errors import InputError
from torchlight.files import atomic_path

FRAMES = 300  # the longest NTU clip
FILES = {
    ('ntu60', 'xsub'): 'NTU60_CS.npz',
    ('ntu60', 'xview'): 'NTU60_CV.npz',
    ('ntu120', 'xsub'): 'NTU120_CSub.npz',
    ('ntu120', 'xset'): 'NTU120_CSet.npz',
}
NUM_CLASS = {'ntu60': 60, 'ntu120': 120}


def write_public_npz(store_path, folder):
    """Write both protocols' arrays of an NTU store into `folder`, clip by clip, uncompressed as the public ones.

    Raises InputError where a clip is longer than 300 frames.
    """
    store = open_skeletons(store_path)
    too_long = [name for name, length in zip(store.name, store.length) if length > FRAMES]
    if too_long:
        raise InputError(
            f'{len(too_long)} clips are longer than the {FRAMES} frames of the public .npz, the first: '
            f'{too_long[0]}; the store {store_path} holds them, no .npz is written'
        )
    row = {name: index for index, name in enumerate(store.name)}
    for benchmark in PROTOCOLS[store.dataset]:
        path = Path(folder) / FILES[store.dataset, benchmark]
        with whole_or_error(path), atomic_path(path) as temporary, zipfile.ZipFile(temporary, 'w') as archive:
            for split in ('train', 'test'):
                names = [name for name in store.name if is_train(name, store.dataset, benchmark) == (split == 'train')]
                rows = [row[name] for name in public_order(names, benchmark)]
                _write_member(
                    archive,
                    f'x_{split}',
                    (len(rows), FRAMES, 150),
                    np.float32,
                    (padded(store, index) for index in rows),
                )
                one_hot = np.eye(NUM_CLASS[store.dataset])[store.label[rows]]
                _write_member(archive, f'y_{split}', one_hot.shape, np.float64, [one_hot])
        print(f'{path}: {len(store)} clips')


def padded(store, index):
    """(300, 150) float32: a clip as the public arrays hold it; NTU120 copies a one-person clip's actor to slot 2."""
    frames = np.zeros((FRAMES, 2, 25, 3), np.float32)
    frames[: store.length[index]] = store.clip(index)
    if store.dataset == 'ntu120' and store.person[index] == 1:
        frames[:, 1] = frames[:, 0]
    return frames.reshape(FRAMES, 150)


def _write_member(archive, key, shape, dtype, blocks):
    with archive.open(f'{key}.npy', 'w', force_zip64=True) as member:
        header = {'descr': np.lib.format.dtype_to_descr(np.dtype(dtype)), 'fortran_order': False, 'shape': shape}
        np.lib.format.write_array_header_1_0(member, header)
        for block in blocks:
            member.write(block.tobytes())
