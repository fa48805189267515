"""A feature store in memory: one vector a clip, by name, with what made it.

Legend: N clips, R rows of features, D feature width.
"""

import numpy as np

from torchlight.errors import InputError


TOLD = 'encoder', 'feature_kind', 'sentence_encoder', 'prompt', 'image', 'weights', 'dtype', 'created', 'libraries'


class FeatureStore:
    """One feature vector a clip.

    Attributes:
        name: list of N str. feature: (R, D) float32. row: (N,) int64, each clip's row of it.
        attributes: dict of what made it. answer: list of N str, the text a feature was read from, or None.
    """

    def __init__(self, path, name, feature, attributes, statistics=None, answer=None, row=None):
        self.path, self.name, self.feature, self.attributes = str(path), list(name), feature, attributes
        self.row, self.answer, self._statistics = np.arange(len(self.name)) if row is None else row, answer, statistics

    @property
    def width(self):
        return self.feature.shape[1]

    @property
    def statistics(self):
        """(mean, std) of the features, each (D,) float32."""
        if self._statistics is None:
            self._statistics = feature_statistics(self.feature)
        return self._statistics

    @property
    def origin(self):
        """What made it, in one line."""
        told = {key: self.attributes[key] for key in TOLD if self.attributes.get(key, '') != ''}
        return ', '.join(f'{key.replace("_", " ")} {value!s}' for key, value in told.items()) or 'origin unknown'

    def rows(self, names, kind):
        """(len(names),) int64: where each clip's feature stands; raises InputError if some have none."""
        place = dict(zip(self.name, self.row.tolist()))
        missing = [name for name in names if name not in place]
        if missing:
            raise InputError(
                f'{len(missing)} of {len(names)} clips have no {kind} feature in {self.path}; '
                f'the first: {", ".join(missing[:5])}'
            )
        return np.array([place[name] for name in names], np.int64)

    def require(self, kind, made_with):
        """Raise InputError where an attribute is not as `made_with` ({attribute: value}) says."""
        for key, value in made_with.items():
            if str(self.attributes.get(key)) != str(value):
                raise InputError(
                    f'{kind}_made_with says {key} {value!r}, and {self.path} has '
                    f'{self.attributes.get(key)!r}; it holds: {self.origin}'
                )

    def ablated(self, how):
        """These features without what they say of their own clip: 'constant', the mean, or 'shuffled' among clips.

        The order of the shuffling is fixed, and no clip keeps its own feature.
        """
        statistics = self.statistics
        if how == 'constant':
            return FeatureStore(
                self.path,
                self.name,
                statistics[0][None],
                self.attributes,
                statistics,
                row=np.zeros(len(self.name), np.int64),
            )
        order, row = np.random.default_rng(0).permutation(len(self.name)), np.empty(len(self.name), np.int64)
        row[order] = self.row[np.roll(order, 1)]
        return FeatureStore(self.path, self.name, self.feature, self.attributes, statistics, row=row)


def feature_statistics(feature, block=4096):
    """feature (N, D) → its mean and its standard deviation, each (D,) float32."""
    mean = sum(feature[i : i + block].sum(0, np.float64) for i in range(0, len(feature), block)) / len(feature)
    square = sum(((feature[i : i + block] - mean) ** 2).sum(0) for i in range(0, len(feature), block))
    return mean.astype(np.float32), np.sqrt(square / len(feature)).astype(np.float32)
