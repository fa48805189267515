"""The most probable classes of samples: for people, and as tables for programs.

Legend: N samples, K classes that are shown of each.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import softmax

from torchlight.class_names import class_name
from torchlight.errors import counted
from torchlight.files import require_ending, write_csv, write_text

ENDINGS = ('.csv', '.json')


class Ranking(NamedTuple):
    """The most probable classes of N samples.

    Attributes
    ----------
    name : N str. The samples' names; windows of one recording have its name.
    label : (N, K) int. Classes, the most probable first; equal scores rank by class number.
    probability : (N, K) float. Softmax of the scores.
    classes : str, one per class. Their names; shorter, or '' where a name is not known.
    frames : (N, 2) int or None. First and last frame of windows, counted from 0; None for whole recordings.
    """

    name: Sequence[str]
    label: np.ndarray
    probability: np.ndarray
    classes: Sequence[str] = ()
    frames: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        name: Sequence[str],
        scores: np.ndarray,
        k: int | None,
        classes: Sequence[str] = (),
        frames: np.ndarray | None = None,
    ) -> 'Ranking':
        """Rank the classes of named samples by their scores, (N, num_class) logits; at most k are kept, or all."""
        label = np.argsort(-scores, axis=1, kind='stable')[:, :k]
        return cls(name, label, np.take_along_axis(softmax(scores, axis=1), label, 1), classes, frames)

    def title(self, label: int) -> str:
        """Return what people call a class: its name, or `class 7`."""
        return class_name(label, self.classes) or f'class {label}'

    def lines(self) -> list[str]:
        """Return what people read: the name of a sample and its classes, or the windows of a recording by time."""
        return list(self._timelines() if self.frames is not None else self._rankings())

    def _rankings(self) -> Iterator[str]:
        width = max(map(len, map(self.title, np.unique(self.label).tolist())), default=0)
        for name, labels, probabilities in zip(self.name, self.label.tolist(), self.probability.tolist()):
            yield name
            for label, p in zip(labels, probabilities):
                yield f'  {self.title(label):{width}} {100 * p:6.2f} %'

    def _timelines(self) -> Iterator[str]:
        """Yield the name of a recording, and for each window its frames and its class, with the next one."""
        digits, previous = len(str(self.frames.max())), None
        for name, (first, last), labels, probabilities in zip(self.name, self.frames, self.label, self.probability):
            if name != previous:
                yield name
            best, *others = (f'{self.title(label)} {100 * p:.1f} %' for label, p in zip(labels[:2], probabilities))
            yield f'  frames {first:{digits}} to {last:{digits}}: {best}' + ''.join(
                f', then {other}' for other in others
            )
            previous = name

    def _places(self) -> list[dict[str, Any]]:
        """Return for each sample its name and, for a window, its frames."""
        if self.frames is None:
            return [{'name': name} for name in self.name]
        frames = self.frames.tolist()
        return [{'name': name, 'first_frame': a, 'last_frame': b} for name, (a, b) in zip(self.name, frames)]

    def table(self) -> list[list[Any]]:
        """Return the rows `name[,first_frame,last_frame],label_1,class_1,probability_1,…`, the header first."""
        places = ['name'] if self.frames is None else ['name', 'first_frame', 'last_frame']
        numbers = range(1, self.label.shape[1] + 1)
        rows: list[list[Any]] = [
            [*places, *(f'{word}_{i}' for i in numbers for word in ('label', 'class', 'probability'))]
        ]
        for place, labels, probabilities in zip(self._places(), self.label.tolist(), self.probability.tolist()):
            cells = ((label, class_name(label, self.classes), f'{p:.4f}') for label, p in zip(labels, probabilities))
            rows.append([*place.values(), *(cell for group in cells for cell in group)])
        return rows

    def records(self) -> list[dict[str, Any]]:
        """Return [{'name', 'first_frame' and 'last_frame' of a window, 'classes': [{'label', 'class', …}]}, …]."""
        return [
            {
                **place,
                'classes': [
                    {'label': label, 'class': class_name(label, self.classes), 'probability': p}
                    for label, p in zip(labels, probabilities)
                ],
            }
            for place, labels, probabilities in zip(self._places(), self.label.tolist(), self.probability.tolist())
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
        print(f'{path}: {counted(len(self.name), "prediction")}')
