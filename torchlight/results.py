"""The results of an evaluation on disk: scores, tables, lists of right and wrong samples, and pictures.

Legend: N samples.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchlight.errors import InputError
from torchlight.files import write_csv, write_text
from torchlight.metrics import Evaluation, class_accuracy, confused_pairs, most_confused_with
from torchlight.pickles import write_scores
from torchlight.pictures.accuracy import draw_class_accuracy
from torchlight.pictures.confusion import draw_confusion
from torchlight.pictures.embedding import draw_embedding


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


def write_verdicts(folder: Path, weights: str | Path, result: Evaluation, pictures: bool = True) -> None:
    """Write what weights do to each sample, next to them, and what they do to each class into the work directory.

    <weights>_right.txt has a line `predicted,true` for every sample, <weights>_wrong.txt a line `name,predicted,true`
    for those that are classified wrongly. The work directory gets what `write_classes` writes and, if there are to be
    pictures (the default), what `draw_classes` draws, and embedding.png if the evaluation has features.
    """
    stem, accuracy = str(weights).removesuffix('.pt'), 100 * result.top(1)
    guess, true = result.scores.argmax(1), result.label
    write_text(f'{stem}_right.txt', ''.join(f'{g},{t}\n' for g, t in zip(guess, true)))
    wrong = np.flatnonzero(guess != true)
    write_text(f'{stem}_wrong.txt', ''.join(f'{result.name[i]},{guess[i]},{true[i]}\n' for i in wrong))
    write_classes(folder, result.confusion(), result.classes)
    if pictures:
        draw_classes(folder, result.confusion(), f'top-1 {accuracy:.2f} % of {len(true)} clips', result.classes)
    if pictures and result.feature is not None:
        draw(draw_embedding, folder / 'embedding.png', result.feature, true, result.classes)


def write_classes(
    folder: Path,
    matrix: np.ndarray,
    classes: Sequence[str] = (),
    accuracies: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write per_class.csv and confused_pairs.csv (most frequent first).

    Parameters
    ----------
    folder : path.
    matrix : (num_class, num_class) int. Rows are true classes, columns predicted ones.
    classes : str, one per class. Their names; shorter, or '' where a name is not known (default).
    accuracies : {column: (num_class,)} of per_class.csv; by default 'accuracy', that of the matrix.
    """
    names, clips = [*classes, *[''] * (len(matrix) - len(classes))], matrix.sum(1)
    accuracies = accuracies or {'accuracy': class_accuracy(matrix)}
    rows = []
    for number, values in enumerate(zip(*accuracies.values())):
        other, times = most_confused_with(matrix, number)
        confused = (other, names[other], times) if times else ('', '', 0)
        rows.append([number, names[number], clips[number], *(f'{value:.4f}' for value in values), *confused])
    heading = ['class', 'name', 'clips', *accuracies, 'confused_with', 'confused_with_name', 'how_often']
    write_csv(folder / 'per_class.csv', [heading, *rows])
    pairs = ([t, names[t], p, names[p], count, f'{count / clips[t]:.4f}'] for t, p, count in confused_pairs(matrix))
    heading = ['true', 'true_name', 'predicted', 'predicted_name', 'clips', 'share_of_true']
    write_csv(folder / 'confused_pairs.csv', [heading, *pairs])


def draw_classes(folder: Path, matrix: np.ndarray, title: str, classes: Sequence[str] = ()) -> None:
    """Draw confusion_matrix.png and class_accuracy.png; see `write_classes`, `title` says what they are of."""
    draw(draw_confusion, folder / 'confusion_matrix.png', matrix, title, classes)
    draw(draw_class_accuracy, folder / 'class_accuracy.png', matrix, f'accuracy by class; {title}', classes)


def draw(picture: Callable[..., None], path: Path, *what: Any) -> None:
    """Draw a picture; if it cannot be written, warn: the run is worth more than its picture."""
    try:
        picture(path, *what)
    except InputError as error:
        print(f'warning: {error}', file=sys.stderr)
