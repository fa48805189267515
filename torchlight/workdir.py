"""The work directory: what a run leaves there, and what an earlier run left."""

import csv
import inspect
import re
import shutil
import sys
from pathlib import Path

from torchlight import checkpoint, config, figures, metrics
from torchlight.errors import InputError
from torchlight.files import atomic_path, make_folder, write_text
from torchlight.scores import write_scores

LEFT_BY_RUNS = (
    r'config\.yaml|checkpoint\.pt|best(\.pt|_right\.txt|_wrong\.txt)|runs|'
    r'confusion_matrix\.png|curves\.png|epoch\d+_(test|val)_score(_refined)?\.pkl|epoch\d+_(test|val)_each_class_acc\.csv'
)


class WorkDir:
    """The files of one run.

    Args:
        path: the folder. prefix: how the weights files' names begin, `runs` for runs-<epoch>-<step>.pt; one with
        a folder in it is taken as it stands.
    """

    def __init__(self, path, prefix='runs'):
        self.path = Path(path)
        self.prefix = Path(prefix) if Path(prefix).name != prefix else self.path / prefix

    @property
    def checkpoint(self):
        return self.path / 'checkpoint.pt'

    def occupied(self):
        """Does the folder hold an earlier run, or anything that a new one would replace?"""
        return bool(self.leftovers())

    def claim(self, assume_yes):
        """Make sure that a new run may take the folder: ask on a terminal, else insist on --assume-yes.

        Raises InputError where the answer is no or there is nobody to ask. Removes nothing.
        """
        if not self.occupied() or assume_yes:
            return
        if not sys.stdin.isatty():
            raise InputError(
                f'{self.path} already holds a run; continue it with --resume auto, replace it with '
                '--assume-yes, or give another --work-dir'
            )
        try:
            answer = input(f'{self.path} already holds a run. Replace it? [y/N] ')
        except EOFError:  # Ctrl-D
            answer = 'n'
        if answer.strip().lower() not in ('y', 'yes'):
            raise InputError(
                f'{self.path} is left as it is; continue its run with --resume auto, or give another --work-dir'
            )

    def unbegun(self):
        """Was the run that the folder holds interrupted before its first checkpoint?"""
        return not any(path.suffix == '.pt' for path in self.leftovers())

    def clear(self):
        """Remove what an earlier run left (its log stays); returns how many files."""
        files = self.leftovers()
        count = sum(sum(part.is_file() for part in path.rglob('*')) if path.is_dir() else 1 for path in files)
        for path in files:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return count

    def leftovers(self):
        """The files and folders that runs leave, by their names."""
        weights = re.escape(self.prefix.name) + r'-\d+-\d+(\.pt|_wrong\.txt|_right\.txt)'
        return [
            path
            for folder, left in ((self.path, LEFT_BY_RUNS), (self.prefix.parent, weights))
            if folder.is_dir()
            for path in folder.iterdir()
            if re.fullmatch(left, path.name)
        ]

    def adopt(self, folder, best):
        """Copy the best epoch's weights of the run in another folder; `best` has their epoch and step."""
        for own in (self.weights(best['epoch'], best['step']), self.path / 'best.pt'):
            if not (folder / own.name).exists():
                raise InputError(f'{folder / own.name}, the best weights of the run to resume, does not exist')
            with atomic_path(own) as temporary:
                shutil.copyfile(folder / own.name, temporary)

    def describe(self, arg, model, command_line):
        """Write config.yaml and copies of the source files of the model and of its parts."""
        write_text(self.path / 'config.yaml', config.dump(arg, command_line))
        sources = {
            inspect.getsourcefile(type(part))
            for part in model.modules()
            if type(part).__module__.split('.')[0] != 'torch'
        }
        for source in sorted(sources):
            with atomic_path(self.path / Path(source).name) as temporary:
                shutil.copyfile(source, temporary)

    def weights(self, epoch, step):
        """The weights file of this epoch (counted from 1) and global step."""
        return self.prefix.with_name(f'{self.prefix.name}-{epoch}-{step}.pt')

    def save_weights(self, model, epoch, step):
        path = self.weights(epoch, step)
        make_folder(path.parent)
        checkpoint.save(checkpoint.plain_state(model), path)
        return path

    def write_evaluation(self, result, name, part, epoch, save_score):
        """epoch<N>_test_each_class_acc.csv: each class's accuracy in row 1, the confusion matrix below; the scores.

        Args:
            result: Evaluation of the clips `name`. part: 'test', or 'val' for held-out training clips.
            epoch: N. save_score: write epoch<N>_test_score.pkl too.
        """
        stem = f'epoch{epoch}_{part}'
        matrix = result.confusion()
        with atomic_path(self.path / f'{stem}_each_class_acc.csv') as temporary:
            with open(temporary, 'w', newline='') as file:
                writer = csv.writer(file)
                writer.writerow(metrics.class_accuracy(matrix))
                writer.writerows(matrix)
        if save_score:
            write_scores(self.path / f'{stem}_score.pkl', name, result.scores)
            if result.refined is not None:
                write_scores(self.path / f'{stem}_score_refined.pkl', name, result.refined)

    def draw_confusion(self, matrix):
        """confusion_matrix.png"""
        accuracy = matrix.diagonal().sum() / matrix.sum()
        figures.draw_confusion(self.path / 'confusion_matrix.png', matrix, f'top-1 {100 * accuracy:.2f} %')

    def draw_curves(self, history):
        """curves.png"""
        figures.draw_curves(self.path / 'curves.png', history)


def write_verdicts(weights, name, result):
    """<weights>_right.txt: `predicted,true` of every clip; <weights>_wrong.txt: `name,predicted,true` of the wrong."""
    stem = str(weights).removesuffix('.pt')
    verdicts = list(zip(name, result.scores.argmax(1).tolist(), result.label.tolist()))
    write_text(f'{stem}_right.txt', ''.join(f'{guess},{true}\n' for _, guess, true in verdicts))
    write_text(
        f'{stem}_wrong.txt', ''.join(f'{clip},{guess},{true}\n' for clip, guess, true in verdicts if guess != true)
    )
