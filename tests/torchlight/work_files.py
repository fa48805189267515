"""The files of a work directory: some that are there, and those of an epoch."""

import torch

from torchlight.checkpoint import plain_state

STATE = {'epoch': 4, 'global_step': 120, 'history': [{'epoch': 4, 'train': {'loss': 2.0, 'lr': 0.1}}]}
BEST = {'accuracy': 0.5, 'epoch': 4, 'step': 120}


def fill(folder, files):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text('x')


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


def save(work, previous_best=None, **changes):
    model = torch.nn.DataParallel(torch.nn.Linear(2, 3))
    state = {**STATE, 'model': plain_state(model), 'best': BEST, **changes}
    work.save_epoch_files(model.module, state, previous_best)
