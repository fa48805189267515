"""The values of a run as JSON lines, for those who plot them with tools of their own."""

import json
from pathlib import Path

from torchlight.errors import InputError
from torchlight.files import make_folder, write_text


class JsonLog:
    """log.jsonl in the work directory: a line for each training step and each evaluation.

    {"part": "train", "epoch": 3, "step": 61, "lr": 0.1, "cross_entropy": 1.2, …, "loss": 1.9, "top1": 0.5}
    {"part": "val", "epoch": 3, "step": 72, "loss": 1.7, "top1": 0.41, "top5": 0.83}

    Parameters
    ----------
    work_dir : path.
    on : bool. Write the file at all.

    Attributes
    ----------
    epoch : int. That of the lines to come, from 1.
    """

    def __init__(self, work_dir: str | Path, on: bool) -> None:
        self.path, self.on, self.epoch = Path(work_dir) / 'log.jsonl', on, 1

    def start(self, step: int) -> None:
        """Continue after this step of the run: drop what an interrupted run wrote of later ones; 0 begins anew."""
        if not self.on or not self.path.exists():
            return
        lines = self.path.read_text().splitlines()
        whole = [line for line in lines if line.endswith('}')]  # the last line of a killed run may be a part of one
        write_text(self.path, ''.join(f'{line}\n' for line in whole if json.loads(line)['step'] <= step))

    def add(self, part: str, step: int, **values: float) -> None:
        """Write the values of a step of 'train', or of an evaluation ('val') after it.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        if not self.on:
            return
        make_folder(self.path.parent)
        try:
            with open(self.path, 'a') as file:
                file.write(json.dumps({'part': part, 'epoch': self.epoch, 'step': step, **values}) + '\n')
        except OSError as error:
            raise InputError(f'cannot write {self.path}: {error.strerror or error}') from error
