"""Functions that tests of several packages call."""

from pathlib import Path

import h5py
import numpy as np
import torch

from model import MMCL  # noqa: F401 (the package registers the names of public weights files)
from torchlight.checkpoint import canonical

ROOT = Path(__file__).resolve().parents[1]
NORMS = torch.nn.modules.batchnorm._BatchNorm


def scramble(module):
    """Move parameters and statistics away from their start, where 1e-6 and 0 would hide mistakes; return `module`."""
    torch.manual_seed(1)
    for p in module.parameters():
        p.data = torch.where(p == 0, torch.randn_like(p) / 4, p) + torch.randn_like(p) / 10
    for part in module.modules():
        if isinstance(part, NORMS):
            part.weight.data.uniform_(0.5, 1.5), part.running_var.uniform_(0.5, 1.5), part.running_mean.normal_()
    return module


def settle(model, *inputs):
    """Give the model the statistics of these batches, as training does: values then stay near 1; return the model."""
    norms = [part for part in model.modules() if isinstance(part, NORMS)]
    with torch.no_grad():
        for momentum, batch in zip((1, 0.1), inputs):
            for norm in norms:
                norm.momentum = momentum
            model.train()(batch)
    return model.eval()


def near(ours, expected, share):
    """Whether `ours` is within `share` of the largest magnitude in `expected`."""
    ours, expected = (np.asarray(torch.as_tensor(x).detach()) for x in (ours, expected))
    return ours.shape == expected.shape and np.abs(ours - expected).max() <= share * np.abs(expected).max()


def without_checksums(path):
    """Make a store one that other programs or older versions wrote; return its path."""
    with h5py.File(path, 'r+') as file:
        del file['crc32'], file.attrs['sha256']
    return path


def refused(capsys, command, argv, status=2):
    """The one line on stderr of a command that must be refused."""
    capsys.readouterr()
    assert command([str(word) for word in argv]) == status
    error = capsys.readouterr().err
    assert error.startswith('error: ') and error.count('\n') == 1 and error.endswith('\n'), error
    return error


def skeleton_text(frames):
    """The bytes of a `.skeleton` file.

    `frames` has for each frame {body id: (25, 3) positions, or (25, 5) positions and places in the colour image}.
    """
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for identity, joints in bodies.items():
            lines += [f'{identity} 0 1 1 1 1 0 0.02 0.05 2', '25']
            for x, y, z, *place in joints:
                u, v = place or (1, 1)
                lines.append(f'{x:.6f} {y:.6f} {z:.6f} 0 0 {u:.6g} {v:.6g} 0 0 0 0 2')
    return '\n'.join(lines).encode() + b'\n'


def draw_nothing(patch):
    """Draw and report nothing in the runs of a test, which would take longer than training."""
    patch.setattr('torchlight.results.draw', lambda *_: None)
    patch.setattr('model.inspection.draw', lambda *_, **__: None)
    patch.setattr('feeders.run_report.write', lambda *_: None)


def parts(arrays, prefix):
    """The arrays whose key is `prefix` and a weight's name, under the program's name for that weight."""
    found = {canonical(key.removeprefix(prefix)): arrays[key] for key in arrays if key.startswith(prefix)}
    assert found, f'no key begins with {prefix}'
    return found


def by_name(tensors):
    """Named parameters or buffers under the names that `parts` gives."""
    return {canonical(name): tensor for name, tensor in dict(tensors).items()}


def picture(path):
    """(height, width, 4) of a PNG that is of more than one colour."""
    from matplotlib.image import imread

    assert path.read_bytes().startswith(b'\x89PNG\r\n\x1a\n') and path.stat().st_size < 1 << 20
    image = imread(path)
    assert image.std() > 0.02
    return image
