"""Compute the golden arrays with the references in tests/reference, and store them beside this file.

    python -m tests.golden.make

They let any clone test the program against the references, without computing these again: narrow networks on short
clips, in float64. The references in turn are tested against the public implementations' arrays where those are at
hand (tests/reference/test_reference.py), and against what is stored here (tests/golden/test_golden.py). The program
takes no part in this. Run it again only after the inputs (inputs.py) or a reference have changed on purpose.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from tests.golden import inputs
from tests.reference import graphs, ntu_feeder, skeleton_file, ucla_feeder
from tests.reference.ctrgcn import CTRGCN
from tests.reference.hdgcn import HDGCN
from tests.reference.mmcl import MMCL, total_loss
from tests.reference.tdgcn import TDGCN

FOLDER = Path(__file__).resolve().parent
CENTRES = 1, 2, 21
ROWS = np.s_[:, :, ::12]  # of the gradient of HD-GCN's adjacency, which is large
# fmt: off
GRADIENTS = {
    'mmcl': (
        'data_bn.weight', 'l1.gcn1.PA', 'l1.gcn1.alpha', 'l2.gcn1.convs.0.conv1.weight', 'l3.gcn1.convs.1.conv4.weight',
        'l5.gcn1.convs.2.conv3.weight', 'l5.gcn1.down.0.weight', 'l6.tcn1.branches.2.4.weight',
        'l8.residual.conv.weight', 'l10.tcn1.branches.1.3.conv.weight', 'l10.gcn1.bn.weight', 'fc.weight',
        'mlp.0.weight', 'PosMatrix', 'NegMatrix', 'FAM_Aligh.mlp.0.weight', 'FAM_Aligh.mlp.2.bias',
    ),
    'ctrgcn_ucla': ('data_bn.weight', 'l4.gcn1.PA', 'l9.gcn1.convs.0.conv2.weight', 'fc.weight'),
    'tdgcn': (
        'data_bn.weight', 'l1.gcn1.gamma', 'l4.gcn1.PA', 'l5.gcn1.beta', 'l7.gcn1.alpha',
        'l9.gcn1.convs.0.conv1.weight', 'l3.gcn1.convs.1.conv3.weight', 'l8.gcn1.convs.2.conv4.bias', 'fc.weight',
    ),
    'hdgcn': (
        'data_bn.weight', 'l1.gcn1.PA', 'l3.gcn1.PA', 'l2.gcn1.conv.0.3.conv.0.weight', 'l4.gcn1.conv_down.2.0.weight',
        'l2.gcn1.aha.aggregate.weight', 'l2.gcn1.aha.edge_conv.conv.0.weight', 'l9.gcn1.aha.conv_down.0.weight',
        'l7.tcn1.branches.1.3.conv.weight', 'l6.gcn1.conv.5.2.1.bias', 'l8.residual.conv.weight', 'fc.weight',
    ),
}
# fmt: on
STATISTICS = (
    'data_bn.running_mean',
    'l1.gcn1.bn.running_var',
    'l8.residual.bn.running_mean',
    'l10.tcn1.branches.3.1.running_var',
)


def compute():
    """{file: {key: array}} of everything that is stored."""
    return {
        'graphs': graph_arrays(),
        'mmcl': mmcl_arrays(),
        'ctrgcn_ucla': ctrgcn_arrays(),
        'tdgcn_ucla': tdgcn_arrays(),
        **{f'hdgcn_com{centre}': hdgcn_arrays(centre) for centre in CENTRES},
        'ntu_feeder': ntu_arrays(),
        'ucla_feeder': ucla_arrays(),
        'recordings': recording_arrays(),
    }


def graph_arrays():
    """The adjacency of every graph."""
    hierarchies = {f'ntu_rgb_d_hierarchy_com{centre}': graphs.hierarchical(centre) for centre in CENTRES}
    return {'ntu_rgb_d': graphs.ntu(), 'ucla': graphs.ucla(), **hierarchies}


def loaded(model):
    """The reference network with the weights of inputs.py, in float64."""
    model.load_state_dict(inputs.weights(model))
    return model.double()


def after_training(model, loss, kind):
    """The statistics after one training pass, and the gradients of its loss."""
    loss.backward()
    state = model.state_dict()
    arrays = {f'after.{name}': state[name].numpy() for name in STATISTICS}
    for name in GRADIENTS[kind]:
        gradient = model.get_parameter(name).grad.numpy()
        arrays[f'grad.{name}'] = gradient[ROWS] if gradient.ndim == 4 and name.endswith('PA') else gradient
    return arrays


def mmcl_arrays():
    """MMCL on CTR-GCN and the NTU graph: all outputs in both modes, the total loss, one training step."""
    *x, label = inputs.mmcl()
    model, arrays = loaded(MMCL(A=graphs.ntu(), **inputs.MMCL)), {}
    for mode in ('eval', 'train'):
        output = model.train(mode == 'train')(*(part.double() for part in x))
        for name, values in zip(('logits', 'refined_logits', 'alignment'), output):
            arrays[f'{mode}.{name}'] = values.detach().numpy()
    loss = total_loss(*output, label)
    return {**arrays, 'train.loss': loss.item(), **after_training(model, loss, 'mmcl')}


def student_arrays(model, x, label, kind):
    """A student by itself: its logits in both modes, the cross-entropy, one training step."""
    with torch.no_grad():
        arrays = {'eval.logits': model.eval()(x.double()).numpy()}
    logits = model.train()(x.double())
    loss = F.cross_entropy(logits, label)
    arrays |= {'train.logits': logits.detach().numpy(), 'train.loss': loss.item()}
    return {**arrays, **after_training(model, loss, kind)}


def ctrgcn_arrays():
    """CTR-GCN on the NW-UCLA graph."""
    return student_arrays(loaded(CTRGCN(A=graphs.ucla(), **inputs.UCLA)), *inputs.ucla(), 'ctrgcn_ucla')


def tdgcn_arrays():
    """TD-GCN on the NW-UCLA graph."""
    return student_arrays(loaded(TDGCN(A=graphs.ucla(), **inputs.UCLA)), *inputs.ucla(), 'tdgcn')


def hdgcn_arrays(centre):
    """HD-GCN around one centre of mass."""
    model = HDGCN(A=graphs.hierarchical(centre), groups=graphs.groups(centre), **inputs.HDGCN)
    return student_arrays(loaded(model), *inputs.hdgcn(), 'hdgcn')


def ntu_arrays():
    """The NTU feeder's streams of test clips and of augmented training clips, and the augmentation."""
    arrays = {key: [] for key in ('valid_frames', 'crop_start', 'crop_length')}
    arrays |= {f'{split}.{name}': [] for split in ('test', 'train') for name in inputs.STREAMS}
    draws, angles = inputs.ntu_draws()
    for clip, (share, place), turn in zip(inputs.ntu_clips(), draws, angles):
        frames = ntu_feeder.valid_frames(clip)
        kept = ntu_feeder.crop_length(frames, 0.5 + share / 2)
        start = int(place * (frames - kept + 1))
        for key, value in (('valid_frames', frames), ('crop_start', start), ('crop_length', kept)):
            arrays[key].append(value)
        test = ntu_feeder.joints(clip, *ntu_feeder.centre(frames), inputs.NTU_WINDOW)
        train = ntu_feeder.joints(clip, start, kept, inputs.NTU_WINDOW, turn)
        for name in inputs.STREAMS:
            arrays[f'test.{name}'].append(ntu_feeder.stream(test, name).float().numpy())
            arrays[f'train.{name}'].append(ntu_feeder.stream(train, name).float().numpy())
    return {**{key: np.array(values) for key, values in arrays.items()}, 'angles': angles}


def ucla_arrays():
    """The NW-UCLA feeder's streams of test clips and of augmented training clips, and the augmentation."""
    arrays = {f'{split}.{name}': [] for split in ('test', 'train') for name in inputs.STREAMS}
    for clip in inputs.ucla_clips(inputs.UCLA_TEST).values():
        frames = ucla_feeder.evenly_spaced(len(clip), inputs.UCLA_WINDOW)
        for name in inputs.STREAMS:
            arrays[f'test.{name}'].append(ucla_feeder.clip_stream(clip, frames, name))
    degrees, scale, draws = inputs.ucla_draws()
    chosen = []
    for clip, turn, size, draw in zip(inputs.ucla_clips(inputs.UCLA_TRAIN).values(), degrees, scale, draws):
        chosen.append(np.sort((draw * len(clip)).astype(int)))
        for name in inputs.STREAMS:
            matrix = ucla_feeder.turn(*turn, size)
            arrays[f'train.{name}'].append(ucla_feeder.clip_stream(clip, chosen[-1], name, matrix))
    arrays = {key: np.array(values) for key, values in arrays.items()}
    return {**arrays, 'rot_x': degrees[:, 0], 'rot_y': degrees[:, 1], 'scale': scale, 'frames': np.array(chosen)}


def recording_arrays():
    """Each recording cleaned and translated: (T, 75) or (T, 150)."""
    return {
        name: skeleton_file.translate(skeleton_file.denoise(*skeleton_file.parse(text)))
        for name, text in inputs.recordings().items()
    }


def main():
    """Write the files and print their sizes."""
    torch.set_num_threads(1)
    for name, arrays in compute().items():
        path = FOLDER / f'{name}.npz'
        np.savez_compressed(path, **arrays)
        print(f'{path.name}: {len(arrays)} arrays, {path.stat().st_size / 1000:.1f} kB')


if __name__ == '__main__':
    main()
