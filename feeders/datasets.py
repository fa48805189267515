"""The data sets: one row each, with every fact about it that the program uses.

A row gives the name, the classes, the skeleton, how the name of a clip decides its label and its split, the protocols
with their official counts, the actions of two persons, and the reader of the recordings. To add a data set, add a row
here and a reader in feeders/prepare (.github/CONTRIBUTING.md shows both).
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np

from feeders import actions
from torchlight.errors import InputError, first_few

# The numbers in the name of a clip, {'setup': 1, 'camera': 2, …}, or those of many names, {'setup': (N,) int64, …}.
Fields = dict[str, int] | dict[str, np.ndarray]


@dataclass(frozen=True)
class Protocol:
    """A division of a data set into training and test clips, and the classes that it distinguishes.

    Attributes
    ----------
    train : function or None. Fields of names → are they training clips? A formula, as it gets numbers as well as
        arrays. None if the store itself names the splits.
    counts : (train, test) int. Official numbers of clips.
    benchmark : str. Its name in Ensemble, such as 'NTU120XSub'; the folds of a cross-validation have the same one.
    split_on : str. The field by which the public arrays are ordered, '' if there are none.
    npz : str. File name of the public arrays, '' if there are none.
    classes, action : what the data set has under these names, where this protocol has its own (default: it has not).
    """

    train: Callable[[Fields], bool | np.ndarray] | None
    counts: tuple[int, int]
    benchmark: str
    split_on: str = ''
    npz: str = ''
    classes: tuple[str, ...] = ()
    action: Callable[[Fields], int] | None = None


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes
    ----------
    name, title : str. Its name in stores and commands, and as its authors write it.
    classes : str, one per class. The actions' names, in the order of the labels.
    layout : (M, V, C) int. Persons, joints and coordinates of a clip.
    graph : str. Dotted name of the skeleton's graph.
    name_form, pattern : str. The form of a clip's name, for people and as a regular expression of named numbers.
    protocols : {name: Protocol}. Empty if the store itself names the splits.
    reader : str. Dotted name of the feeders.prepare.store_builder.Reader of its recordings, '' if there are none.
    recordings : str. What the reader reads, for --help.
    action : function. Fields of a name → the number of its action (default: the field 'action').
    actions : int, one per class. The numbers of the actions, in the order of the labels (default 1, 2, 3, …).
    two_person : int. The action numbers that show two persons.
    aliases : str. Other names of its `feeders.prepare` command.
    copies_person : bool. The public arrays show the only person of a clip in both slots (default False).
    """

    name: str
    title: str
    classes: tuple[str, ...]
    layout: tuple[int, int, int]
    graph: str
    name_form: str
    pattern: str
    protocols: dict[str, Protocol] = field(default_factory=dict)
    reader: str = ''
    recordings: str = ''
    action: Callable[[Fields], int] = itemgetter('action')
    actions: tuple[int, ...] = ()
    two_person: frozenset[int] = frozenset()
    aliases: tuple[str, ...] = ()
    copies_person: bool = False

    @property
    def num_class(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def fields(self, name: str) -> Fields:
        """Parse a clip's name: 'S001C002P003R002A013' → {'setup': 1, …}; raise InputError for any other form."""
        match = re.fullmatch(self.pattern, name)
        if not match:
            raise InputError(f'clip name {name!r} is not of the form {self.name_form}')
        return {key: int(number) for key, number in match.groupdict().items()}

    def columns(self, names: Sequence[str]) -> Fields:
        """Parse many names at once: N names → {'setup': (N,) int64, …}; raise InputError as `fields` does."""
        lines, pattern = '\n'.join(names), re.compile(rf'^{self.pattern}$', re.MULTILINE)
        rows = [match.groups() for match in pattern.finditer(lines)]
        if len(rows) != len(names) or lines.count('\n') >= max(len(names), 1):
            for name in names:
                self.fields(name)
        column = list(zip(*rows)) or [()] * pattern.groups
        return {key: np.array(list(map(int, column[i - 1])), np.int64) for key, i in pattern.groupindex.items()}

    def numbers(self, names: Sequence[str], field: str) -> np.ndarray:
        """Return a number in many names, such as the subject, (N,) int64; raise InputError if they do not have it."""
        known = sorted(re.compile(self.pattern).groupindex.keys() - {'action'})
        if field not in known:
            raise InputError(f'the names of {self.title} do not number {field!r}, but {", ".join(known)}')
        return self.columns(names)[field]

    def label(self, name: str) -> int:
        """Return the 0-based label of the clip; raise InputError for an action that the data set does not have."""
        action = self.action(self.fields(name))
        known = self.actions or range(1, self.num_class + 1)
        if action not in known:
            raise InputError(f'clip name {name!r} has action {action}, which {self.title} does not have')
        return known.index(action)

    def protocol(self, name: str) -> Protocol:
        """Return the protocol of this name; raise InputError if the data set does not have it."""
        if not self.protocols:
            rules = sorted(row.name for row in DATASETS.values() if row.protocols)
            raise InputError(f'data set {self.name!r} has no benchmark rules; expected one of {rules}')
        if name not in self.protocols:
            known = first_few(map(repr, self.protocols))
            raise InputError(f'benchmark {name!r} is not one of [{known}] of {self.name}')
        return self.protocols[name]

    def under(self, protocol: Protocol) -> 'Dataset':
        """Return the data set with the classes that a protocol distinguishes."""
        return replace(self, classes=protocol.classes, action=protocol.action) if protocol.classes else self

    def public_order(self, names: Sequence[str], protocol: str) -> list[str]:
        """Sort clip names as the public arrays do: by the number that the protocol splits on, then by name."""
        split_on = self.protocol(protocol).split_on
        if not split_on:
            raise InputError(f'{self.title} has no public arrays whose order could be followed')
        return sorted(names, key=lambda name: (self.fields(name)[split_on], name))


# fmt: off
_NTU60_SUBJECTS = frozenset([1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38])
_NTU120_SUBJECTS = _NTU60_SUBJECTS | frozenset(
    [45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103])
# fmt: on
_NTU_NAMES = {
    'name_form': 'SsssCcccPpppRrrrAaaa',
    'pattern': r'S(?P<setup>\d{3})C(?P<camera>\d{3})P(?P<performer>\d{3})R(?P<replication>\d{3})A(?P<action>\d{3})',
}
_NTU = {
    'layout': (2, 25, 3),
    'graph': 'graph.ntu_rgb_d.Graph',
    **_NTU_NAMES,
    'reader': 'feeders.prepare.ntu.Reader',
    'recordings': '.skeleton files',
}
_KINECT_V1 = {'layout': (1, 20, 3), 'graph': 'graph.ucla.Graph'}
_HAND = {
    'layout': (1, 22, 3),
    'graph': 'graph.hand.Graph',
    'name_form': 'gXX_fX_sXX_eXX',
    'pattern': r'g(?P<action>\d{2})_f(?P<finger>[12])_s(?P<subject>\d{2})_e(?P<essai>\d{2})',
}
# Each gesture is made with one finger and with the whole hand: 14 classes, or 28 by these fields of a Protocol.
_BY_FINGERS = {
    'classes': tuple(f'{gesture} ({how})' for gesture in actions.GESTURES for how in ('one finger', 'whole hand')),
    'action': lambda fields: 2 * fields['action'] + fields['finger'] - 2,
}


def _among(key: str, train: Collection[int]) -> Callable[[Fields], bool | np.ndarray]:
    return lambda fields: np.isin(fields[key], list(train))


def _leave_one_out(subjects: Collection[int], counts: tuple[int, int]) -> dict[str, Protocol]:
    """Return two folds for each subject, who is tested: gestures14_loso1, gestures28_loso1, gestures14_loso2, …."""
    rules = {subject: _among('subject', set(subjects) - {subject}) for subject in subjects}
    return {
        f'gestures{classes}_loso{subject}': Protocol(rule, counts, f'DHG{classes}', **labels)
        for subject, rule in rules.items()
        for classes, labels in ((14, {}), (28, _BY_FINGERS))
    }


_ROWS = (
    Dataset(
        'ntu60',
        'NTU RGB+D 60',
        actions.NTU60,
        protocols={
            'xsub': Protocol(
                _among('performer', _NTU60_SUBJECTS), (40091, 16487), 'NTU60XSub', 'performer', 'NTU60_CS.npz'
            ),
            'xview': Protocol(_among('camera', (2, 3)), (37646, 18932), 'NTU60XView', 'camera', 'NTU60_CV.npz'),
        },
        two_person=frozenset(range(50, 61)),
        **_NTU,
    ),
    Dataset(
        'ntu120',
        'NTU RGB+D 120',
        actions.NTU60 + actions.NTU120_MORE,
        protocols={
            'xsub': Protocol(
                _among('performer', _NTU120_SUBJECTS), (63026, 50919), 'NTU120XSub', 'performer', 'NTU120_CSub.npz'
            ),
            'xset': Protocol(lambda f: f['setup'] % 2 == 0, (54468, 59477), 'NTU120XSet', 'setup', 'NTU120_CSet.npz'),
        },
        two_person=frozenset([*range(50, 61), *range(106, 121)]),
        copies_person=True,
        **_NTU,
    ),
    Dataset(
        'nw-ucla',
        'NW-UCLA',
        actions.UCLA,
        name_form='aXX_sXX_eXX_vXX',
        pattern=r'a(?P<action>\d{2})_s(?P<subject>\d{2})_e(?P<execution>\d{2})_v(?P<view>\d{2})',
        protocols={'xview': Protocol(lambda fields: fields['view'] != 3, (1020, 464), 'NW-UCLA')},
        actions=(1, 2, 3, 4, 5, 6, 8, 9, 11, 12),
        reader='feeders.prepare.kinect.UCLAReader',
        recordings='all_sqe/*.json',
        aliases=('ucla',),
        **_KINECT_V1,
    ),
    Dataset(
        'utd-mhad',
        'UTD-MHAD',
        actions.UTD,
        name_form='aX_sX_tX',
        pattern=r'a(?P<action>[1-9]\d?)_s(?P<subject>[1-9]\d?)_t(?P<trial>[1-9]\d?)',
        protocols={'xsub': Protocol(lambda fields: fields['subject'] % 2 == 1, (431, 430), 'UTD-MHAD')},
        reader='feeders.prepare.kinect.UTDReader',
        recordings='Skeleton/*_skeleton.mat',
        **_KINECT_V1,
    ),
    Dataset(
        'sysu',
        'SYSU 3D HOI',
        actions.SYSU,
        name_form='aXX_sXX',
        pattern=r'a(?P<action>\d{2})_s(?P<subject>\d{2})',
        reader='feeders.prepare.kinect.SYSUReader',
        recordings='folders …<action>/…<subject>/ with a .mat or .txt file',
        **_KINECT_V1,
    ),
    Dataset(
        'shrec17',
        "SHREC'17 Track",
        actions.GESTURES,
        protocols={
            'gestures14': Protocol(None, (1960, 840), 'SHREC17-14'),
            'gestures28': Protocol(None, (1960, 840), 'SHREC17-28', **_BY_FINGERS),
        },
        reader='feeders.prepare.hand.SHRECReader',
        recordings='gesture_<g>/finger_<f>/subject_<s>/essai_<e>/skeletons_world.txt',
        **_HAND,
    ),
    Dataset(
        'dhg',
        'DHG-14/28',
        actions.GESTURES,
        protocols=_leave_one_out(range(1, 21), (2660, 140)),
        reader='feeders.prepare.hand.DHGReader',
        recordings='gesture_<g>/finger_<f>/subject_<s>/essai_<e>/skeleton_world.txt',
        **_HAND,
    ),
    Dataset(
        'sample', 'the embedded sample', actions.SAMPLE, layout=(2, 25, 3), graph='graph.ntu_rgb_d.Graph', **_NTU_NAMES
    ),
)
DATASETS: dict[str, Dataset] = {row.name: row for row in _ROWS}


def dataset_named(name: str) -> Dataset:
    """Return the row of a data set; raise InputError for a name that is not in the table."""
    if name not in DATASETS:
        raise InputError(f'data set {name!r} is not known; expected one of {sorted(DATASETS)}')
    return DATASETS[name]


def class_names(dataset: str, own: Sequence[str] = (), label_map: dict[int, int] | None = None) -> list[str]:
    """Return the names of the classes by label, [] if they are not known.

    Parameters
    ----------
    dataset : str. The data set's name.
    own : str, one per label. The names that a store has; without any, those of the table are taken (default).
    label_map : {label of the data: label of a model} or None. With it, the list is by label of the model, with '' for
        labels that no class is mapped to.
    """
    names = list(own) or list(DATASETS[dataset].classes if dataset in DATASETS else ())
    if label_map is None or not names:
        return names
    mapped = [''] * (max(label_map.values(), default=-1) + 1)
    for label, new in label_map.items():
        mapped[new] = names[label] if label < len(names) else ''
    return mapped
