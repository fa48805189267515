"""The runs below a folder, read from what they leave there."""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from torchlight import record
from torchlight.checkpoint_parts import is_best, is_count
from torchlight.errors import InputError
from torchlight.files import require_file
from torchlight.tensor_files import read_containers
from torchlight.workdir import WorkDir
from torchlight.yaml_file import read_yaml

LOG_LINE = re.compile(r'\[ (\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}) \] ')
PAIR = re.compile(r'(\d+),(\d+)')


class FoundRun(NamedTuple):
    """A run.

    Attributes
    ----------
    name : str. Its folder, below the one that was searched.
    path : Path. Its folder.
    settings : dict. As in config.yaml, {} if that cannot be read.
    session : dict. The last session of run.json, {} if there is none.
    finished : bool. Whether all epochs were trained and the best one scored.
    epoch : int. The epochs that are done.
    best : dict or None. {'accuracy', 'epoch', 'step'} of the best epoch, see torchlight.workdir.
    accuracy : float or None. Of the best epoch, on the test clips if it has scored them already.
    seconds : float or None. How long its sessions took, as far as log.txt tells.
    problems : list of str. What is wrong with its files.
    """

    name: str
    path: Path
    settings: dict[str, Any]
    session: dict[str, Any]
    finished: bool
    epoch: int
    best: dict[str, Any] | None
    accuracy: float | None
    seconds: float | None
    problems: list[str]


def find_runs(folder: str | Path) -> list[FoundRun]:
    """Read the runs in a folder and below it; raise InputError if there are none.

    A run is recognised by its run.json or checkpoint.pt. What cannot be read of it is among its problems.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f'{folder} is not a folder; give one that has work directories in it')
    places = {path.parent for name in (record.NAME, 'checkpoint.pt') for path in folder.rglob(name)}
    if not places:
        raise InputError(f'no runs are in {folder} or below it: no folder there has a run.json or a checkpoint.pt')
    return [read_run(place, folder) for place in sorted(places)]


def read_run(path: Path, folder: Path) -> FoundRun:
    """Read the run in `path`, which is `folder` or below it."""
    problems: list[str] = []
    settings = _kept(problems, _settings, path)
    recorded = _kept(problems, record.read, path)
    state = _kept(problems, _state, path)
    best = state.get('best')
    sessions = recorded.get('sessions', [])
    lists = evaluation_files(path, settings, best) if best else ()
    accuracy = _kept(problems, _accuracy, lists[1]) if lists and lists[1].exists() else {}
    relative = path.relative_to(folder)
    return FoundRun(
        name=str(relative) if relative.parts else path.resolve().name,
        path=path,
        settings=settings,
        session=sessions[-1] if sessions else {},
        finished=recorded.get('state') == 'finished',
        epoch=state.get('epoch', 0),
        best=best,
        accuracy=accuracy.get('accuracy', best and best['accuracy']),
        seconds=_seconds(path / 'log.txt', sessions),
        problems=problems,
    )


def evaluation_files(path: Path, settings: Mapping[str, Any], best: Mapping[str, Any]) -> tuple[Path, Path, Path]:
    """Return the files of the scores of the best epoch, of its predicted and true classes, and of its wrong clips."""
    prefix = settings.get('model_saved_name', 'runs')
    weights = str(WorkDir(path, prefix if isinstance(prefix, str) else 'runs').weights(best['epoch'], best['step']))
    lists = [Path(weights.removesuffix('.pt') + ending) for ending in ('_right.txt', '_wrong.txt')]
    return path / 'epoch1_test_score.pkl', *lists


def read_pairs(path: Path) -> list[tuple[int, int]]:
    """Read a list of right and wrong clips, a line `predicted,true` for each; raise InputError for another file."""
    try:
        lines = require_file(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path} cannot be read: {error}') from error
    found = [PAIR.fullmatch(line) for line in lines]
    if not found or not all(found):
        raise InputError(f'{path} is not a list of predicted,true for each clip')
    return [(int(match[1]), int(match[2])) for match in found]


def _kept(problems: list[str], read: Any, path: Path) -> dict[str, Any]:
    """Return what `read` finds in `path`; if it cannot, add the reason to `problems` and return {}."""
    try:
        return read(path)
    except InputError as error:
        problems.append(str(error))
        return {}


def _settings(path: Path) -> dict[str, Any]:
    file = path / 'config.yaml'
    try:
        found = read_yaml(file.read_text(), file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{file} cannot be read: {getattr(error, "strerror", None) or error}') from error
    if not isinstance(found, dict):
        raise InputError(f'{file} has no settings')
    return found


def _state(path: Path) -> dict[str, Any]:
    """Return 'epoch' and 'best' of the checkpoint."""
    file = path / 'checkpoint.pt'
    if not file.exists():
        raise InputError(f'{file} does not exist')
    state = read_containers(file)
    known = isinstance(state, dict) and is_count(state.get('epoch'))
    if not known or not (state.get('best') is None or is_best(state['best'])):
        raise InputError(f'{file} is not the checkpoint of a run')
    return {'epoch': state['epoch'], 'best': state['best']}


def _accuracy(path: Path) -> dict[str, float]:
    pairs = read_pairs(path)
    return {'accuracy': sum(predicted == true for predicted, true in pairs) / len(pairs)}


def _seconds(log: Path, sessions: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the sum of the times of the sessions, None if unknown.

    A session that has not recorded its end ended with its last line in the log.
    """
    timed = [session for session in sessions if _local(session.get('started'))]
    starts = [_local(session['started']) for session in timed]
    try:
        lines = sorted(_logged(log.read_text(errors='replace'))) if starts else []
    except OSError:  # --print-log False
        return None
    total, ends = 0.0, [*starts[1:], datetime.max]
    for session, start, end in zip(timed, starts, ends):
        ended = _local(session.get('ended'))
        moments = [ended] if ended else [line for line in lines if start <= line < end]
        total += max(((moment - start).total_seconds() for moment in moments), default=0.0)
    return total or None


def _logged(text: str) -> Iterator[datetime]:
    for match in LOG_LINE.finditer(text):
        with contextlib.suppress(ValueError):  # no date after all, but text that looks like one
            yield datetime(*time.strptime(match[1])[:6])


def _local(started: Any) -> datetime | None:
    """Return the start of a session in local time, as the log has it."""
    try:
        return datetime.strptime(started, '%Y-%m-%dT%H:%M:%S%z').astimezone().replace(tzinfo=None)
    except (TypeError, ValueError):
        return None
