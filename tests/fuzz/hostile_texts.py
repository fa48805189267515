"""Hostile configs, tables, names and other texts."""

import contextlib
import io

import numpy as np
import yaml

import main_MMCL
from feeders.prepare.__main__ import main as prepare
from tests.fuzz.files import make_store
from tests.fuzz.readers import READERS
from tests.fuzz.watch import SECRET, Hostile, written
from tests.helpers import ROOT
from torchlight.errors import InputError
from torchlight.predictions import Ranking

SAMPLE = ROOT / 'config' / 'sample' / 'joint.yaml'
TOUCH = {'args': ['touch', 'made']}


# --- configs


def run(path):
    """Start the program with a config; raise InputError with what it says if it refuses."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        status = main_MMCL.main(['--config', str(path), '--device', 'cpu', '--num-worker', '0'])
    if status == 2:
        raise InputError(said.getvalue().removesuffix('\n'))


def settings(**values):
    """The text of a config over the sample's; `{secret}` in a text stands for a file outside its folder."""

    def content(folder):
        return yaml.safe_dump({'base': str(SAMPLE), **values}).replace('{outside}', str(folder.parent))

    return content


def graph_of_a_feeder(folder):
    """A config whose feeder has clips and a hostile graph."""
    clips = {'data_path': str(make_store(folder)), 'split': 'all', 'graph': 'subprocess.Popen', 'graph_args': TOUCH}
    parts = {
        part: {**clips, 'video_path': None, 'text_path': None} for part in ('train_feeder_args', 'test_feeder_args')
    }
    return settings(feeder='feeders.feeder_MMCL.Feeder', **parts)(folder)


def bomb(levels):
    """Lists of ten lists of ten lists …, each written once."""
    return (
        'a0: &a0 ['
        + 'x, ' * 10
        + ']\n'
        + ''.join(f'a{i}: &a{i} [' + f'*a{i - 1}, ' * 10 + ']\n' for i in range(1, levels))
    )


MERGES = 'a0: &a0 {x: 1}\n' + '\n'.join(f'a{i}: &a{i} {{<<: [' + f'*a{i - 1}, ' * 10 + ']}' for i in range(1, 30))
SIZE = {'phase': 'model_size'}
TRUST, OTHER = 'if you trust it, add --allow-imports', 'does not derive from'
TAG, TWICE, OUTSIDE = 'could not determine a constructor', 'is already in line', 'outside the current folder'
CONFIGS = {
    'has a function for its feeder': (
        settings(feeder='subprocess.Popen', train_feeder_args=TOUCH, test_feeder_args=TOUCH), TRUST),
    'has a feeder whose import acts': (settings(feeder='evil.Feeder'), TRUST),
    'has a feeder in a package whose import acts': (settings(feeder='evil.sub.Feeder'), TRUST),
    'has a function for the graph of a feeder': (graph_of_a_feeder, TRUST),
    'has a function for the graph of a model': (
        settings(**SIZE, model_args={'graph': 'os.system', 'graph_args': {'command': 'touch made'}}), TRUST),
    'has a function for its model': (
        settings(**SIZE, model='torch.hub.load', model_args={'repo_or_dir': 'evil', 'model': 'x', 'source': 'local'}),
        TRUST),
    'has a function for its backbone': (settings(**SIZE, model_args={'backbone': 'subprocess.Popen', **TOUCH}), TRUST),
    'has a backbone whose import acts': (settings(**SIZE, model_args={'backbone': 'evil.sub.Feeder'}), TRUST),
    'has another class of the program for its feeder': (settings(feeder='feeders.public_npz.BothSplits'), OTHER),
    'has another class of the program for its model': (settings(**SIZE, model='torchlight.command.Parser'), OTHER),
    'has another class of the program for its graph': (
        settings(**SIZE, model_args={'graph': 'model.ctrgcn.Model', 'graph_args': {}}), OTHER),
    'has a list for its graph': (settings(**SIZE, model_args={'graph': ['os.system']}), 'not the dotted name'),
    'trusts itself': (settings(allow_imports='evil', feeder='evil.Feeder'), 'allow_imports, which no file may set'),
    'has a tag that runs a command': ('!!python/object/apply:os.system [touch made]', TAG),
    'has an argument that runs a command': ('model_args: !!python/object/apply:subprocess.Popen [[touch, made]]', TAG),
    'has an object deep inside': ('model_args: {graph: !!python/object/new:os.system [touch made]}', TAG),
    'has a key that runs a command': ('!!python/object/apply:os.system [touch made]: 1', TAG),
    'has the name of a class': ('feeder: !!python/name:evil.Feeder', TAG),
    'has a module': ('feeder: !!python/module:evil', TAG),
    'has a tag that includes a file': (f'model_args: !include {SECRET}', TAG),
    'is over a device': ('base: /dev/zero', 'does not exist or is not a file'),
    'is over itself': ('base: x.yaml', 'includes itself'),
    'has lists of lists of lists': (bomb(40), 'there are more than 10,000 values'),
    'merges mappings of mappings': (MERGES, 'there are more than 10,000 values'),
    'is 100,000 lists deep': ('a: ' + '[' * 10**5, 'inside each other more than 50 deep'),
    'contains itself': ('model_args: &a {b: *a}', '*a contains itself'),
    'has a key twice': ('seed: 1\nseed: 2', TWICE),
    'has an argument twice': ('model_args: {num_class: 1, num_class: 2}', TWICE),
    'has a key twice in an ordered mapping': ('model_args: !!omap [{num_class: 1}, {num_class: 2}]', TAG),
    'has a key twice in pairs': ('model_args: !!pairs [{num_class: 1}, {num_class: 2}]', TAG),
    'has a set': ('model_args: !!set {a, b}', TAG),
    'has a number of 5,000 digits': (f'seed: {"9" * 5000}', 'is not YAML'),
    'has a number in a base of 60 with 300 digits': (f'seed: !!float {"59:" * 300}1.0', 'is not YAML'),
    'has a NUL character': ('work_dir: "a\\0b"', 'the character NUL'),
    'has its work directory in another folder': (settings(work_dir='{outside}/x'), OUTSIDE),
    'has its weights in another folder': (settings(model_saved_name='../x'), OUTSIDE),
    'has its output in another folder': (settings(output='sub/../../x'), OUTSIDE),
    'makes the sample in another folder': (
        settings(train_feeder_args={'data_path': '{outside}/new/skeletons.h5'}), OUTSIDE),
    'has a model of 10^7 classes': (settings(**SIZE, model_args={'num_class': 10**7}), 'num_class 10000000; at most'),
    'has a device for its weights': (settings(**SIZE, weights='/dev/zero'), '/dev/zero'),
    'has a device for its clips': (settings(feeder='feeders.feeder_MMCL.Feeder', train_feeder_args={
        'data_path': '/dev/zero'}), '/dev/zero'),
}  # fmt: skip


# --- tables and lists of names


def prepare_custom(path):
    """Make a store of the clips in a table; return the exit status and what is printed."""
    files = ['--raw', str(path.parent / 'clips'), '--labels', str(path), '--out', str(path.parent / 'x.h5')]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        return prepare(['custom', *files]), said.getvalue()


def table(*rows):
    """A maker of a table of labels whose folder has the clip `good`; {secret} stands for a file outside of it."""

    def content(folder):
        (folder / 'clips').mkdir()
        np.save(folder / 'clips' / 'good.npy', np.ones((4, 5, 3)))
        np.save(folder / f'{SECRET}.npy', np.ones((4, 5, 3)))
        return '\n'.join(['name,label', *rows, 'good,1']).replace('{secret}', str(folder / SECRET)) + '\n'

    return written('labels.csv', content)


def write_predictions(path):
    """Write a table of predictions of clips of these names, as --phase predict does; return its cells."""
    names = path.read_text().split('\n')
    Ranking.of(names, np.eye(len(names)), 1).write(path.parent / 'x.csv')
    return [line.split(',')[0] for line in (path.parent / 'x.csv').read_text().splitlines()]


TABLES = {
    'names a file in the folder above': (table(f'../{SECRET},1'), "labels.csv line 2: '../secret'"),
    'names a file by its whole path': (table('{secret},1'), 'a name must not be empty'),
    'names a file with a NUL in it': (table('"a\0b",1'), 'a name must not be empty'),
    'has a label of 5,000 digits': (table(f'good,{"1" * 5000}'), 'labels.csv line 2'),
    'has a label of 30 digits': (table(f'a,{"1" * 30}'), 'labels.csv line 2'),
    'has a cell of 200,000 characters': (table(f'{"x" * 200_000},1'), 'is not a CSV table'),
    'has a quote that never ends': (table('"a,1'), 'expected 2 cells'),
}


# --- other texts

DEEP, LONG = '[' * 10**5, 'x' * 10**7
JSON = {
    'is 100,000 lists deep': DEEP,
    'has a number of 5,000 digits': f'{{"skeletons": [[[{"9" * 5000}]]]}}',
    'has a number of 400 digits': f'{{"skeletons": [[[{"9" * 400}]]]}}',
    'has a mapping for its frames': '{"skeletons": {"a": 1}}',
}
SKELETON = {
    'claims 10^12 frames': '1000000000000\n',
    'claims 10^12 bodies': '1\n1000000000000\n',
    'claims a number of frames of 5,000 digits': '9' * 5000 + '\n',
    'has a number of 10^6 characters': '1\n1\n7 0 1 1 1 1 0 0.1 0.2 2\n25\n'
    + 25 * ('1' * 10**6 + ' 1 1 1 1 1 1 1 1 1 1 2\n'),
}


def linked(name):
    """A maker of a name that leads to a device without end."""

    def make(folder):
        (folder / name).symlink_to('/dev/zero')
        return folder / name

    return make


CLIP, RECORDING = 'a01_s01_e00_v01.json', 'S001C001P001R001A001.skeleton'
KINDS = {
    'a config': {tries: Hostile(written('x.yaml', content), run, says) for tries, (content, says) in CONFIGS.items()},
    'a table': {
        **{tries: Hostile(make, prepare_custom, says) for tries, (make, says) in TABLES.items()},
        'has a formula for a name': Hostile(
            written('x.txt', '=cmd|x!A1\n@SUM(1)\n-1+1'),
            write_predictions,
            """['name', "'=cmd|x!A1", "'@SUM(1)", "'-1+1"]""",
        ),
    },
    'a list of names': {
        tries: Hostile(written('x.txt', content), READERS['names'].read, 'x.txt has the clip name')
        for tries, content in {
            'leads above': f'../{SECRET}',
            'leads anywhere': '/etc/passwd',
            'has ..': 'a\n..',
        }.items()
    },
    'a clip of NW-UCLA': {
        **{tries: Hostile(written(CLIP, content), READERS['ucla'].read, f'{CLIP} ') for tries, content in JSON.items()},
        'is a link to a device': Hostile(linked(CLIP), READERS['ucla'].read, CLIP),
    },
    'keypoints': {
        **{
            tries: Hostile(written('x.json', content), READERS['mmpose'].read, '')
            for tries, content in {
                'are 100,000 lists deep': DEEP,
                'have a number of 5,000 digits': f'{{"people": [{{"pose_keypoints_2d": [{"9" * 5000}]}}]}}',
                'have a long text among short ones': '[{"image_id": 0, "keypoints": [' + '"1", ' * 50 + f'"{LONG}"]}}]',
                'have a person whose number is 10^400': f'[{{"image_id": 0, "keypoints": {[1] * 51}, "idx": 1e400}}]',
            }.items()
        },
        'are a link to a device': Hostile(linked('x.json'), READERS['mmpose'].read, 'x.json'),
    },
    'a recording': {
        **{
            tries: Hostile(written(RECORDING, content), READERS['skeleton'].read, '')
            for tries, content in SKELETON.items()
        },
        'is a link to a device': Hostile(linked(RECORDING), READERS['skeleton'].read, ''),
    },
    'the record of a run': {
        tries: Hostile(written('run.json', content), READERS['record'].read, 'run.json ')
        for tries, content in {
            'is deep': DEEP,
            'is a number': '9' * 5000,
            'has no sessions': '{"sessions": [1]}',
        }.items()
    },
}
