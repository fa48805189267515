"""Feature stores: one vector per clip from a frozen encoder, by clip name, with a record of how they were made.

Legend: N clips, R rows of features, D feature width.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from feeders.hdf5 import Format, read_store, require_digest, write_texts
from feeders.hdf5_writer import new_store
from feeders.integrity import faults, in_range, name_problems, refuse
from feeders.mapped import MappedArray, read_npy
from torchlight.errors import InputError, counted, first_few
from torchlight.files import atomic_path

FORMAT = Format(
    'mmcl features',
    'feature',
    {'name': (1, 'OS'), 'feature': (2, 'f')},
    {'mean': (1, 'f'), 'std': (1, 'f'), 'answer': (1, 'OS'), 'crc32': (1, 'u')},
)
ORIGIN = 'encoder', 'feature_kind', 'sentence_encoder', 'prompt', 'image', 'weights', 'dtype', 'created', 'libraries'
ABLATIONS = (None, 'constant', 'shuffled')


class FeatureStore:
    """One feature vector per clip.

    Parameters
    ----------
    path : path. Where it was read from, for messages.
    name : N str. The clips' names.
    feature : (R, D) of any float type, an array or a MappedArray.
    attributes : dict. How the features were made.
    statistics : (mean, std), each (D,) float32, or None to compute them when they are needed (default).
    answer : N str, the text that each feature was read from, or None (default).
    row : (N,) int64. Each clip's row of `feature` (default: in order).
    crc32 : (R,) uint32. zlib.crc32 of each row when it was written, None if unknown (default).
    """

    def __init__(
        self,
        path: str | Path,
        name: Iterable[str],
        feature: np.ndarray | MappedArray,
        attributes: Mapping[str, Any],
        statistics: tuple[np.ndarray, np.ndarray] | None = None,
        answer: list[str] | None = None,
        row: np.ndarray | None = None,
        crc32: np.ndarray | None = None,
    ) -> None:
        self.path, self.name, self.feature, self.attributes = str(path), list(name), feature, attributes
        self.row = np.arange(len(self.name)) if row is None else row
        self.answer, self._statistics, self.crc32 = answer, statistics, crc32

    @property
    def width(self) -> int:
        """D."""
        return self.feature.shape[1]

    @property
    def statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """(mean, std) of the features that are numbers in range, each (D,) float32."""
        if self._statistics is None:
            self._statistics = feature_statistics(self.feature)
        return self._statistics

    @property
    def origin(self) -> str:
        """How the features were made, in one line."""
        known = {key: self.attributes[key] for key in ORIGIN if self.attributes.get(key, '') != ''}
        return ', '.join(f'{key.replace("_", " ")} {value!s}' for key, value in known.items()) or 'origin unknown'

    def rows(self, names: Sequence[str], kind: str) -> np.ndarray:
        """Find the features of clips.

        Parameters
        ----------
        names : N str. Clip names.
        kind : str. 'video' or 'text', for the error message.

        Returns
        -------
        (N,) int64. Rows of `feature`.

        Raises
        ------
        InputError
            If some clips have no feature; it counts them and names the first.
        """
        place = dict(zip(self.name, self.row.tolist()))
        rows = np.fromiter((place.get(name, -1) for name in names), np.int64, len(names))
        if (rows < 0).any():
            missing = [names[i] for i in np.flatnonzero(rows < 0)]
            which = f'{len(missing)} of {counted(len(names), "clip has", "clips have")}'
            raise InputError(f'{which} no {kind} feature in {self.path}: {first_few(missing)}')
        return rows

    def faults(self, rows: np.ndarray, names: Sequence[str]) -> list[str]:
        """Return a line for each kind of fault in rows (N,) of `feature` that belong to clips of these names."""
        crc32 = None if self.crc32 is None else self.crc32[rows]
        return faults('feature', self.feature[rows], names, crc32)

    def require(self, kind: str, made_with: Mapping[str, Any]) -> None:
        """Raise InputError if an attribute differs from `made_with`, {attribute: value}."""
        for key, value in made_with.items():
            if str(self.attributes.get(key)) != str(value):
                raise InputError(
                    f'{kind}_made_with expects {key} {value!r}, but {self.path} has {self.attributes.get(key)!r} '
                    f'({self.origin})'
                )

    def ablated(self, how: str) -> 'FeatureStore':
        """Return a store whose features say nothing about their own clips.

        Parameters
        ----------
        how : str. 'constant', every clip gets the mean; 'shuffled', every clip gets the feature of another one, in an
            order that is always the same.
        """
        statistics = self.statistics
        if how == 'constant':
            feature, row = statistics[0][None], np.zeros(len(self.name), np.int64)
        else:
            order, row = np.random.default_rng(0).permutation(len(self.name)), np.empty(len(self.name), np.int64)
            feature, row[order] = self.feature, self.row[np.roll(order, 1)]
        crc32 = None if how == 'constant' else self.crc32
        return FeatureStore(self.path, self.name, feature, self.attributes, statistics, row=row, crc32=crc32)


def feature_statistics(feature: np.ndarray | MappedArray, block: int = 4096) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of features (N, D), each (D,) float32, computed in blocks of rows.

    Rows that are not numbers in range are left out: a clip that uses one of them is refused.
    """

    def blocks() -> Iterator[np.ndarray]:
        for first in range(0, len(feature), block):
            rows = feature[first : first + block]
            yield rows if in_range(rows) else rows[[in_range(row) for row in rows]]

    count = max(sum(map(len, blocks())), 1)
    mean = sum(rows.sum(0, np.float64) for rows in blocks()) / count
    square = sum(((rows - mean) ** 2).sum(0) for rows in blocks())
    return mean.astype(np.float32), np.sqrt(square / count).astype(np.float32)


def write_features(
    path: str | Path, name: Iterable[str], feature: np.ndarray, answer: Iterable[str] | None = None, **attributes: Any
) -> None:
    """Write a feature store.

    Parameters
    ----------
    path : path. The store.
    name : N str. The clips' names.
    feature : (N, D). Kept as float32.
    answer : N str, the text that each feature was read from, or None (default).
    attributes : what is recorded about the way they were made.

    Raises
    ------
    InputError
        If a feature or a name is one that `open_features` or a feeder would refuse.
    """
    feature, name, answer = np.asarray(feature, np.float32), list(name), None if answer is None else list(answer)
    refuse(path, name_problems(name) + faults('feature', feature, name, None))
    text = sum(len(text.encode()) + 64 for text in [*name, *(answer or ()), str(attributes)])
    size = feature.nbytes + 8 * feature.shape[-1] + text + 65536
    with atomic_path(path) as temporary, new_store(temporary, FORMAT, size) as file:
        file.attrs.update(attributes)
        write_texts(file, 'name', name)
        file['feature'] = feature
        file['crc32'] = np.array([zlib.crc32(row) for row in np.ascontiguousarray(feature)], np.uint32)
        if len(feature):
            file['mean'], file['std'] = feature_statistics(feature)
        if answer is not None:
            file.create_dataset('answer', data=answer, dtype=h5py.string_dtype())  # some may be very long


def open_features(path: str | Path) -> FeatureStore:
    """Open a feature store, or a folder of <name>.npy files of one width (each is flattened).

    Raises
    ------
    InputError
        If the path is missing or not a feature store, or if the folder is empty or has features of several widths.
    """
    store = read_features(path)
    refuse(path, name_problems(store.name))
    return store


def read_features(path: str | Path) -> FeatureStore:
    """Do what `open_features` does, but leave it to the caller to look at the problems of the names."""
    if Path(path).is_dir():
        files = sorted(Path(path).glob('*.npy'))
        with np.errstate(over='ignore'):  # what is too large for float32 becomes Inf, which is refused when it is used
            features = [read_npy(file).astype(np.float32).ravel() for file in files]
        widths = sorted({len(feature) for feature in features})
        if len(widths) != 1:
            raise InputError(f'the folder {path} has {len(files)} .npy features of widths {widths}; expected one width')
        return FeatureStore(path, [file.stem for file in files], np.stack(features), {})
    contents = read_store(path, FORMAT)
    feature, columns = contents.array, contents.columns
    sizes = {len(columns[key]) for key in ('name', 'answer', 'crc32') if key in columns}
    if sizes != {len(feature)} or not feature.shape[1]:
        raise InputError(f'{path} is damaged: its names, answers or checksums do not fit its {feature.shape} features')
    require_digest(path, contents)
    statistics = _stored_statistics(path, feature, columns.get('mean'), columns.get('std'))
    answer, crc32 = columns.get('answer'), columns.get('crc32')
    attributes = {key: value for key, value in contents.attributes.items() if key != 'sha256'}
    return FeatureStore(path, columns['name'], feature, attributes, statistics, answer, crc32=crc32)


def open_for_branch(
    path: str | Path | None, kind: str, ablation: str | None = None, made_with: Mapping[str, Any] | None = None
) -> FeatureStore | None:
    """Open the features of a helper branch, as a feeder's arguments describe them.

    Parameters
    ----------
    path : path or None. The store; None for a model without the branch.
    kind : str. 'video' or 'text'.
    ablation : None, 'constant' or 'shuffled'. See FeatureStore.ablated.
    made_with : {attribute: value} or None. What the store must record, such as {'encoder': 'inception_v3'}.

    Raises
    ------
    InputError
        If the store is missing or was made in another way, or if an argument has no effect.
    """
    if ablation not in ABLATIONS:
        raise InputError(f'{kind}_ablation is {ablation!r}, not one of {", ".join(map(str, ABLATIONS))}')
    if not isinstance(made_with or {}, dict):
        raise InputError(
            f'{kind}_made_with is {made_with!r}; expected key: value pairs such as {{encoder: inception_v3}}'
        )
    if not path:
        if ablation or made_with:
            raise InputError(f'{kind}_{"ablation" if ablation else "made_with"} is set, but {kind}_path is not')
        return None
    if not Path(path).exists():
        raise InputError(
            f'{path} does not exist; make it with `python -m LLMs.{kind}_features --images DIR --out {path}`, or train '
            f'without it: {kind}_path=None'
        )
    features = open_features(path)
    if not features.name:
        raise InputError(f'{path} has no features; leave out {kind}_path to train without them')
    features.require(kind, made_with or {})
    return features.ablated(ablation) if ablation else features


def _stored_statistics(
    path: str | Path, feature: np.ndarray | MappedArray, mean: np.ndarray | None, std: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the statistics that a store has; None if it has none, or has those of features that are not in range.

    Older programs wrote such statistics; the rest of the features may still be of use.
    """
    if mean is None or std is None or not feature.shape[0]:
        return None
    if len(mean) != feature.shape[1] or len(std) != feature.shape[1] or (std < 0).any():
        raise InputError(f'{path} is damaged: its mean and std do not fit its {feature.shape[1]} wide features')
    if in_range(mean) and in_range(std):
        return mean.astype(np.float32), std.astype(np.float32)
    if in_range(feature[:]):
        raise InputError(f'{path} is damaged: its mean or std contains NaN or Inf, but its features do not')
    return None
