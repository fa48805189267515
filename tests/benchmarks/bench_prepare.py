"""Parse and clean `.skeleton` files: the bulk parser against a plain line-by-line one, in one run.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_prepare [folder of .skeleton files]

Without a folder, files are made up: 80 frames of one person. Prints milliseconds a clip, best of 5 rounds that
alternate between the two, and their ratio.
"""

import sys
import time
from pathlib import Path

import numpy as np

from feeders.prepare import denoise
from feeders.prepare.skeleton_file import Body, Recording, parse_skeleton

ROUNDS = 5


def parse_plainly(text):
    """What one writes first: a line at a time, a joint at a time."""
    lines = iter(text.decode().splitlines())
    seen, kept = {}, 0
    for frame in range(int(next(lines))):
        bodies = int(next(lines))
        for _ in range(bodies):
            identity = next(lines).split()[0]
            joints = [np.array(next(lines).split()[:3], dtype=np.float32) for _ in range(int(next(lines)))]
            seen.setdefault(identity, []).append((frame, kept, np.stack(joints)))
        kept += bodies > 0
    return Recording(
        kept,
        [
            Body(
                identity,
                np.array([frame for frame, _, _ in observations]),
                observations[0][1],
                np.stack([joints for _, _, joints in observations]),
            )
            for identity, observations in seen.items()
        ],
    )


def made_up(frames=80, seed=0):
    """The bytes of a file of one moving person, with as many digits as real ones."""
    rng = np.random.default_rng(seed)
    lines = [str(frames)]
    for pose in rng.normal(size=(frames, 25, 11)).astype(np.float32):
        lines += [
            '1',
            '72057594037931101 0 1 1 1 1 0 0.02764709 0.05745083 2',
            '25',
            *(' '.join(map(str, [*row, 2])) for row in pose),
        ]
    return '\n'.join(lines).encode()


def seconds(parse, texts):
    began = time.perf_counter()
    for text in texts:
        denoise.prepare(parse(text))
    return time.perf_counter() - began


def main(folder=None):
    """Print one line."""
    texts = (
        [path.read_bytes() for path in sorted(Path(folder).glob('*.skeleton'))]
        if folder
        else [made_up(seed=seed) for seed in range(10)]
    )
    for text in texts:
        assert np.array_equal(denoise.prepare(parse_skeleton(text)), denoise.prepare(parse_plainly(text)))
    rounds = [(seconds(parse_plainly, texts), seconds(parse_skeleton, texts)) for _ in range(ROUNDS)]
    plain, bulk = (1000 * best / len(texts) for best in np.min(rounds, 0))
    print(f'{len(texts)} clips: line by line {plain:.2f} ms, in bulk {bulk:.2f} ms a clip: {plain / bulk:.1f} times')


if __name__ == '__main__':
    main(*sys.argv[1:])
