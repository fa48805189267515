"""Damage that looks for code not reached before, by Atheris, which takes over a process: one for each reader."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of the program and of the Python libraries that read for it. Only what is imported after Atheris can be followed.
FOLLOWED = 'torchlight', 'graph', 'model', 'feeders', 'LLMs', 'Ensemble', 'main_MMCL', 'yaml', 'PIL', 'zipfile', 'csv'
ENDS = 10, 11  # statuses of a process that has had its time: no file failed, or some did
START = 120  # seconds in which a process has read its file once and Atheris has begun


def fuzz(name, folder, seconds, seed, keep):
    """Run the process of one reader, which prints a line for it; return whether any file failed."""
    command = [sys.executable, '-m', 'tests.fuzz.coverage', name, folder, str(seconds), str(seed), str(keep)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            error = process.communicate(timeout=seconds + START)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            error = process.communicate()[1] + f'\nit did not end {START} s after its time'
    if process.returncode in ENDS:
        return bool(ENDS.index(process.returncode))
    print(f'{name}: its process ended with status {process.returncode}', *error.splitlines()[-9:], sep='\n  ')
    for file in filter(Path.is_file, Path(folder, 'file').rglob('*')):
        keep.mkdir(parents=True, exist_ok=True)
        print(f'  its last file: {shutil.copy(file, keep / f"{name}-last{file.suffix}")}', flush=True)
    return True


def main(name, folder, seconds, seed, keep):
    """Be the process of one reader."""
    import atheris

    with atheris.instrument_imports(include=FOLLOWED):
        from tests.fuzz.tally import Tally

    corpus, place = Path(folder, 'corpus'), Path(folder, 'file')
    corpus.mkdir()
    place.mkdir()
    tally = Tally(name, place, keep)
    (corpus / 'original').write_bytes(tally.original)
    until = time.monotonic() + float(seconds)

    def read(data):
        tally.read(data, hashlib.sha256(data).hexdigest()[:12])
        if time.monotonic() > until:
            print(tally, flush=True)
            os._exit(ENDS[tally.counts['failed'] > 0])

    # Time and memory are limited in `damage.run`, which says what they were. Files are not made smaller: what code in C
    # reads of them is not followed, and would be lost.
    options = {
        'seed': int(seed) + 1,
        'max_len': 2 * len(tally.original) + 64,
        **dict.fromkeys(('timeout', 'rss_limit_mb', 'len_control', 'reduce_inputs'), 0),
        'artifact_prefix': f'{folder}/',
    }
    atheris.Setup([sys.argv[0], *(f'-{key}={value}' for key, value in options.items()), str(corpus)], read)
    atheris.Fuzz()


if __name__ == '__main__':
    main(*sys.argv[1:])
