"""A run with names that a page must escape, clips of one and two persons, and a result that is partly wrong."""

import numpy as np

from torchlight.metrics import Evaluation
from torchlight.report.clips import Skeletons
from torchlight.report.published import Published, PublishedResult
from torchlight.report.run import Run

EVIL = '<script>alert("x")</script>&amp;'
CLASSES = [EVIL, 'wave', 'clap', 'kick', 'jump with both feet from a very low box', '']
PARENTS = [0, 0, 1, 1, 1, 0, 0]
HISTORY = [
    {'epoch': e, 'train': {'loss': 3 / e, 'cross_entropy': 2 / e, 'top1': 1 - 1 / e, 'lr': 0.1**e}}
    | ({'val': {'loss': 4 / e, 'top1': 0.9 - 0.8 / e, 'top5': 1 - 0.5 / e}} if e != 2 else {})
    for e in (1, 2, 3)
]


def evaluation(clips=48, seed=0):
    """Scores of clips of which about half are right."""
    rng, label = np.random.default_rng(seed), np.arange(clips) % len(CLASSES)
    scores = rng.normal(size=(clips, len(CLASSES))).astype(np.float32)
    scores[np.arange(clips), label] += 1
    return Evaluation([f'{EVIL}{i}' for i in range(clips)], label, scores, classes=CLASSES)


def walk(i):
    """Frames of clip i, (T, M, V, C): a second person is there in every other clip, from the middle on."""
    frames = np.random.default_rng(i).normal(size=(10 + i, 2, len(PARENTS), 3)).cumsum(0)
    frames[: len(frames) // 2 if i % 2 else None, 1] = 0
    return frames


def made_up(**changes):
    """A run as the program describes one."""
    result = PublishedResult('CTR-GCN', 'joint', 0.5, f'a paper {EVIL}', True)
    session = {'started': '2026-01-01', 'seed': 1, 'threads': 2, 'devices': ['cpu'], 'python': '3', 'libraries': {}}
    run = Run(
        title=f'Training: {EVIL}',
        command=f'main_MMCL.py --work-dir "{"a very long path/" * 20}"',
        facts=[('weights', EVIL)],
        data=[('data set', EVIL)],
        settings={'seed': 2, 'lr': 0.1, 'model_args': {'graph': EVIL, 'layers': 3}},
        defaults={'seed': 1, 'lr': 0.1, 'model_args': {'layers': 3}},
        session={**session, 'data': {f'/data/{EVIL}': 'f' * 64}},
        result=evaluation(),
        history=HISTORY,
        published=Published('NTU60XSub, joint', [result, result._replace(comparable=False)], 16487),
        skeletons=Skeletons(walk, PARENTS, y_up=True),
        notes=['The best epoch was chosen on the test clips.'],
    )
    return run._replace(**changes)
