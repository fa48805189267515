"""Which clips train and which test: the protocols' rules, read from the clip names.

NTU RGB+D names are SsssCcccPpppRrrrAaaa (setup, camera, performer, replication, action);
NW-UCLA names are aXX_sXX_eXX_vXX (action, subject, execution, view); UTD-MHAD names aX_sX_tX (action, subject, trial).
"""

import re
from typing import NamedTuple

import numpy as np

from torchlight.errors import InputError

NTU60_SUBJECTS = frozenset([1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38])
NTU120_SUBJECTS = NTU60_SUBJECTS | frozenset(
    [45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103]
)
UCLA_ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)

PROTOCOLS = {  # data set: {benchmark: does the clip of this name train?}
    'ntu60': {
        'xsub': lambda name: parse_ntu(name).performer in NTU60_SUBJECTS,
        'xview': lambda name: parse_ntu(name).camera in (2, 3),
    },
    'ntu120': {
        'xsub': lambda name: parse_ntu(name).performer in NTU120_SUBJECTS,
        'xset': lambda name: parse_ntu(name).setup % 2 == 0,
    },
    'nw-ucla': {'xview': lambda name: parse_ucla(name).view != 3},
    'utd-mhad': {'xsub': lambda name: parse_utd(name).subject % 2 == 1},
}
OFFICIAL_COUNTS = {  # (data set, benchmark): training and test clips of the whole set
    ('ntu60', 'xsub'): (40091, 16487),
    ('ntu60', 'xview'): (37646, 18932),
    ('ntu120', 'xsub'): (63026, 50919),
    ('ntu120', 'xset'): (54468, 59477),
    ('nw-ucla', 'xview'): (1020, 464),
    ('utd-mhad', 'xsub'): (431, 430),
}


class NTUName(NamedTuple):
    setup: int
    camera: int
    performer: int
    replication: int
    action: int


class UCLAName(NamedTuple):
    action: int
    subject: int
    execution: int
    view: int


class UTDName(NamedTuple):
    action: int
    subject: int
    trial: int


def parse_ntu(name):
    """`S001C002P003R002A013` → NTUName(1, 2, 3, 2, 13); raises InputError for any other form."""
    match = re.fullmatch(r'S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})', name)
    if not match:
        raise InputError(f'clip name {name!r} is not of the form SsssCcccPpppRrrrAaaa')
    return NTUName(*map(int, match.groups()))


def parse_ucla(name):
    """`a12_s10_e04_v03` → UCLAName(12, 10, 4, 3); raises InputError for any other form."""
    match = re.fullmatch(r'a(\d{2})_s(\d{2})_e(\d{2})_v(\d{2})', name)
    if not match:
        raise InputError(f'clip name {name!r} is not of the form aXX_sXX_eXX_vXX')
    return UCLAName(*map(int, match.groups()))


def parse_utd(name):
    """`a27_s8_t4` → UTDName(27, 8, 4); raises InputError for any other form."""
    match = re.fullmatch(r'a([1-9]\d?)_s([1-9]\d?)_t([1-9]\d?)', name)
    if not match:
        raise InputError(f'clip name {name!r} is not of the form aX_sX_tX')
    return UTDName(*map(int, match.groups()))


def ntu_label(name):
    """The 0-based label of an NTU clip: the last three digits of its name, less one."""
    return parse_ntu(name).action - 1


def ucla_label(name):
    """The 0-based label of an NW-UCLA clip: the rank of its action id among the ten ids in use."""
    action = parse_ucla(name).action
    if action not in UCLA_ACTIONS:
        raise InputError(f'clip name {name!r} has action {action}, not one of {UCLA_ACTIONS}')
    return UCLA_ACTIONS.index(action)


def is_train(name, dataset, benchmark):
    """Does the clip of this name train?

    Args:
        dataset: a key of PROTOCOLS, such as 'ntu60'.
        benchmark: one of the data set's protocols: 'xsub', 'xview' or 'xset'.
    Raises InputError for an unknown data set or benchmark and for a name of another form.
    """
    if dataset not in PROTOCOLS:
        raise InputError(f'data set {dataset!r} has no benchmark rules; expected one of {sorted(PROTOCOLS)}')
    if benchmark not in PROTOCOLS[dataset]:
        raise InputError(f'benchmark {benchmark!r} is not one of {sorted(PROTOCOLS[dataset])} of {dataset}')
    return PROTOCOLS[dataset][benchmark](name)


def public_order(names, benchmark):
    """NTU clip names in the order of the public arrays: by the id that the protocol splits on, then by name."""
    split_on = {'xsub': 'performer', 'xview': 'camera', 'xset': 'setup'}[benchmark]
    return sorted(names, key=lambda name: (getattr(parse_ntu(name), split_on), name))


def held_out_mask(label, group, fraction, seed=0):
    """A part of the training clips to choose the best epoch on, stratified by class.

    Args:
        label: (N,) int, classes.
        group: (N,) any, clips of one group (identical recordings, say) stay on one side.
        fraction: share to hold out, 0 < fraction ≤ 0.5; one clip in round(1 / fraction) is.
    Returns: (N,) bool, True for the held-out clips.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # costs a second, and few commands hold clips out

    if not 0 < fraction <= 0.5:
        raise InputError(f'held_out is {fraction}, not above 0 and at most 0.5')
    parts = round(1 / fraction)
    fewest = min(np.unique(label, return_counts=True)[1], default=0)
    if fewest < parts:
        raise InputError(f'held_out is {fraction}, one clip in {parts}, and the rarest class has {fewest} clips')
    folds = StratifiedGroupKFold(n_splits=parts, shuffle=True, random_state=seed)
    mask = np.zeros(len(label), bool)
    mask[next(folds.split(np.zeros(len(label)), label, group))[1]] = True
    return mask
