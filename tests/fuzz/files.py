"""A small file of each kind that the program reads, as the program or a user writes it."""

import json
import pickle

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from feeders.feature_store import write_features
from feeders.skeleton_store import SkeletonStoreWriter
from LLMs.resume import PartialStore, Record
from model.ctrgcn import Model
from tests.helpers import without_checksums
from tests.recordings.walker import walk, write_video
from torchlight import checkpoint
from torchlight.optim import Optimizer
from torchlight.pickles import write_scores

STAR = {'num_point': 5, 'edges': [[1, 0], [2, 1], [3, 1], [4, 1]]}
NAMES = [f'S001C001P{person:03}R001A{action:03}' for person in (1, 2) for action in (1, 2, 3)]
RANDOM = np.random.default_rng(0)
ORIGIN = {'kind': 'text', 'encoder': 'x', 'dtype': 'float32'}
CONFIG = 'work_dir: ./x\nmodel_args: {num_class: 3, graph: graph.custom.Graph}\nstep: [35, 55]\nbase_lr: 1e-1\n'
GRAPH = 'num_point: 5\nedges: [[1, 0], [2, 1], [3, 1], [4, 1]]\n'


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


def make_scores(folder):
    write_scores(folder / 'x.pkl', NAMES, RANDOM.standard_normal((6, 4)))
    return folder / 'x.pkl'


def make_public_weights(folder):
    torch.save(student().state_dict(), folder / 'x.pt')
    return folder / 'x.pt'


def make_public_scores(folder):
    (folder / 'x.pkl').write_bytes(pickle.dumps({name: RANDOM.standard_normal(4).astype('f4') for name in NAMES}))
    return folder / 'x.pkl'


def make_store(folder):
    facts = {'classes': ['sit', 'wave', 'é'], 'normalised': True}
    with SkeletonStoreWriter(folder / 'x.h5', 'ntu60', (2, 25, 3), **facts) as store:
        for name in NAMES:
            store.add(name, int(name[-3:]) - 1, RANDOM.standard_normal((9, 1, 25, 3)))
    return folder / 'x.h5'


def make_features(folder):
    write_features(folder / 'video.h5', NAMES, RANDOM.standard_normal((6, 16)), encoder='x')
    return folder / 'video.h5'


def foreign(make):
    """Make a store as other programs or older versions wrote it."""
    return lambda folder: without_checksums(make(folder))


def make_npz(folder):
    x = RANDOM.standard_normal((3, 300, 150)).astype('f4') * (np.arange(300) < 20)[:, None]
    np.savez(folder / 'NTU60_CS.npz', x_train=x, y_train=np.eye(60)[:3], x_test=x, y_test=np.eye(60)[:3])
    return folder / 'NTU60_CS.npz'


def make_npy(folder):
    np.save(folder / 'x.npy', RANDOM.standard_normal((9, 25, 3)).astype('f4'))
    return folder / 'x.npy'


def make_ucla(folder):
    clip = {'file_name': 'a01_s01_e00_v01', 'label': 1, 'skeletons': RANDOM.standard_normal((4, 20, 3)).tolist()}
    (folder / 'a01_s01_e00_v01.json').write_text(json.dumps(clip))
    return folder / 'a01_s01_e00_v01.json'


def make_openpose(folder):
    (folder / 'clip').mkdir(exist_ok=True)
    people = [{'person_id': [-1], 'pose_keypoints_2d': RANDOM.uniform(0, 1, 75).tolist()}]
    for number in range(2):
        (folder / 'clip' / f'x_{number}_keypoints.json').write_text(json.dumps({'version': 1.3, 'people': people}))
    return folder / 'clip' / 'x_1_keypoints.json'


def make_alphapose(folder):
    entries = [{'image_id': f'{t}.jpg', 'keypoints': RANDOM.uniform(0, 1, 51).tolist(), 'idx': 1} for t in range(4)]
    (folder / 'alpha.json').write_text(json.dumps(entries))
    return folder / 'alpha.json'


def make_mmpose(folder):
    person = {'keypoints': RANDOM.uniform(0, 1, (17, 2)).tolist(), 'keypoint_scores': RANDOM.uniform(0, 1, 17).tolist()}
    frames = [{'frame_id': t, 'instances': [person]} for t in range(4)]
    (folder / 'mm.json').write_text(json.dumps({'meta_info': {}, 'instance_info': frames}))
    return folder / 'mm.json'


def make_pyskl(folder):
    clips = [
        {'frame_dir': name, 'label': 0, 'keypoint': RANDOM.standard_normal((1, 4, 17, 2)).astype('f2'),
         'keypoint_score': RANDOM.uniform(0, 1, (1, 4, 17)).astype('f2')}
        for name in NAMES
    ]  # fmt: skip
    split = {'train': NAMES[:3], 'val': NAMES[3:]}
    (folder / 'x.pkl').write_bytes(pickle.dumps({'split': split, 'annotations': clips}))
    return folder / 'x.pkl'


def make_utd(folder):
    savemat(folder / 'a1_s1_t1_skeleton.mat', {'d_skel': RANDOM.standard_normal((20, 3, 4))})
    return folder / 'a1_s1_t1_skeleton.mat'


def make_sysu(folder):
    (folder / 'a1' / 's1').mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / 'a1' / 's1' / 'x.txt', RANDOM.standard_normal((3, 60)), '%.3f')
    return folder / 'a1' / 's1' / 'x.txt'


def make_hand(folder):
    (folder / 'gesture_1/finger_1/subject_1/essai_1').mkdir(parents=True, exist_ok=True)
    path = folder / 'gesture_1/finger_1/subject_1/essai_1/skeletons_world.txt'
    np.savetxt(path, RANDOM.standard_normal((3, 66)), '%.3f')
    return path


def make_skeleton(folder):
    joint = '0.1 0.2 3.1 200 100 900 500 0.1 0.2 0.3 0.4 2\n'
    frame = '1\n72057594037944738 0 1 1 1 1 0 0.1 0.2 2\n25\n' + 25 * joint
    (folder / f'{NAMES[0]}.skeleton').write_text('3\n' + 3 * frame)
    return folder / f'{NAMES[0]}.skeleton'


def picture(name, **options):
    """Make a picture of 12 × 9 pixels."""

    def make(folder):
        Image.fromarray(RANDOM.integers(0, 256, (9, 12, 3), np.uint8)).save(folder / name, **options)
        return folder / name

    return make


def make_video(folder):
    write_video(folder / 'x.avi', walk(4))
    return folder / 'x.avi'


def make_partial(folder):
    PartialStore(folder / 'x.h5', ORIGIN).add([Record(name, np.ones(3, np.float32), 'Yes.') for name in NAMES])
    return folder / 'x.h5.partial' / '0.jsonl'


def make_val_label(folder):
    rows = [{'file_name': name, 'label': number} for number, name in enumerate(NAMES, 1)]
    (folder / 'val_label.pkl').write_bytes(pickle.dumps(rows))
    return folder / 'val_label.pkl'


def make_encoder(folder):
    torch.save(encoder().state_dict(), folder / 'x.pth')
    return folder / 'x.pth'


def encoder():
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2)


def text(name, content):
    """Make a text file."""

    def make(folder):
        (folder / name).write_text(content)
        return folder / name

    return make
