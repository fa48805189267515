"""The log: lines on the screen and in log.txt, and the values of training steps."""

import json
import math
import os
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import scalar
from tqdm import tqdm

from torchlight import pictures
from torchlight.errors import InputError
from torchlight.files import make_folder, write_text
from torchlight.metrics import Means


class Log:
    """Lines of a run, on the screen and appended to log.txt.

    Parameters
    ----------
    work_dir : path. The folder of log.txt; it is made with the first line.
    to_file : bool. Write log.txt (default True).
    quiet : bool. Write nothing anywhere, for processes other than the first (default False).
    """

    def __init__(self, work_dir: str | Path, to_file: bool = True, quiet: bool = False) -> None:
        self.path = Path(work_dir) / 'log.txt' if to_file else None
        self.quiet = quiet

    def __call__(self, *texts: str) -> None:
        """Add a line `[ asctime ] text` for each text; raise InputError if log.txt cannot be written."""
        for text in () if self.quiet else texts:
            self._write(text)

    def _write(self, text: str) -> None:
        line = f'[ {time.asctime()} ] {text}'
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()
        if self.path:
            make_folder(self.path.parent)
            try:
                with open(self.path, 'a') as file:
                    file.write(line + '\n')
            except OSError as error:
                raise InputError(f'cannot write {self.path}: {error.strerror or error}') from error


class TensorBoard:
    """TensorBoard event files under <work_dir>/runs/train and runs/val; they are made with the first value.

    They are written by the calling thread, so that a full disk is noticed here: it ends the writing with a warning,
    not the run. The pictures that a training run has left in its folder are added at its end.

    Parameters
    ----------
    work_dir : path.
    quiet : bool. Write nothing (default False).
    """

    def __init__(self, work_dir: str | Path, quiet: bool = False) -> None:
        self.folder, self.quiet = Path(work_dir) / 'runs', quiet
        self.writers: dict[str, EventsWriter] = {}

    def add(self, part: str, step: int, **values: float) -> None:
        """Add values of 'train' or 'val' at this step."""
        if self.quiet:
            return
        try:
            for name, value in values.items():
                self._write(part, step, scalar(name, value))
            if part == 'val':
                self.flush()
        except OSError as error:
            self._give_up(error)

    def flush(self) -> None:
        """Write what is pending."""
        for writer in self.writers.values():
            writer.flush()

    def close(self, step: int = 0) -> None:
        """Write what is pending and close the files.

        Parameters
        ----------
        step : int. The last training step, also of a run that was resumed after it; the pictures belong to it. 0 for a
            run that has not trained, whose pictures are not added (default).
        """
        if step and not self.quiet:
            self._add_pictures(step)
        writers, self.writers = self.writers, {}
        try:
            for writer in writers.values():
                writer.close()
        except OSError as error:
            self._give_up(error)

    def _write(self, part: str, step: int, summary: Summary) -> None:
        """Write an event of 'train' or 'val', whose file is made with the first one."""
        if part not in self.writers:
            (self.folder / part).mkdir(parents=True, exist_ok=True)
            self.writers[part] = EventsWriter(str(self.folder / part / 'events'), f'.{os.getpid()}')
        self.writers[part].write_event(Event(wall_time=time.time(), step=step, summary=summary))

    def _add_pictures(self, step: int) -> None:
        """Add the run's pictures as they are in their files."""
        for name in pictures.NAMES:
            try:
                png = (self.folder.parent / f'{name}.png').read_bytes()
                width, height = struct.unpack('>II', png[16:24])
                image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
                self._write('val', step, Summary(value=[Summary.Value(tag=name, image=image)]))
            except FileNotFoundError:
                continue
            except OSError as error:
                return self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.quiet, self.writers = True, {}
        print(f'warning: no more TensorBoard values in {self.folder}: {error.strerror or error}', file=sys.stderr)


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
        lines = self.path.read_text(errors='replace').splitlines()
        steps = [_step_of(line) for line in lines]
        if unread := sum(each is None for each in steps[:-1]):  # the last line of a killed run may be a part of one
            print(f'warning: {unread} lines of {self.path} are damaged and left out', file=sys.stderr)
        kept = [line for line, each in zip(lines, steps) if each is not None and each <= step]
        write_text(self.path, ''.join(f'{line}\n' for line in kept))

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


def _step_of(line: str) -> int | None:
    """Return the step of a line of log.jsonl; None if the line is damaged."""
    try:
        step = json.loads(line)['step']
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return step if isinstance(step, int) else None


class TrainingValues:
    """The values of an epoch's training steps: read from the device many at a time, so that no step waits for it.

    Parameters
    ----------
    epoch : int. Its number, from 1.
    logs : TensorBoard, JsonLog. They get the values of every step.
    remedy : str. What an infinite or nan loss means and what helps, for the error message.

    Attributes
    ----------
    means : torchlight.metrics.Means. Of what was read.
    """

    def __init__(self, epoch: int, logs: Sequence[Any], remedy: str) -> None:
        self.epoch, self.logs, self.remedy, self.means = epoch, logs, remedy, Means()
        self.pending: list[tuple[int, int, float, torch.Tensor]] = []
        self.names: list[str] = []

    def add(self, step: int, count: int, lr: float, values: Mapping[str, torch.Tensor]) -> None:
        """Keep the values of a step until they are read.

        Parameters
        ----------
        step : int. Its number in the run, from 1.
        count : int. Samples that the values are means over.
        lr : float. The learning rate.
        values : {name: tensor of one number}. The same names in every step, among them 'loss'.
        """
        self.names = list(values)
        self.pending.append((step, count, lr, torch.stack([value.detach() for value in values.values()])))

    def read(self) -> dict[str, float]:
        """Read the steps since the last call; return the values of the last one.

        Raises
        ------
        InputError
            If the loss of a step is infinite or nan.
        """
        rows = torch.stack([values for *_, values in self.pending]).tolist()
        for (step, count, lr, _), row in zip(self.pending, rows):
            values = dict(zip(self.names, row))
            if not math.isfinite(values['loss']):
                terms = ', '.join(name for name, value in values.items() if not math.isfinite(value))
                place = f'in epoch {self.epoch}, step {step}, at learning rate {lr:g}'
                raise InputError(f'the loss is {values["loss"]} ({terms}) {place}; {self.remedy}')
            self.means.add(count, **values)
            for log in self.logs:
                log.add('train', step, lr=lr, **values)
        self.pending = []
        return values
