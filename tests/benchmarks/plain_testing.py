"""Score clips as the public code does: one clip after the other from an .npz, then the plain network.

    python -m tests.benchmarks.plain_testing CLIPS.npz WEIGHTS.pt SCORES.pkl [cpu|cuda:N]

CLIPS.npz has x_test (N, 300, 150), y_test (N, num_class, one-hot) and the names; the test feeder's crop is the centre.
"""

import pickle
import sys

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from tests.reference import graphs, ntu_feeder
from tests.reference.ctrgcn import CTRGCN

BATCH, WORKERS, WINDOW = 200, 4, 64  # as in the recipe


class Clips(Dataset):
    """The clips of the array, joints."""

    def __init__(self, path):
        arrays = np.load(path)
        self.x, self.label, self.name = arrays['x_test'], arrays['y_test'].argmax(1), arrays['name']

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        start, length = ntu_feeder.centre(ntu_feeder.valid_frames(self.x[i]))
        return ntu_feeder.joints(self.x[i], start, length, WINDOW, dtype=torch.float32), self.label[i]


def main(clips, weights, scores, device='cpu'):
    """Write {name: scores} and print the accuracy."""
    data, model = Clips(clips), CTRGCN(60, graphs.ntu())
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.to(device).eval()
    found, correct = [], 0
    with torch.no_grad():
        for x, label in DataLoader(data, BATCH, num_workers=WORKERS):
            logits = model(x.to(device)).cpu()
            correct += int((logits.argmax(1) == label).sum())
            found.append(logits.numpy())
    with open(scores, 'wb') as file:
        pickle.dump(dict(zip(data.name.tolist(), np.concatenate(found))), file)
    print(f'top-1: {100 * correct / len(data):.2f} %')


if __name__ == '__main__':
    main(*sys.argv[1:])
