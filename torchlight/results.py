"""The results of an evaluation on disk: scores, tables, lists of right and wrong samples, and pictures.

Legend: N samples.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from torchlight.errors import InputError
from torchlight.files import write_csv, write_text
from torchlight.metrics import Evaluation, class_accuracy
from torchlight.pickles import write_scores
from torchlight.pictures.confusion import draw_confusion


def write_evaluation(folder: Path, result: Evaluation, part: str, epoch: int, save_score: bool) -> None:
    """Write epoch<N>_<part>_each_class_acc.csv (each class's accuracy, then the confusion matrix) and the scores.

    Parameters
    ----------
    folder : path. The work directory.
    result : Evaluation of N samples.
    part : str. 'test', or 'val' for held-out training samples.
    epoch : int. Counted from 1.
    save_score : bool. Write epoch<N>_<part>_score.pkl too.
    """
    stem, matrix = f'epoch{epoch}_{part}', result.confusion()
    write_csv(folder / f'{stem}_each_class_acc.csv', [class_accuracy(matrix), *matrix])
    if save_score:
        write_scores(folder / f'{stem}_score.pkl', result.name, result.scores)
        if result.refined is not None:
            write_scores(folder / f'{stem}_score_refined.pkl', result.name, result.refined)


def write_verdicts(folder: Path, weights: str | Path, result: Evaluation) -> None:
    """Write what weights do to each sample, next to them, and confusion_matrix.png into the work directory.

    <weights>_right.txt has a line `predicted,true` for every sample, <weights>_wrong.txt a line `name,predicted,true`
    for those that are classified wrongly.
    """
    stem, matrix = str(weights).removesuffix('.pt'), result.confusion()
    guess, true = result.scores.argmax(1), result.label
    write_text(f'{stem}_right.txt', ''.join(f'{g},{t}\n' for g, t in zip(guess, true)))
    wrong = np.flatnonzero(guess != true)
    write_text(f'{stem}_wrong.txt', ''.join(f'{result.name[i]},{guess[i]},{true[i]}\n' for i in wrong))
    draw(draw_confusion, folder / 'confusion_matrix.png', matrix, f'top-1 {100 * result.top(1):.2f} %')


def draw(picture: Callable[..., None], path: Path, *what: Any) -> None:
    """Draw a picture; if it cannot be written, warn: the run is worth more than its picture."""
    try:
        picture(path, *what)
    except InputError as error:
        print(f'warning: {error}', file=sys.stderr)
