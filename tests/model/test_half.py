"""The weights of a student in half precision."""

import pytest
import torch
from torch import nn

from model import export, half
from model.base import MMCLOutput, SkeletonModel
from torchlight.checkpoint import load_weights
from torchlight.errors import InputError
from torchlight.tensor_files import read_description, read_tensors


class Net(SkeletonModel):
    """A linear student with a batch norm."""

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(12)
        self.fc = nn.Linear(12, 4)

    def forward(self, skeleton, video=None, text=None):
        return MMCLOutput(self.fc(self.bn(skeleton.flatten(1))))


@pytest.fixture
def skeleton():
    return torch.randn(5, 3, 2, 2, 1)


def test_matrices_are_rounded_and_vectors_kept(skeleton, tmp_path):
    student = Net()
    nn.init.constant_(student.bn.weight, 1e-6)
    line = export.export(student, tmp_path / 'x.pt', skeleton, origin='5 clips', description={'dataset': 'ours'})
    state = read_tensors(tmp_path / 'x.pt')
    assert state['fc.weight'].dtype == torch.float16 and torch.equal(state['bn.weight'], student.bn.weight)
    assert state['bn.num_batches_tracked'].dtype == torch.int64
    assert 'on 5 clips scores differ by at most' in line and 'and 0 clips got another class' in line
    assert read_description(tmp_path / 'x.pt') == {'dataset': 'ours'}
    load_weights(other := Net(), tmp_path / 'x.pt')
    assert other.fc.weight.dtype == torch.float32
    torch.testing.assert_close(other.fc.weight, student.fc.weight, rtol=1e-3, atol=0)


def test_weights_beyond_half_precision_are_refused(skeleton, tmp_path):
    student = Net()
    nn.init.constant_(student.fc.weight, 1e5)
    with pytest.raises(InputError, match=r'x\.pt is not written: fc.weight has values beyond those of float16'):
        half.write(student, tmp_path / 'x.pt', skeleton, 'clips', {})
    assert not list(tmp_path.iterdir())
