"""The most probable classes of samples: for people, and as tables for programs.

Legend: N samples, K classes that are shown of each.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import softmax

from torchlight.files import require_ending, write_csv, write_text

ENDINGS = ('.csv', '.json')


class Ranking(NamedTuple):
    """The most probable classes of N samples.

    Attributes
    ----------
    name : N str. The samples' names.
    label : (N, K) int. Classes, the most probable first; equal scores rank by class number.
    probability : (N, K) float. Softmax of the scores.
    classes : str, one per class. Their names; shorter, or '' where a name is not known.
    """

    name: Sequence[str]
    label: np.ndarray
    probability: np.ndarray
    classes: Sequence[str] = ()

    @classmethod
    def of(cls, name: Sequence[str], scores: np.ndarray, k: int, classes: Sequence[str] = ()) -> 'Ranking':
        """Rank the classes of named samples by their scores, (N, num_class) logits; at most k are kept."""
        label = np.argsort(-scores, axis=1, kind='stable')[:, :k]
        return cls(name, label, np.take_along_axis(softmax(scores, axis=1), label, 1), classes)

    def class_name(self, label: int) -> str:
        """Return the name of a class, '' if it is not known."""
        return self.classes[label] if label < len(self.classes) else ''

    def lines(self) -> list[str]:
        """Return what people read: the name of a sample, and a line for each of its classes."""
        titles = {label: self.class_name(label) or f'class {label}' for label in np.unique(self.label).tolist()}
        width, lines = max(map(len, titles.values()), default=0), []
        for name, labels, probabilities in zip(self.name, self.label.tolist(), self.probability.tolist()):
            lines.append(name)
            lines += [f'  {titles[label]:{width}} {100 * p:6.2f} %' for label, p in zip(labels, probabilities)]
        return lines

    def table(self) -> list[list[Any]]:
        """Return the rows `name,label_1,class_1,probability_1,…`, the header first."""
        places = range(1, self.label.shape[1] + 1)
        rows: list[list[Any]] = [
            ['name', *(f'{word}_{i}' for i in places for word in ('label', 'class', 'probability'))]
        ]
        for name, labels, probabilities in zip(self.name, self.label.tolist(), self.probability.tolist()):
            cells = ((label, self.class_name(label), f'{p:.4f}') for label, p in zip(labels, probabilities))
            rows.append([name, *(cell for group in cells for cell in group)])
        return rows

    def records(self) -> list[dict[str, Any]]:
        """Return [{'name', 'classes': [{'label', 'class', 'probability'}, …]}, …]."""
        return [
            {
                'name': name,
                'classes': [
                    {'label': label, 'class': self.class_name(label), 'probability': p}
                    for label, p in zip(labels, probabilities)
                ],
            }
            for name, labels, probabilities in zip(self.name, self.label.tolist(), self.probability.tolist())
        ]

    def write(self, path: str | Path | None) -> None:
        """Write the table (.csv) or the records (.json), or print the lines for None; refuse another ending."""
        if path is None:
            print('\n'.join(self.lines()))
            return
        require_ending(path, *ENDINGS, flag='--output')
        if Path(path).suffix == '.json':
            write_text(path, json.dumps(self.records(), indent=1) + '\n')
        else:
            write_csv(path, self.table())
