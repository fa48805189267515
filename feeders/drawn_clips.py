"""Where the skeletons that a report shows come from."""

from collections.abc import Sequence

from feeders.feeder import Feeder, StoreFeeder
from feeders.known_graphs import parents_of
from feeders.skeleton_store import SkeletonStore
from torchlight.report.clips import Skeletons


def of_feeder(feeder: Feeder) -> Skeletons | None:
    """Return the skeletons of a feeder's clips, by their numbers; None for a feeder without a store."""
    if not isinstance(feeder, StoreFeeder):
        return None
    return Skeletons(feeder.store.positions, feeder.parents.tolist(), _y_up(feeder.store))


def of_store(store: SkeletonStore, names: Sequence[str]) -> Skeletons:
    """Return the skeletons of the clips of these names; without bones if no known graph fits them."""
    place = {name: i for i, name in enumerate(store.name)}
    parents = parents_of(store.dataset, store.layout[1], store.layout[2] - store.confidence)
    return Skeletons(lambda i: store.positions(place[names[i]]), parents, _y_up(store))


def _y_up(store: SkeletonStore) -> bool:
    return store.layout[2] - store.confidence > 2  # two coordinates are those of an image
