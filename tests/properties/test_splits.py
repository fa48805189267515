"""Laws of the rules that divide a data set into training and test clips."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from feeders.datasets import DATASETS
from feeders.skeleton_store import SkeletonStore
from feeders.splits import choose_split, is_train, names_of, train_mask
from tests.properties.laws import tried
from torchlight.errors import InputError

# By benchmark, so that one fold of a cross-validation stands for all.
RULES = {
    protocol.benchmark: (row.name, name)
    for row in DATASETS.values()
    for name, protocol in row.protocols.items()
    if protocol.train
}.values()


def clips_of(dataset):
    """Lists of distinct names of a data set's clips."""
    form = DATASETS[dataset].pattern
    return st.lists(st.from_regex(form, fullmatch=True), unique=True, min_size=1, max_size=12)


def store_of(names, dataset, label=0, person=1):
    """A store of clips of one frame each."""
    count = len(names)
    frames = np.arange(count, dtype=np.float32).reshape(-1, 1, 1, 1)
    return SkeletonStore(frames, range(count), [1] * count, names, [label] * count, [person] * count, dataset)


def chosen(store, split, protocol, **options):
    """The names of a split, none if it is empty."""
    try:
        return choose_split(store, split, protocol, **options).name
    except InputError as error:
        assert 'has no clips' in str(error)
        return []


@pytest.mark.parametrize('dataset, protocol', RULES)
@tried(12)
@given(data=st.data())
def test_training_and_test_clips_are_a_partition(dataset, protocol, data):
    names = data.draw(clips_of(dataset))
    store = store_of(names, dataset)
    train, test = chosen(store, 'train', protocol), chosen(store, 'test', protocol)
    assert train == names_of(store, protocol, True) and test == names_of(store, protocol, False)
    assert sorted(train + test) == sorted(names) and chosen(store, 'all', protocol) == names


@pytest.mark.parametrize('dataset, protocol', RULES)
@tried(12)
@given(data=st.data())
def test_the_name_alone_decides(dataset, protocol, data):
    names = data.draw(clips_of(dataset))
    order = data.draw(st.permutations(range(len(names))))
    mask = train_mask(store_of(names, dataset), protocol)
    assert mask.tolist() == [is_train(name, dataset, protocol) for name in names]
    others = store_of([names[i] for i in order], dataset, label=3, person=0)
    assert train_mask(others, protocol).tolist() == mask[order].tolist()
    few = store_of(names[: data.draw(st.integers(0, len(names)))], dataset)
    assert train_mask(few, protocol).tolist() == mask[: len(few)].tolist()


@pytest.mark.parametrize('dataset', [name for name, row in DATASETS.items() if row.protocols])
@tried(30)
@given(data=st.data())
def test_many_names_are_taken_apart_as_each_alone_or_refused_as_each_alone(dataset, data):
    row = DATASETS[dataset]
    right = st.from_regex(row.pattern, fullmatch=True)
    names = data.draw(st.lists(right | st.sampled_from(['R\nR', '', '\n', 'R ']), max_size=4))
    names = [name.replace('R', data.draw(right)) if len(name) < 4 else name for name in names]
    try:
        expected = [row.fields(name) for name in names]
    except InputError as error:
        with pytest.raises(InputError, match=re.escape(str(error))):
            row.columns(names)
    else:
        columns = row.columns(names)
        assert [{key: values[i] for key, values in columns.items()} for i in range(len(names))] == expected


@tried(8)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.25, 0.2]))
def test_held_out_clips_are_training_clips_and_test_clips_stay(seed, share):
    number = np.random.default_rng(seed).integers(1, 40, (60, 3))
    names = list(dict.fromkeys(f'S001C001P{p:03}R{r:03}A{a % 2 + 1:03}' for p, r, a in number.tolist()))
    store = store_of(names, 'ntu60')
    store.label = np.array([DATASETS['ntu60'].label(name) for name in names])
    train = chosen(store, 'train', 'xsub')
    assume(min((store.label[train_mask(store, 'xsub')] == label).sum() for label in (0, 1)) >= 5)
    kept, aside = (chosen(store, split, 'xsub', held_out=share) for split in ('train', 'held_out'))
    assert sorted(kept + aside) == sorted(train) and kept and aside
    assert chosen(store, 'test', 'xsub', held_out=share) == chosen(store, 'test', 'xsub')
