"""Clips to classify: of which kinds a folder may be, what is refused, and clips in which there is nobody."""

import json
import re

import numpy as np
import pytest

from feeders.prepare.inputs import open_input
from torchlight.errors import InputError

NTU = 2, 25, 3
CLIP = np.random.default_rng(0).normal(size=(4, 25, 3))


@pytest.mark.parametrize('kind', ['.h5', '.npz'])
def test_a_folder_of_stores_is_refused(tmp_path, kind):
    for name in 'ab':
        (tmp_path / f'{name}{kind}').write_bytes(b'')
    with pytest.raises(InputError, match=f'has a{kind}, b{kind}; give one {kind} file by its own name'):
        open_input(tmp_path, NTU)
    np.save(tmp_path / 'c.npy', CLIP)
    with pytest.raises(InputError, match=f'has clips of several kinds, {" and ".join(sorted([kind, ".npy"]))}'):
        open_input(tmp_path, NTU)


def test_nobody_is_left_out_of_a_folder_and_refused_alone(tmp_path, capsys):
    for name, frames in {'some': CLIP, 'zeros': 0 * CLIP, 'none': CLIP[:, None][:, :0]}.items():
        np.save(tmp_path / f'{name}.npy', frames)
    for normalised in (False, True):
        store = open_input(tmp_path, NTU, normalised)
        assert store.name == ['some'] and store.length.tolist() == [4]
        warning = f'warning: of {tmp_path}, 2 clips are left out, as nobody is in them: none, zeros\n'
        assert capsys.readouterr().err == warning
        with pytest.raises(InputError, match=r'nobody is in .*zeros.npy, so there is nothing to classify'):
            open_input(tmp_path / 'zeros.npy', NTU, normalised)


def test_nobody_may_be_in_poses_and_in_skeletons(tmp_path):
    for name, text in {'x.json': '{"people": []}', 'x.skeleton': '1\n0\n'}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=f'nobody is in .*{name}'):
            open_input(tmp_path / name, NTU)


@pytest.mark.parametrize('joints, hint', [(17, 'coco'), (20, 'ucla'), (25, 'ntu_rgb_d'), (18, '')])
def test_another_number_of_joints_names_the_graph_that_has_it(tmp_path, joints, hint):
    np.save(tmp_path / 'a.npy', np.ones((4, joints, 3)))
    end = re.escape(f'joints of 3; graph.{hint}.Graph has {joints} joints' if hint else 'joints of 3') + '$'
    with pytest.raises(InputError, match=end):
        open_input(tmp_path / 'a.npy', (2, 24, 3))


def test_another_number_of_coordinates_has_nothing_to_do_with_graphs(tmp_path):
    np.save(tmp_path / 'a.npy', np.ones((4, 17, 2)))
    with pytest.raises(InputError, match=r'for 17 joints of 3$'):
        open_input(tmp_path / 'a.npy', (2, 17, 3))


@pytest.mark.parametrize(
    'record, layout',
    [
        ({'skeletons': np.ones((3, 20, 3)).tolist()}, (1, 20, 3)),
        ([{'image_id': 0, 'keypoints': [1.0] * 51}], (1, 17, 2)),
    ],
)
def test_json_is_parsed_once(tmp_path, monkeypatch, record, layout):
    (tmp_path / 'a.json').write_text(json.dumps(record))
    parsed, loads = [], json.loads
    monkeypatch.setattr(json, 'loads', lambda text: parsed.append(text) or loads(text))
    assert open_input(tmp_path / 'a.json', layout).layout == layout
    assert len(parsed) == 1
