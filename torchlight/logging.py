"""The log: lines on the screen and in log.txt, progress bars, and TensorBoard curves."""

import sys
import time
from pathlib import Path

from tensorboardX import SummaryWriter
from tqdm import tqdm

from torchlight.files import make_folder


class Log:
    """Lines of a run, on the screen and appended to log.txt.

    Args:
        work_dir: the folder of log.txt. to_file: write log.txt. quiet: say nothing (processes other than the first).
    """

    def __init__(self, work_dir, to_file=True, quiet=False):
        self.path = Path(work_dir) / 'log.txt' if to_file and not quiet else None
        self.quiet = quiet
        if self.path:
            make_folder(self.path.parent)

    def __call__(self, text):
        """Add one line, `[ asctime ] text`."""
        if self.quiet:
            return
        line = f'[ {time.asctime()} ] {text}'
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()
        if self.path:
            with open(self.path, 'a') as file:
                file.write(line + '\n')


def progress(iterable, label, quiet=False, total=None):
    """A progress bar with rate and time left; nothing where stderr is no terminal."""
    return tqdm(iterable, label, total=total, disable=True if quiet else None, dynamic_ncols=True, leave=False)


class Curves:
    """TensorBoard writers under <work_dir>/runs/train and runs/val; they make their files at the first value."""

    def __init__(self, work_dir, quiet=False):
        self.folder, self.quiet, self.writers = Path(work_dir) / 'runs', quiet, {}

    def add(self, part, step, **values):
        """Add values to the curves of 'train' or 'val' at this step."""
        if self.quiet:
            return
        if part not in self.writers:
            self.writers[part] = SummaryWriter(str(self.folder / part))
        for name, value in values.items():
            self.writers[part].add_scalar(name, value, step)

    def close(self):
        for writer in self.writers.values():
            writer.close()
        self.writers = {}
