"""Parse and clean `.skeleton` files: the program, which parses in bulk, against the reference, in one run.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_prepare [folder of .skeleton files]

Without a folder, files are made up: 80 frames of one person. Prints milliseconds a clip, best of 5 rounds that
alternate between the two, and their ratio.
"""

import sys
import time
from pathlib import Path

import numpy as np

from feeders.recordings import denoise
from feeders.recordings.skeleton_file import parse_skeleton
from tests.helpers import skeleton_text
from tests.reference import skeleton_file

ROUNDS = 5


def made_up(frames=80, seed=0):
    """The bytes of a file of one moving person."""
    rng = np.random.default_rng(seed)
    return skeleton_text([{'72057594037931101': pose} for pose in rng.normal(size=(frames, 25, 3))])


def plainly(text):
    """Line by line, body by body: (T, 75) or (T, 150)."""
    return skeleton_file.translate(skeleton_file.denoise(*skeleton_file.parse(text)))


def in_bulk(text):
    """By the program."""
    clip = denoise.prepare(parse_skeleton(text))
    return clip.reshape(len(clip), -1)


def seconds(prepare, texts):
    began = time.perf_counter()
    for text in texts:
        prepare(text)
    return time.perf_counter() - began


def main(folder=None):
    """Print one line."""
    texts = (
        [path.read_bytes() for path in sorted(Path(folder).glob('*.skeleton'))]
        if folder
        else [made_up(seed=seed) for seed in range(10)]
    )
    for text in texts:
        assert np.array_equal(in_bulk(text), plainly(text))
    rounds = [(seconds(plainly, texts), seconds(in_bulk, texts)) for _ in range(ROUNDS)]
    plain, bulk = (1000 * best / len(texts) for best in np.min(rounds, 0))
    print(f'{len(texts)} clips: line by line {plain:.2f} ms, in bulk {bulk:.2f} ms a clip: {plain / bulk:.1f} times')


if __name__ == '__main__':
    main(*sys.argv[1:])
