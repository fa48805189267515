"""Hostile HDF5 stores, public .npz files and clips (.npy)."""

import functools
import io
import os
import re
import shutil
import struct
import zipfile
import zlib

import h5py
import numpy as np

from feeders.skeleton_store import open_clip
from tests.fuzz.hostile_pickles import touch
from tests.fuzz.readers import READERS
from tests.fuzz.watch import MADE, SECRET, Hostile, written
from tests.helpers import without_checksums

FRAMES = 54, 2, 25, 3  # of the store


@functools.cache
def zeros(count):
    """Bytes that zlib inflates to so many zeros, multiples of 16 MB, made at once."""
    packer, block = zlib.compressobj(9), bytes(1 << 24)
    first, again = (packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (count // len(block) - 1) + packer.flush()[:-4] + struct.pack('>HH', count % 65521, 1)


# --- stores


def changed(kind, change):
    """A maker of a store without checksums that `change(file, folder)` makes hostile."""

    def make(folder):
        path = without_checksums(READERS[kind].make(folder))
        shutil.copy(path, folder / SECRET)
        with h5py.File(path, 'r+') as file:
            change(file, folder)
        return path

    return make


def instead(key, **options):
    """Puts another data set in the place of one."""

    def change(file, folder):
        file.pop(key, None)
        file.create_dataset(key, **{name: x(folder) if callable(x) else x for name, x in options.items()})

    return change


def link(key, make):
    """Puts a link in the place of a data set."""

    def change(file, folder):
        del file[key]
        file[key] = make(file, str(folder / SECRET))

    return change


def through_a_link(file, secret):
    file['away'] = h5py.ExternalLink(secret, '/')
    return h5py.SoftLink('/away/name')


def virtual(file, folder):
    del file['frames']
    layout = h5py.VirtualLayout(FRAMES, 'f4')
    layout[:] = h5py.VirtualSource(str(folder / SECRET), 'frames', FRAMES)
    file.create_virtual_dataset('frames', layout)


def own_filter(file, folder):
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((6,))
    settings.set_filter(32004, h5py.h5z.FLAG_OPTIONAL)
    labels = file['label'][:]
    del file['label']
    space = h5py.h5s.create_simple((6,))
    data = h5py.h5d.create(file.id, b'label', h5py.h5t.NATIVE_INT64, space, settings)
    data.write(h5py.h5s.ALL, h5py.h5s.ALL, labels)


def bomb(*filters):
    """Puts a chunk in the place of the frames that inflates to a hundred thousand times its size."""

    def change(file, folder):
        instead('frames', shape=FRAMES, dtype='f4', chunks=FRAMES, compression='gzip', **dict.fromkeys(filters, True))(
            file, folder
        )
        file['frames'].id.write_direct_chunk((0, 0, 0, 0), zeros(3 << 29) + b'\0\0\0\0' * ('fletcher32' in filters))

    return change


def repeated_text(kind, key, count):
    """A maker of a store whose texts are all one text of 16 MB, which the file has once."""

    def make(folder):
        path = changed(kind, instead(key, data=['x' * (1 << 24), *['y'] * (count - 1)], dtype=h5py.string_dtype()))(
            folder
        )
        with h5py.File(path) as file:
            place = file[key].id.get_offset()
        with open(path, 'r+b') as file:
            file.seek(place)
            text = file.read(16)
            file.seek(place)
            file.write(text * count)
        return path

    return make


def repeated_attribute(folder):
    """A store with an attribute of 4,000 texts that are all one text of 1 MB, which the file has once."""
    path = folder / 'x.h5'
    with h5py.File(READERS['store'].make(folder)) as made, h5py.File(folder / 'old', 'w') as file:  # without checksums
        for key in made:
            made.copy(key, file)
        file.attrs.update(made.attrs)
        file.attrs.create('x', ['x' * (1 << 20), *['y' * 77] * 3999], dtype=h5py.string_dtype())
    (folder / 'old').replace(path)
    data = path.read_bytes()
    first = re.search(struct.pack('<I', 1 << 20) + b'.{12}' + struct.pack('<I', 77), data, re.DOTALL).start()
    path.write_bytes(data[:first] + data[first : first + 16] * 4000 + data[first + 64000 :])
    return path


def long_attribute(folder):
    path = changed('store', lambda file, _: file.attrs.__delitem__('dataset'))(folder)
    with h5py.File(path, 'r+', libver='latest') as file:
        file.attrs['dataset'] = 'x' * 10**7
    return path


ELSEWHERE, WHERE = 'is a link to another place', 'is stored in other files'
STORES = {
    'has frames behind a link to another file': (
        changed('store', link('frames', lambda file, secret: h5py.ExternalLink(secret, 'frames'))),
        ELSEWHERE,
    ),
    'has names behind two links': (changed('store', link('name', through_a_link)), ELSEWHERE),
    'has checksums behind a link': (changed('store', lambda file, folder: file.__setitem__(
        'crc32', h5py.ExternalLink(str(folder / SECRET), 'label'))), ELSEWHERE),
    'has frames in the bytes of another file': (
        changed('store', instead('frames', shape=FRAMES, dtype='f4',
                                 external=lambda folder: [(str(folder / SECRET), 0, 32400)])), WHERE),
    'has a virtual data set over another file': (changed('store', virtual), WHERE),
    'needs a filter of its own': (changed('store', own_filter), 'needs the HDF5 filter 32004'),
    'claims 10^12 frames in chunks': (
        changed('store', instead('frames', shape=(10**12, *FRAMES[1:]), dtype='f4', chunks=(1000, *FRAMES[1:]))),
        'claims 600,000,000,000,000 bytes'),
    'claims 10^12 compressed frames': (
        changed('store', instead('frames', shape=(10**12, *FRAMES[1:]), dtype='f4', compression='gzip',
                                 chunks=(1000, *FRAMES[1:]))), 'claims 600,000,000,000,000 bytes'),
    'claims 10^12 frames in one piece': (
        changed('store', instead('frames', shape=(10**12, *FRAMES[1:]), dtype='f4')), 'bytes, but 0 are stored'),
    'claims 10^9 names': (
        changed('store', instead('name', shape=(10**9,), dtype=h5py.string_dtype(), chunks=(1000,))), 'claims 8,000,'),
    'claims names of 1 GB each': (
        changed('store', instead('name', shape=(6,), dtype='S1000000000', chunks=(1,))), "'name' claims"),
    'has a chunk that inflates beyond its size': (changed('store', bomb()), 'x.h5'),
    'has a chunk that inflates beyond its size, with a checksum': (changed('store', bomb('fletcher32')), 'x.h5'),
    'has one long name many times': (repeated_text('store', 'name', 600), 'x.h5'),
    'has an attribute of many copies of a text': (repeated_attribute, 'read'),
    'has an attribute of 10 MB': (long_attribute, 'read'),
    'has references to objects for names': (
        changed('store', instead('name', shape=(6,), dtype=h5py.ref_dtype)), "needs 'name'"),
    'has a group that contains itself for frames': (
        changed('store', link('frames', lambda file, secret: file['/'])), "needs 'frames'"),
    'has a name that leads to another folder': (
        changed('store', instead('name', data=['../x', *'abcde'])), 'empty, . or .., or contain'),
    'has a name that is an absolute path': (
        changed('store', instead('name', data=lambda folder: [str(folder / SECRET), *'abcde'])), 'or contain'),
    'has labels of 2^64': (
        changed('store', instead('label', data=np.full(6, 2**64 - 1, np.uint64))), 'beyond 9223372036854775807'),
    'has offsets that overflow': (
        changed('store', instead('offset', data=[0, 2**63 - 1, -(2**63) + 5, 9, 12, 15, 54])), 'do not fit'),
}  # fmt: skip
FEATURES = {
    'has features behind a link to another file': (
        changed('features', link('feature', lambda file, secret: h5py.ExternalLink(secret, 'feature'))), ELSEWHERE),
    'has statistics behind a link to another file': (
        changed('features', link('mean', lambda file, secret: h5py.ExternalLink(secret, 'mean'))), ELSEWHERE),
    'has one long answer many times': (repeated_text('features', 'answer', 600), 'video.h5'),
    'claims 10^12 features': (
        changed('features', instead('feature', shape=(10**12, 16), dtype='f4', chunks=(1000, 16))), 'claims'),
}  # fmt: skip


# --- .npz and .npy


def npy(header, data=bytes(16)):
    """The bytes of a .npy file with this text as its header."""
    text = header.encode()
    return b'\x93NUMPY\2\0' + struct.pack('<I', len(text) + 1) + text + b'\n' + data


def described(shape, descr="'<f4'"):
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}")


def objects(folder):
    file = io.BytesIO()
    np.save(file, np.array([touch(folder)], object), allow_pickle=True)
    return file.getvalue()


def members(inflated=None, **contents):
    """The bytes of a .npz of these members; x_train may be deflated bytes of this size."""

    def content(folder):
        file, small = io.BytesIO(), {'x_train': described((1, 0, 150)), 'y_train': described((0,)), **contents}
        with zipfile.ZipFile(file, 'w') as archive:
            for name, data in small.items():
                archive.writestr(f'{name}.npy', data(folder) if callable(data) else data)
            if inflated:
                member = archive.getinfo('x_train.npy')
                member.compress_type, member.file_size = zipfile.ZIP_DEFLATED, inflated
        return file.getvalue()

    return content


CALL = "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os').system('touch made')}"
NPZ = {
    'has objects that run a command': members(x_train=objects),
    'has labels that run a command': members(y_train=objects),
    'has a header that calls a function': members(x_train=npy(CALL)),
    'inflates to 1.6 GB': members((3 << 29), x_train=zeros(3 << 29)[2:-4]),
    'claims 10^12 clips': members(x_train=described((10**12, 300, 150))),
    'claims 10^12 classes': members(y_train=described((1, 10**12))),
}
NPY = {
    'has objects that run a command': objects,
    'has a header that calls a function': npy(CALL.replace('made', MADE)),
    'has a header of brackets inside one another': npy('[' * 9000),
    'has a header of 4 GB': b'\x93NUMPY\2\0\xff\xff\xff\xff' + b' ' * 100,
    'has a header of minus signs': npy('-' * 9000 + '1'),
    'claims 10^12 numbers': described((10**12,)),
    'claims a negative number of numbers': described((-2, -2)),
    'claims texts of 10^9 characters': described((1,), "'<U1000000000'"),
    'claims records inside records': described((1,), "[('a', '<f4', (10000, 10000))]"),
}


def device(folder):
    os.symlink('/dev/zero', folder / 'x.npy')
    return folder / 'x.npy'


def read_clip(path):
    return open_clip(path).layout


KINDS = {
    'a store': {tries: Hostile(make, READERS['store'].read, says) for tries, (make, says) in STORES.items()},
    'a feature store': {
        tries: Hostile(make, READERS['features'].read, says) for tries, (make, says) in FEATURES.items()
    },
    'an .npz': {
        tries: Hostile(written('NTU60_CS.npz', content), READERS['npz'].read, 'NTU60_CS.npz')
        for tries, content in NPZ.items()
    },
    'an .npy': {
        **{
            tries: Hostile(written('x.npy', content), read_clip, 'x.npy is not a .npy array of numbers')
            for tries, content in NPY.items()
        },
        'is a link to a device': Hostile(device, read_clip, 'x.npy does not exist or is not a file'),
    },
}
