"""The config beside a store of your own: its sizes over config/custom/joint.yaml, so that it can be trained at once."""

import argparse
import os
import shlex
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from feeders.datasets import class_names
from feeders.skeleton_store import SkeletonStore
from graph.by_joints import GRAPHS, graph_hint
from graph.tools import SkeletonGraph, edge_matrix
from torchlight.command import Parser
from torchlight.config import dump_only
from torchlight.errors import InputError, first_few
from torchlight.files import write_text
from torchlight.imports import instantiate
from torchlight.yaml_file import read_yaml

BASE = Path(__file__).resolve().parents[2] / 'config' / 'custom' / 'joint.yaml'
WINDOWS = 16, 32, 64  # frames to which clips are resampled: the least that has room for half of the clips
SAMPLES, MOST_REPEATS = 1000, 10  # small data sets are shown several times in an epoch
BATCHES, STEPS = (16, 32, 64), 60  # the largest batch with which an epoch has so many steps
HEAD = """\
# Settings for {store}, over those of the file that base names. Change them as you like: they are never overwritten.
#   python main_MMCL.py --config {config}
#   python main_MMCL.py --config {config} --stream bone --work-dir {bone}
"""


def add_arguments(parser: Parser) -> None:
    """Add the flags that say which joints are connected."""
    known = ', '.join(f'{graph} for {joints}' for joints, graph in GRAPHS.items())
    parser.add('--graph', metavar='NAME', help=f'skeleton of the config (default, by the number of joints: {known})')
    parser.add(
        '--edges',
        metavar='LIST',
        help='bones of any other skeleton, such as "[[1, 0], [2, 1]]": [joint, parent], from 0',
    )


def graph_of(args: argparse.Namespace, joints: int) -> dict[str, Any]:
    """Return the settings `graph` and, if it needs them, `graph_args` of a skeleton.

    Raises
    ------
    InputError
        If --graph or --edges do not fit the joints, or if neither is given and the program has no graph for so many.
    """
    if args.graph and args.edges:
        raise InputError('--graph and --edges both name the bones; give one of them')
    if args.edges:
        edges = read_yaml(args.edges, '--edges')
        found = {'graph': 'graph.custom.Graph', 'graph_args': {'num_point': joints, 'edges': edges}}
    elif args.graph or joints in GRAPHS:
        found = {'graph': args.graph or GRAPHS[joints]}
    else:
        raise InputError(
            f'the clips have {joints} joints, for which the program has no graph; give their bones with --edges '
            '"[[joint, parent], …]", joints counted from 0'
        )
    graph = instantiate(found['graph'], found.get('graph_args', {}), '--edges', kind=SkeletonGraph)
    if graph.num_point != joints:
        raise InputError(
            f'the clips have {joints} joints, but {found["graph"]} has {graph.num_point}{graph_hint(joints)}'
        )
    if args.edges and (apart := apart_from_most(graph)):
        others = f'{"the other is joint" if len(apart) == 1 else "the others are joints"} {first_few(apart, 20)}'
        part = f'{joints - len(apart)} of the {joints} joints'
        print(f'warning: --edges join only {part} to one skeleton; {others}', file=sys.stderr)
    return found


def apart_from_most(graph: SkeletonGraph) -> list[int]:
    """Return the joints that no path of edges leads to from the largest part of a skeleton."""
    from scipy.sparse.csgraph import connected_components  # a slow import

    part = connected_components(edge_matrix(graph.inward, graph.num_point), directed=False)[1]
    return np.flatnonzero(part != np.bincount(part).argmax()).tolist()


def write_config(store: SkeletonStore, graph: dict[str, Any]) -> None:
    """Write the config of a store, <its name>.yaml in the same folder, unless there is one already.

    Parameters
    ----------
    store : SkeletonStore. It names its splits.
    graph : dict. What `graph_of` returns.
    """
    path = Path(store.path).with_suffix('.yaml')
    runs = f'./work_dir/{path.stem}'
    found = settings(store, graph, work_dir=f'{runs}/joint', base=base_from(path.parent))
    quoted = shlex.quote(str(path))
    text = HEAD.format(store=Path(store.path).name, config=quoted, bone=shlex.quote(f'{runs}/bone'))
    text += dump_only(argparse.Namespace(**found), found)
    if path.exists() and path.read_text(errors='replace') != text:
        print(
            f'warning: {path} stays as it is; delete it and run this again for the sizes of this store', file=sys.stderr
        )
        return
    write_text(path, text)
    print(f'{path}: settings for {graph["graph"]}; train with python main_MMCL.py --config {quoted}')


def base_from(folder: Path) -> str:
    """Return the path of BASE from a folder, relative if both are in the same copy of the program."""
    folder, program = folder.resolve(), BASE.parents[2]
    return os.path.relpath(BASE, folder) if folder.is_relative_to(program) else str(BASE)


def settings(store: SkeletonStore, graph: dict[str, Any], work_dir: str, base: str) -> dict[str, Any]:
    """Return the settings for a store that differ from those of BASE."""
    persons, joints, coordinates = store.layout
    train = sum(part == 'train' for part in store.split)
    repeat = max(1, min(MOST_REPEATS, SAMPLES // max(train, 1)))
    batch = max(size for size in BATCHES if size == BATCHES[0] or train * repeat >= STEPS * size)
    window = next((size for size in WINDOWS if size >= np.median(store.length)), WINDOWS[-1])
    feeder = {'data_path': os.path.abspath(store.path), 'window_size': window, 'num_person': persons}
    classes = len(class_names(store.dataset, store.classes)) or int(store.label.max()) + 1
    sizes = {'num_class': classes, 'num_point': joints, 'num_person': persons, 'in_channels': coordinates}
    return {
        'base': base,
        'work_dir': work_dir,
        'train_feeder_args': {
            **feeder,
            'repeat': repeat,
            **deepcopy(graph),
        },  # YAML writes what is the same object once
        'test_feeder_args': {**feeder, **deepcopy(graph)},
        'model_args': {**sizes, **deepcopy(graph)},
        'batch_size': min(batch, max(train * repeat, 1)),
    }
