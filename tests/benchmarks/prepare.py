"""Parse and clean `.skeleton` files of one person, 80 frames: the program, in bulk, against the reference."""

import numpy as np

from feeders.recordings import denoise
from feeders.recordings.skeleton_file import parse_skeleton
from tests.benchmarks.measure import alternate, clock, row
from tests.helpers import skeleton_text
from tests.reference import skeleton_file

FILES, FRAMES = 10, 80


def made_up(seed):
    """The bytes of a file of one moving person."""
    rng = np.random.default_rng(seed)
    return skeleton_text([{'72057594037931101': pose} for pose in rng.normal(size=(FRAMES, 25, 3))])


def plainly(text):
    """Line by line, body by body: (T, 75)."""
    return skeleton_file.translate(skeleton_file.denoise(*skeleton_file.parse(text)))


def in_bulk(text):
    """By the program."""
    clip = denoise.prepare(parse_skeleton(text))
    return clip.reshape(len(clip), -1)


def run(options):
    """One row."""
    texts = [made_up(seed) for seed in range(FILES)]
    for text in texts:
        assert np.array_equal(in_bulk(text), plainly(text))
    functions = {
        'plain': clock(lambda: [plainly(text) for text in texts]),
        'ours': clock(lambda: [in_bulk(text) for text in texts]),
    }
    found = alternate(functions, 2 * options.rounds)
    yield row('prepare', 'one_person', found['plain'], found['ours'], FILES)
