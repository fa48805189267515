"""The work directory: how a run begins there, continues and replaces another, and what each epoch leaves."""

import argparse
import contextlib
import inspect
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from torchlight import checkpoint, config, pictures, record, results
from torchlight.errors import InputError
from torchlight.files import atomic_path, make_folder, write_text
from torchlight.lock import locked
from torchlight.pictures.curves import draw_curves

LEFT_BY_RUNS = (
    r'config\.yaml|log\.jsonl|checkpoint\.pt|best(\.pt|_right\.txt|_wrong\.txt)|runs|per_class\.csv|confused_pairs\.csv|'
    rf'({"|".join(pictures.NAMES)})\.png|'
    r'report(_test)?\.html|epoch\d+_(test|val)_score(_refined)?\.pkl|epoch\d+_(test|val)_each_class_acc\.csv'
)
Best = Mapping[str, Any]  # the best epoch so far: {'accuracy', 'epoch' (counted from 1), 'step'}


class WorkDir:
    """The files of one run.

    Parameters
    ----------
    path : path. The folder; it is made when the first file is written.
    prefix : str. How the names of weights files begin, `runs` for runs-<epoch>-<step>.pt; with a folder in it, it is a
        path of its own (default 'runs').
    save_interval, save_epoch, num_epoch : int. Weights are kept every `save_interval` epochs and after the last one
        (`num_epoch`), but not up to epoch `save_epoch` (default: after every epoch).
    loss_weights : {term: weight}. Of the terms of the loss, for their curves (default: each is 1).
    pictures : bool. Draw the curves (default True).
    """

    description: Mapping[str, Any] | None = None  # what weights say of themselves

    def __init__(
        self,
        path: str | Path,
        prefix: str = 'runs',
        save_interval: int = 1,
        save_epoch: int = 0,
        num_epoch: int = 0,
        loss_weights: Mapping[str, float] | None = None,
        pictures: bool = True,
    ) -> None:
        self.path = Path(path)
        self.prefix = Path(prefix) if Path(prefix).name != prefix else self.path / prefix
        self.save_interval, self.save_epoch, self.num_epoch = save_interval, save_epoch, num_epoch
        self.loss_weights, self.pictures = loss_weights, pictures

    @classmethod
    def of(cls, arg: argparse.Namespace, loss_weights: Mapping[str, float] | None = None) -> 'WorkDir':
        """Make the one that the flags describe."""
        flags = arg.work_dir, arg.model_saved_name, arg.save_interval, arg.save_epoch, arg.num_epoch
        return cls(*flags, loss_weights, arg.pictures)

    @property
    def checkpoint(self) -> Path:
        """What `--resume auto` reads."""
        return self.path / 'checkpoint.pt'

    @property
    def best(self) -> Path:
        """The student's weights of the best epoch."""
        return self.path / 'best.pt'

    def weights(self, epoch: int, step: int) -> Path:
        """Return the weights file of this epoch (counted from 1) and global step."""
        return self.prefix.with_name(f'{self.prefix.name}-{epoch}-{step}.pt')

    @contextlib.contextmanager
    def locked(self, shared: bool = False) -> Iterator[None]:
        """Keep other runs out of the folders that this one writes to, see torchlight.lock.locked."""
        with contextlib.ExitStack() as locks:
            for folder in dict.fromkeys(place.resolve() for place in (self.path, self.prefix.parent)):
                locks.enter_context(locked(folder, shared))
            yield

    def checkpoint_to_resume(self, resume: str | None) -> Path | None:
        """Return the checkpoint that `--resume` means; None to start a new run, as 'auto' does without a checkpoint."""
        if resume == 'auto':
            return self.checkpoint if self.checkpoint.exists() and not self.is_starting() else None
        return Path(resume) if resume else None

    def is_starting(self) -> bool:
        """Return whether a run has taken the folder, but was killed before it had put its own checkpoint there."""
        return record.read(self.path).get('state') == 'starting'

    def begin(
        self,
        resumed: Path | None,
        best: Best | None,
        arg: argparse.Namespace,
        model: nn.Module,
        log: Callable[[str], None],
        state: Callable[[], Mapping[str, Any]],
        session: Mapping[str, Any],
    ) -> None:
        """Continue the run of this folder, or take the folder for another run; then describe the run there.

        A run that is in the folder is replaced after --assume-yes, or if it was interrupted before its first
        checkpoint; otherwise the user is asked. From here on there is a checkpoint at any moment.

        Parameters
        ----------
        resumed : path or None. The checkpoint that the run continues.
        best : dict or None. The best epoch of that run so far, whose weights are taken over.
        arg : Namespace. All settings.
        model : the model, whose source files are copied.
        log : function. Takes a line of text.
        state : function. Returns the checkpoint of a new run.
        session : dict. What run.json says of this start, see torchlight/record.py.

        Raises
        ------
        InputError
            If the folder has a run that may not be replaced, or if the best weights are missing.
        """
        if resumed and resumed.resolve().parent == self.path.resolve():
            if best and not self.weights(best['epoch'], best['step']).exists():
                raise InputError(f'the best weights so far, {self.weights(best["epoch"], best["step"])}, are missing')
            self._remove_superseded(state())
            self.describe(arg, model)
            if changes := record.changes(self.path, session):
                log(f'Other rounding than in an uninterrupted run is to be expected: {changes}')
            record.add_session(self.path, session)
            return
        sources = self._best_weights_in(resumed.parent, best) if resumed and best else {}
        self.claim(arg.assume_yes or self.is_starting())
        record.write(self.path, 'starting', [session])
        if removed := self.clear():
            log(f'Removed {removed} files of an earlier run from {self.path}')
        for own, source in sources.items():
            with atomic_path(own) as temporary:
                shutil.copyfile(source, temporary)
        self.describe(arg, model)
        self.save_checkpoint(state())
        record.write(self.path, 'running', [session])

    def _remove_superseded(self, state: Mapping[str, Any]) -> None:
        """Remove the weights that were the best before the last epoch, if `save_epoch_files` was killed before that."""
        *earlier, last = state['history'] or [{}]
        accuracy = {row['epoch']: row['val']['top1'] for row in earlier if 'val' in row}
        if state['best'] and state['best']['epoch'] == last.get('epoch') and accuracy:
            highest = max(accuracy.values())  # of equals any: until 2026-11-26 the first was the best
            for epoch in (epoch for epoch, top1 in accuracy.items() if top1 == highest and not self.keeps(epoch)):
                for path in self.prefix.parent.glob(f'{self.prefix.name}-{epoch}-*.pt'):
                    path.unlink()

    def claim(self, assume_yes: bool) -> None:
        """Make sure that a new run may take the folder: ask on a terminal, elsewhere require --assume-yes."""
        if assume_yes or not self.leftovers():
            return
        if not sys.stdin.isatty():
            raise InputError(
                f'{self.path} already contains a run; continue it with --resume auto, replace it with --assume-yes, or '
                'give another --work-dir'
            )
        try:
            answer = input(f'{self.path} already contains a run. Replace it? [y/N] ')
        except EOFError:  # Ctrl-D
            answer = 'n'
        if answer.strip().lower() not in ('y', 'yes'):
            raise InputError(
                f'{self.path} is unchanged; continue its run with --resume auto, or give another --work-dir'
            )

    def clear(self) -> int:
        """Remove what an earlier run left, except its log; return the number of files."""
        paths = self.leftovers()
        count = sum(sum(part.is_file() for part in path.rglob('*')) if path.is_dir() else 1 for path in paths)
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return count

    def leftovers(self) -> list[Path]:
        """Return the files and folders that runs leave, recognised by their names."""
        weights = re.escape(self.prefix.name) + r'-\d+-\d+(\.pt|_wrong\.txt|_right\.txt)'
        places = (self.path, LEFT_BY_RUNS), (self.prefix.parent, weights)
        found = [(path, left) for folder, left in places if folder.is_dir() for path in folder.iterdir()]
        return [path for path, left in found if re.fullmatch(left, path.name)]

    def _best_weights_in(self, folder: Path, best: Best) -> dict[Path, Path]:
        """Map this folder's files of the best weights to those of a run in another folder, which must exist."""
        sources = {own: folder / own.name for own in (self.weights(best['epoch'], best['step']), self.best)}
        for source in sources.values():
            if not source.exists():
                raise InputError(f'the best weights of the run to resume, {source}, do not exist')
        return sources

    def describe(self, arg: argparse.Namespace, model: nn.Module) -> None:
        """Write config.yaml and copies of the source files of the model and of its parts."""
        write_text(self.path / 'config.yaml', config.dump(arg, shlex.join(sys.argv)))
        classes = {cls for part in model.modules() for cls in type(part).__mro__ if issubclass(cls, nn.Module)}
        installed = tuple(sysconfig.get_paths()[key] for key in ('stdlib', 'purelib', 'platlib'))
        sources = {inspect.getsourcefile(cls) or '' for cls in classes}
        for source in sorted(source for source in sources if source and not source.startswith(installed)):
            with atomic_path(self.path / Path(source).name) as temporary:
                shutil.copyfile(source, temporary)

    def keeps(self, epoch: int) -> bool:
        """Return whether this epoch's weights are kept even if they are not the best."""
        return (epoch % self.save_interval == 0 or epoch == self.num_epoch) and epoch > self.save_epoch

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Write checkpoint.pt."""
        checkpoint.save(state, self.checkpoint, self.description)

    def save_epoch_files(self, student: nn.Module, state: Mapping[str, Any], previous_best: Best | None) -> None:
        """Write what an epoch leaves: weights if they are kept or the best, best.pt, checkpoint.pt, curves.png.

        Parameters
        ----------
        student : the part of the model that is deployed, for best.pt.
        state : dict. The checkpoint: all that is needed to resume, with 'model' (a state_dict), 'epoch',
            'global_step', 'best' and 'history'.
        previous_best : dict or None. The best epoch before this one; its weights go unless they are kept.
        """
        improved = state['best'] is not previous_best
        if improved or self.keeps(state['epoch']):
            path = self.weights(state['epoch'], state['global_step'])
            make_folder(path.parent)
            checkpoint.save(state['model'], path, self.description)
        if improved:
            checkpoint.save(checkpoint.plain_state(student), self.best, self.description)
        self.save_checkpoint(state)
        if improved and previous_best and not self.keeps(previous_best['epoch']):
            self.weights(previous_best['epoch'], previous_best['step']).unlink(missing_ok=True)
        if self.pictures:
            results.draw(draw_curves, self.path / 'curves.png', state['history'], state['best'], self.loss_weights)
