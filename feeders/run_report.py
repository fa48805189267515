"""report.html of a run: what is known of its settings, its data and its clips, handed to torchlight.report."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from feeders import arguments, drawn_clips
from feeders.datasets import DATASETS
from feeders.feeder import Feeder
from feeders.published import published
from feeders.transforms import STREAMS
from torchlight import record, summary
from torchlight.command import Parser
from torchlight.errors import counted
from torchlight.metrics import Evaluation
from torchlight.report.run import Facts, Run, write_run

PREFIXES = {'model.hdgcn.Model': 'hd_', 'model.tdgcn.Model': 'td_'}  # network: what its streams begin with
NAME, OF_A_TEST = 'report.html', 'report_test.html'  # the latter in the folder of a training run


def write(
    arg: argparse.Namespace,
    parser: Parser,
    feeders: Mapping[str, Feeder],
    devices: Sequence[torch.device],
    model: str,
    weights: str | Path,
    result: Evaluation,
    history: Sequence[Mapping[str, Any]],
) -> None:
    """Write the report of a training run or a test into its work directory.

    Parameters
    ----------
    arg : Namespace. All settings.
    parser : Parser. Knows what the settings are if nobody sets them.
    feeders : {part: Feeder}. 'test' is among them.
    devices : of this process.
    model : str. What the model is, in one line.
    weights : path. What the clips were scored with.
    result : Evaluation of the test clips.
    history : dicts, one per epoch; empty for a test.
    """
    trained, test = arg.phase == 'train', feeders['test']
    sessions = record.read(arg.work_dir).get('sessions', []) if trained else []
    session = sessions[-1] if sessions else arguments.session(arg, devices)
    beside_a_training = not trained and (Path(arg.work_dir) / record.NAME).exists()
    where, stream = benchmark_of(test, arg.test_feeder_args), stream_of(arg, test)
    named = DATASETS[test.dataset].title if test.dataset in DATASETS else test.dataset
    scored = f'{where or named or "unnamed data"}, {stream.replace("_", " ")}'
    run = Run(
        title=f'{"Training" if trained else "Test"}: {scored}',
        command=shlex.join(sys.argv),
        facts=[
            ('work directory', arg.work_dir),
            ('weights', weights),
            ('model', model.removeprefix('Model: ')),
            ('stream', stream.replace('_', ' ')),
            *([('started', f'{len(sessions)} times, each with --resume after the first')] if len(sessions) > 1 else []),
        ],
        data=_data(feeders, where),
        settings=vars(arg),
        defaults=vars(parser.parse_args([])),
        session=session,
        result=result,
        history=history,
        published=published(where, [stream]),
        skeletons=drawn_clips.of_feeder(test),
        notes=_notes(arg, trained),
    )
    write_run(Path(arg.work_dir) / (OF_A_TEST if beside_a_training else NAME), run)


def benchmark_of(feeder: Feeder, feeder_args: Mapping[str, Any]) -> str:
    """Return the name in Ensemble of the benchmark whose test clips a feeder reads, '' if that is not known.

    Clips whose labels are mapped to those of a model for another data set are '<title of the data set> zero-shot'.
    """
    if feeder_args.get('label_map'):
        return f'{DATASETS[feeder.dataset].title} zero-shot' if feeder.dataset in DATASETS else ''
    file = Path(str(feeder_args.get('data_path'))).name
    named = [protocol for row in DATASETS.values() for protocol in row.protocols.values() if protocol.npz == file]
    protocols = DATASETS[feeder.dataset].protocols if feeder.dataset in DATASETS else {}
    chosen = protocols.get(feeder_args.get('benchmark') or '') or (*named, None)[0]
    if chosen is None and len(protocols) == 1:
        chosen = next(iter(protocols.values()))
    return chosen.benchmark if chosen else ''


def stream_of(arg: argparse.Namespace, feeder: Feeder) -> str:
    """Return the name of the stream, with hd_ before it for HD-GCN and td_ for TD-GCN."""
    flags = {'bone': bool(getattr(feeder, 'bone', False)), 'vel': bool(getattr(feeder, 'vel', False))}
    networks = {arg.model, arg.model_args.get('backbone')}
    prefix = next((prefix for network, prefix in PREFIXES.items() if network in networks), '')
    return prefix + next(name for name, value in STREAMS.items() if value == flags)


def _data(feeders: Mapping[str, Feeder], benchmark: str) -> Facts:
    test = feeders['test']
    persons, joints, coordinates = test.layout
    title = DATASETS[test.dataset].title if test.dataset in DATASETS else test.dataset
    origins = feeders['train'].feature_origin if 'train' in feeders else {}
    return [
        ('data set', title or 'not known'),
        ('benchmark', benchmark or 'none that this program knows'),
        *((f'{part} clips', f'{len(feeder.name):,}') for part, feeder in feeders.items()),
        ('a clip', f'{counted(persons, "person")} × {joints} joints × {coordinates} coordinates'),
        *((f'{kind} features', origin) for kind, origin in origins.items()),
    ]


def _notes(arg: argparse.Namespace, trained: bool) -> list[str]:
    if not trained:
        return []
    chosen = f'The best epoch: {summary.how_chosen(arg)}.'
    optimistic = 'The accuracy is therefore optimistic; --held-out chooses the epoch on training clips.'
    return [chosen, optimistic] if arg.eval_interval < arg.num_epoch and not arg.held_out else [chosen]
