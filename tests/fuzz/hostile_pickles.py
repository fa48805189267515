"""Hostile score pickles, weights and checkpoints."""

import io
import os
import pickle
import zipfile

import numpy as np
import torch

from tests.fuzz.files import student
from tests.fuzz.readers import READERS
from tests.fuzz.watch import MADE, SECRET, Hostile, written


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def touch(folder):
    return Call(os.system, f'touch {folder / MADE}')


def pickled(value, protocol=2):
    """The bytes of what a function of the folder returns."""
    return lambda folder: pickle.dumps(value(folder), protocol)


def number(value):
    """The operation for a large number."""
    return b'\x8a\x0c' + value.to_bytes(12, 'little')


def array(shape, dtype=b'f4', raw=b'C\x01x'):
    """The operations for an array, whose shape and bytes are given as operations."""
    made = b'cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R'
    return made + b'(K\x01' + shape + b'cnumpy\ndtype\nV' + dtype + b'\n\x85R\x89' + raw + b'tb.'


# --- score pickles

BIG, MANY = number(10**12), 10**4
ITEMS, TEXT = b'(' + b'N' * 10**5 + b'l\x94', b'X' + (10**5).to_bytes(4, 'little') + b'x' * 10**5 + b'\x94'
COLLIDING = b''.join(number((2**61 - 1) * i) + b'N' for i in range(3 * MANY))
RECORDS = pickle.dumps(np.arange(2.0), 3).replace(b'J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t', b'N\x8c\x01a\x85t')
SCORES = {
    'runs a command': pickled(lambda folder: {'a': touch(folder)}),
    'runs a command from inside an array': pickled(lambda folder: {'a': np.array([touch(folder)], object)}, 4),
    'runs text': pickled(lambda folder: Call(eval, f"open({str(folder / MADE)!r}, 'w')"), 0),
    'opens another file': pickled(lambda folder: {'a': Call(open, str(folder / SECRET))}),
    'has NumPy read another file': pickled(lambda folder: {'a': Call(np.fromfile, str(folder / SECRET))}),
    'imports a module': b'cevil\nFeeder\n.',
    'asks for an attribute of a class that is admitted': b'\x80\x04\x8c\x05numpy\x8c\rdtype.__call__\x93.',
    'has a key 300,000 tuples deep': b'})' + b'\x85' * 300_000 + b'Ns.',
    'has a key that takes 2^60 steps to compare': b'})' + b'2\x86' * 60 + b'Ns.',
    'has a set with such a key': b'cbuiltins\nset\n])' + b'2\x86' * 60 + b'a\x85R.',
    'has keys of one hash': b'}(' + COLLIDING + b'u.',
    'claims the elements of an array': array(BIG + b'\x85'),
    'has an array of many dimensions': array(b'(' + BIG * 40 + b't'),
    'has an array of empty elements': array(BIG + b'\x85', b'U0', b'C\x00'),
    'has an array of objects made of bytes': array(b'K\x01\x85', b'O8', b'C\x08abcdefgh'),
    'makes an array at once': b'cnumpy\nndarray\n' + BIG + b'\x85\x85R.',
    'makes bytes by their number': b'cbuiltins\nbytes\n' + BIG + b'\x85R.',
    'makes a bytearray by its number': b'\x96' + (10**11).to_bytes(8, 'little') + b'x.',
    'makes such a bytearray after a tuple': b'N\x850\x96' + (10**11).to_bytes(8, 'little') + b'x.',
    'has a text longer than any memory': b'\x8e' + (2**63 - 1).to_bytes(8, 'little') + b'x.',
    'has a scalar without its bytes': b'cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nVS999999999\n\x85R\x85R.',
    'copies a list': b'(' + ITEMS + b'cbuiltins\nfrozenset\nh\x00\x85R' * MANY + b'l.',
    'copies a text': b'(' + TEXT + b'c_codecs\nencode\nh\x00\x8c\x06latin1\x86R' * MANY + b'l.',
    'has a dtype of records': RECORDS.replace(b'NNN', b'\x8c\x01a\x85NN', 1),
}
NESTED = b']' * 300_000 + b'a' * 299_999 + b'.'  # lists that are not deep in Python, but when they are compared


def after_protocol(content):
    return content if callable(content) or content[:1] == b'\x80' else b'\x80\5' + content


def poses(**values):
    """The bytes of a pose pickle with one annotation."""
    annotation = {'frame_dir': 'a', 'label': 0, 'keypoint': np.ones((1, 4, 17, 2)), **values}
    return pickle.dumps({'split': {'train': ['a'], 'val': ['b']}, 'annotations': [annotation]}, 2)


# --- weights


def saved(value, **options):
    """The bytes that torch.save writes of what a function of the folder returns."""

    def content(folder):
        file = io.BytesIO()
        torch.save(value(folder), file, **options)
        return file.getvalue()

    return content


def archive(program, **records):
    """The bytes of a file of tensors with this pickle and more records."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as out:
        for name, data in {'data.pkl': program, 'version': b'3\n', 'byteorder': b'little', **records}.items():
            out.writestr(f'x/{name}', data)
    return file.getvalue()


def claiming(old, new, value=lambda folder: {'a': torch.zeros(77)}, **options):
    """A file of 77 numbers with other operations in its pickle."""
    original = saved(value, **options)

    def content(folder):
        data = original(folder)
        if not data.startswith(b'PK'):
            assert data.count(old) == 1
            return data.replace(old, new)
        with zipfile.ZipFile(io.BytesIO(data)) as source:
            program, numbers = source.read('archive/data.pkl'), source.read('archive/data/0')
        assert program.count(old) == 1
        return archive(program.replace(old, new), **{'data/0': numbers})

    return content


def compressed(folder):
    """A file whose records are compressed."""
    with zipfile.ZipFile(folder / 'bomb', 'w', zipfile.ZIP_DEFLATED) as out:
        for name, data in (('data.pkl', pickle.dumps({}, 2)), ('version', b'3\n'), ('data/0', bytes(10**7))):
            out.writestr(f'x/{name}', data)
    return (folder / 'bomb').read_bytes()


def code(folder):
    return {'fc.weight': touch(folder)}


LEGACY = {'_use_new_zipfile_serialization': False}
BY_NUMBER = b'\x80\2ctorch\nTensor\n\x8a\x05\0\0\0\0\x10\x85R.'
WEIGHTS = {
    'run a command': saved(code),
    'run a command in a file of the old form': saved(code, **LEGACY),
    'run a command in a plain pickle': pickled(code),
    'run a command in an object with a state': pickled(
        lambda folder: {'a': torch.nn.Parameter(torch.ones(1)), **code(folder)}
    ),
    'have a program of TorchScript': archive(b'\x80\2}.', **{'constants.pkl': b'\x80\2).', 'code/x.py': b'import os'}),
    'make a tensor by its number': archive(BY_NUMBER),
    'make a bytearray by its number': archive(b'\x80\2cbuiltins\nbytearray\n\x8a\x05\0\0\0\0\x10\x85R.'),
    'have a key that takes 2^60 steps to compare': archive(b'\x80\2})q\0' + b'h\0h\0\x86q\0' * 60 + b'Ns.'),
    'have a counter of such keys': archive(b'\x80\2ccollections\nCounter\n](q\0' + b'h\0h\0\x86q\0' * 60 + b'e\x85R.'),
    'have an ordered dict of such a key': archive(
        b'\x80\2ccollections\nOrderedDict\n](](q\0' + b'h\0h\0\x86q\0' * 60 + b'Neee\x85R.'
    ),
    'have a key 300,000 tuples deep': archive(b'\x80\2})' + b'\x85' * 300_000 + b'Ns.'),
    'are compressed': compressed,
    'have two programs': archive(b'\x80\2}.', **{'DATA.PKL': BY_NUMBER}),
    'have a sparse tensor of 10^12 numbers': saved(
        lambda folder: {'a': torch.eye(2).to_sparse().sparse_resize_((10**6, 10**6), 2, 0)}
    ),
    'have 10^12 numbers nowhere': saved(lambda folder: {'a': torch.empty(10**12, device='meta')}),
    'repeat a number 10^12 times': saved(lambda folder: {'a': torch.zeros(1).expand(10**12)}),
    'have a tensor longer than its storage': claiming(b'KM\x85', number(10**12) + b'\x85'),
    'have a tensor that begins before its storage': claiming(b'QK\0', b'QJ\xff\xff\xff\xff'),
    'have a storage longer than its record': claiming(b'KMt', number(10**5) + b't'),
    'have a storage of 10^12 numbers': claiming(b'KMt', number(10**12) + b't'),
    'have a storage of 10^10 numbers in the old form': claiming(b'KMN', number(10**10) + b'N', **LEGACY),
}


def linked(folder):
    """A name that leads to a device without end."""
    (folder / 'x.pt').symlink_to('/dev/zero')
    return folder / 'x.pt'


# --- checkpoints


def checkpoint(**changes):
    """A maker of a checkpoint with other entries, functions of the folder."""

    def make(folder):
        run = {'epoch': 1, 'global_step': 6, 'best': None, 'history': [], 'within': None, 'arg': {}}
        state = {'model': student().state_dict(), **run, 'scaler': {}, 'optimizer': {}}
        torch.save({**state, **{key: value(folder) for key, value in changes.items()}}, folder / 'checkpoint.pt')
        return folder / 'checkpoint.pt'

    return make


def endless():
    settings = {'a': 1}
    settings['b'] = [settings]
    return settings


CHECKPOINTS = {
    'runs a command from its settings': (checkpoint(arg=touch), 'refers to posix.system'),
    'runs a command from its optimiser': (checkpoint(optimizer=lambda folder: {'state': touch(folder)}), 'refers to'),
    'has settings that contain themselves': (checkpoint(arg=lambda folder: endless()), "its 'arg' is not one"),
    'has 10^18 steps in its epoch': (checkpoint(within=lambda folder: {'step': 10**18}), "its 'within' is not one"),
    'has an optimiser of 10^12 numbers': (
        checkpoint(optimizer=lambda folder: {'state': {0: {'a': torch.zeros(1).expand(10**12)}}, 'param_groups': []}),
        "its 'optimizer' is not one",
    ),
}  # fmt: skip
KINDS = {
    'a score pickle': {
        **{
            tries: Hostile(
                written('x.pkl', after_protocol(content)), READERS['scores'].read, 'is not a pickle of arrays'
            )
            for tries, content in SCORES.items()
        },
        'has a memo of 2^27 places': Hostile(
            written('x.pkl', b'\x80\4Nr\0\0\0\x08.'), READERS['scores'].read, 'contains a NoneType, not a dict'
        ),
        'has 300,000 lists inside one another': Hostile(
            written('x.pkl', b'\x80\2' + NESTED), READERS['scores'].read, 'contains a list, not a dict'
        ),
    },
    'the poses of pyskl': {
        tries: Hostile(written('x.pkl', content), READERS['pyskl'].read, 'x.pkl')
        for tries, content in {
            'call a function': pickled(lambda folder: {'split': touch(folder), 'annotations': []}),
            'have 2^50 frames without a number': poses(keypoint=np.zeros((1, 1 << 50, 0, 2))),
            'have a name of lists inside one another': poses(frame_dir=[[]] * 10**5),
        }.items()
    },
    'weights': {
        **{
            tries: Hostile(written('x.pt', content), READERS['weights'].read, 'x.pt')
            for tries, content in WEIGHTS.items()
        },
        'are a link to a device': Hostile(linked, READERS['weights'].read, 'x.pt'),
    },
    'a checkpoint': {
        tries: Hostile(make, READERS['checkpoint'].read, says) for tries, (make, says) in CHECKPOINTS.items()
    },
}
