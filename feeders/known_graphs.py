"""The skeleton of clips for which no graph is given: a guess by the data set, the joints and the coordinates."""

from feeders.datasets import DATASETS
from graph.tools import SkeletonGraph
from torchlight.imports import import_class

COCO = 'graph.coco.Graph'


def graph_of(dataset: str, joints: int, coordinates: int) -> str:
    """Return the dotted name of a graph, or '' if none is known that fits.

    Parameters
    ----------
    dataset : str. The data set's name, '' if unknown. Its graph is preferred to that of another one.
    joints, coordinates : int. Of the clips, without the confidence. 17 joints in an image are those of COCO; 17 in
        space are those of recordings of many kinds.
    """
    rows = [DATASETS[dataset]] if dataset in DATASETS else []
    other = COCO if (joints, coordinates) == (17, 2) else ''
    return next((row.graph for row in (*rows, *DATASETS.values()) if row.layout[1] == joints), other)


def parents_of(dataset: str, joints: int, coordinates: int) -> list[int] | None:
    """Return the parent of each joint by the graph that `graph_of` returns, or None if it knows none."""
    graph = graph_of(dataset, joints, coordinates)
    return import_class(graph, SkeletonGraph)().parents.tolist() if graph else None
