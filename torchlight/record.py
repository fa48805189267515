"""run.json: what a run was made with, so that its numbers can be traced.

    {"format": 1, "state": "running", "sessions": [{"started": …, "command": …, …}, …], "result": {"top1": 0.9, …}}

A session has `started` (ISO 8601), `command`, `host`, `process`, `seed`, `python`, `libraries` {name: version},
`threads`, `devices`, `git` {commit, changed} and `data` {path: digest}.

The state is 'starting' until the run's first checkpoint is in the folder, then 'running', and 'finished' after the last
epoch, when the result is known. There is a session for each start: the first, and every one with --resume.
"""

import json
import os
import platform
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from torchlight.errors import InputError
from torchlight.files import write_text

NAME, FORMAT = 'run.json', 1
LIBRARIES = 'torch', 'numpy', 'h5py', 'pyyaml', 'scikit-learn', 'tensorboardX'


def describe_session(seed: int, devices: Sequence[torch.device], **more: Any) -> dict[str, Any]:
    """Describe one start of a run.

    Parameters
    ----------
    seed : int.
    devices : of this process.
    more : what else to record, as JSON can hold it.
    """
    return {
        'started': _now(),
        'command': shlex.join(sys.argv),
        'host': socket.gethostname(),
        'process': os.getpid(),
        'seed': seed,
        'python': platform.python_version(),
        'libraries': {name: _version(name) for name in LIBRARIES},
        'threads': torch.get_num_threads(),
        'devices': [_device_name(device) for device in devices],
        'git': git_state(Path(__file__).parent),
        **more,
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the commit of the working tree around a folder and whether files differ from it; None without one."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(['git', '-C', str(folder), *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):  # git is not installed, or the disk does not answer
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git('rev-parse', 'HEAD')
    return commit and {'commit': commit, 'changed': bool(git('status', '--porcelain', '--untracked-files=no'))}


def read(folder: str | Path) -> dict[str, Any]:
    """Read the run.json of a folder, {} if there is none; raise InputError if it is something else."""
    path = Path(folder) / NAME
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f'{path} cannot be read: {error}') from error
    sessions = found.get('sessions') if isinstance(found, dict) else None
    if not isinstance(sessions, list) or not all(isinstance(session, dict) for session in sessions):
        raise InputError(f'{path} is not the record of a run')
    return found


def write(folder: str | Path, state: str, sessions: Sequence[Mapping[str, Any]], **more: Any) -> None:
    """Write the run.json of a folder, with what else there is to say."""
    text = json.dumps({'format': FORMAT, 'state': state, 'sessions': list(sessions), **more}, indent=2)
    write_text(Path(folder) / NAME, text + '\n')


def add_session(folder: str | Path, session: Mapping[str, Any]) -> None:
    """Record that the run of a folder goes on."""
    write(folder, 'running', [*read(folder).get('sessions', []), session])


def changes(folder: str | Path, session: Mapping[str, Any]) -> str:
    """Return how a session differs from the last one of a folder in what decides the rounding of sums; '' if equal.

    That is the number of threads, the devices, and the version of PyTorch.
    """
    sessions = read(folder).get('sessions', [])
    then, now = _rounding(sessions[-1] if sessions else session), _rounding(session)
    return ', '.join(f'{key} {then[key]} → {now[key]}' for key in now if then[key] != now[key])


def _rounding(session: Mapping[str, Any]) -> dict[str, Any]:
    devices, libraries = session.get('devices') or (), session.get('libraries') or {}
    return {
        'threads': session.get('threads'),
        'devices': ' '.join(map(str, devices)),
        'torch': libraries.get('torch') if isinstance(libraries, dict) else None,
    }


def finish(folder: str | Path, **result: float) -> None:
    """Record that the run of a folder is finished, when its last session ended, and the result."""
    sessions = list(read(folder).get('sessions', []))
    if sessions:
        sessions[-1] = {**sessions[-1], 'ended': _now()}
    write(folder, 'finished', sessions, result=result)


def _now() -> str:
    return time.strftime('%Y-%m-%dT%H:%M:%S%z')


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == 'cuda' else platform.processor() or platform.machine()
