"""Where the skeletons that a report shows come from."""

from collections.abc import Sequence

from feeders.datasets import DATASETS
from feeders.feeder import Feeder, StoreFeeder
from feeders.skeleton_store import SkeletonStore
from graph.tools import SkeletonGraph
from torchlight.imports import import_class
from torchlight.report.clips import Skeletons


def of_feeder(feeder: Feeder) -> Skeletons | None:
    """Return the skeletons of a feeder's clips, by their numbers; None for a feeder without a store."""
    if not isinstance(feeder, StoreFeeder):
        return None
    return Skeletons(feeder.store.positions, feeder.parents.tolist(), _y_up(feeder.store))


def of_store(store: SkeletonStore, names: Sequence[str]) -> Skeletons:
    """Return the skeletons of the clips of these names; without bones if the store is of an unknown data set."""
    row, place = DATASETS.get(store.dataset), {name: i for i, name in enumerate(store.name)}
    known = row is not None and row.layout[1] == store.layout[1]
    parents = import_class(row.graph, SkeletonGraph)().parents.tolist() if known else None
    return Skeletons(lambda i: store.positions(place[names[i]]), parents, _y_up(store))


def _y_up(store: SkeletonStore) -> bool:
    return store.layout[2] - store.confidence > 2  # two coordinates are those of an image
