"""Laws of skeleton and feature stores: what is opened is what was written, or is refused."""

import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from feeders.feature_store import feature_statistics, open_features, write_features
from feeders.integrity import LARGEST_LABEL, refuse
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from tests.properties.laws import names, positions, texts, tried
from torchlight.errors import InputError

plain = texts.filter(bool)


@st.composite
def datasets(draw):
    """The layout of a store, and (name, label, frames, split) of its clips."""
    layout = draw(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(2, 3)))
    parts = draw(st.sampled_from([('',), ('train', 'test')]))
    clips = []
    for name in draw(st.lists(names, unique=True, max_size=5)):
        shape = draw(st.integers(1, 4)), draw(st.integers(0, layout[0])), *layout[1:]
        frames = draw(nps.arrays(np.float32, shape, elements=positions))
        clips.append((name, draw(st.integers(-1, LARGEST_LABEL)), frames, draw(st.sampled_from(parts))))
    return layout, clips


def write(path, layout, clips, dataset='x'):
    with SkeletonStoreWriter(path, dataset, layout) as store:
        for clip in clips:
            store.add(*clip)
    return path


def contents(path):
    """Everything that a skeleton store says, read as a feeder does."""
    store = open_skeletons(path)
    refuse(path, store.faults(np.arange(len(store))))
    clips = [store.clip(i).tobytes() for i in range(len(store))]
    return (
        store.name,
        store.label.tolist(),
        store.person.tolist(),
        store.length.tolist(),
        store.split,
        clips,
        store.layout,
    )


def require_same(store, layout, clips):
    assert store.name == [name for name, *_ in clips] and store.layout == layout
    assert store.label.tolist() == [label for _, label, *_ in clips]
    assert store.person.tolist() == [frames.shape[1] for _, _, frames, _ in clips]
    parts = [part for *_, part in clips]
    assert (store.split or None) == (parts if any(parts) else None)
    for index, (_, _, frames, _) in enumerate(clips):
        found, persons = store.clip(index), frames.shape[1]
        assert found.shape == (len(frames), *layout) and found.dtype == np.float32
        assert found[:, :persons].tobytes() == frames.tobytes() and not found[:, persons:].any()


@tried(25)
@given(datasets(), texts)
def test_a_skeleton_store_has_what_was_added(tmp_path, drawn, dataset):
    store = open_skeletons(write(tmp_path / 'x.h5', *drawn, dataset))
    require_same(store, *drawn)
    assert store.dataset == dataset and not store.faults(np.arange(len(store)))


@tried(15)
@given(datasets(), st.data())
def test_a_selection_is_a_store_of_those_clips(tmp_path, drawn, data):
    layout, clips = drawn
    store = open_skeletons(write(tmp_path / 'x.h5', layout, clips))
    for _ in range(2):  # a selection of a selection too
        mask = data.draw(st.lists(st.booleans(), min_size=len(clips), max_size=len(clips)))
        store, clips = store.select(mask), [clip for clip, chosen in zip(clips, mask) if chosen]
        require_same(store, layout, clips)
        assert not store.faults(np.arange(len(store)))


def change_a_byte(path, key, data):
    """Change one byte of a store: anywhere, or in its large array."""
    with h5py.File(path) as file:
        start, size = file[key].id.get_offset(), file[key].id.get_storage_size()
    content = bytearray(path.read_bytes())
    if not size or data.draw(st.booleans()):
        start, size = 0, len(content)
    content[start + data.draw(st.integers(0, size - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)


@tried(30)
@given(datasets(), st.data())
def test_a_changed_byte_is_never_other_data(tmp_path, drawn, data):
    path = write(tmp_path / 'x.h5', *drawn)
    expected = contents(path)
    change_a_byte(path, 'frames', data)
    try:
        assert contents(path) == expected
    except InputError as error:
        assert '\n' not in str(error)


@tried(10)
@given(datasets(), names | st.sampled_from(['', '..', 'a/b', 'a\nb', '\ud800']))
def test_a_name_that_comes_twice_or_is_no_name_of_a_file_is_refused_and_nothing_is_written(drawn, name):
    layout, clips = drawn
    added = [*clips, (name, 0, np.zeros((1, 1, *layout[1:]), np.float32), '')]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'x.h5'
        if name in ('', '..', 'a/b', 'a\nb', '\ud800'):
            with pytest.raises(InputError, match='name is empty'):
                write(path, layout, added)
        with pytest.raises(InputError, match=r'more than once|names? (is|are) empty'):
            write(path, layout, [*added, added[-1]])
        assert not list(Path(folder).iterdir())


@st.composite
def features(draw):
    """Names, features and answers of a feature store."""
    name = draw(st.lists(names, unique=True, min_size=1, max_size=6))
    feature = draw(nps.arrays(np.float32, (len(name), draw(st.integers(1, 5))), elements=positions))
    answer = draw(st.none() | st.lists(texts, min_size=len(name), max_size=len(name)))
    return name, feature, answer


@tried(30)
@given(features(), st.dictionaries(st.sampled_from(['encoder', 'prompt', 'image']), texts), st.data())
def test_a_feature_store_has_what_was_written_by_name(tmp_path, drawn, attributes, data):
    name, feature, answer = drawn
    write_features(tmp_path / 'x.h5', name, feature, answer, **attributes)
    store = open_features(tmp_path / 'x.h5')
    assert store.name == name and store.answer == answer and attributes.items() <= store.attributes.items()
    order = data.draw(st.permutations(range(len(name))))
    rows = store.rows([name[i] for i in order], 'video')
    assert store.feature[rows].tobytes() == feature[order].tobytes() and not store.faults(rows, name)
    for found, expected in zip(store.statistics, feature_statistics(feature)):
        np.testing.assert_array_equal(found, expected)
    mean, std = feature.astype(float).mean(0), feature.astype(float).std(0)
    np.testing.assert_allclose(store.statistics[0], mean, rtol=1e-6, atol=1e-6 * np.abs(feature).max())
    np.testing.assert_allclose(store.statistics[1], std, rtol=1e-6, atol=1e-6 * np.abs(feature).max())
    with pytest.raises(InputError, match='1 of 1 clip has no video feature'):
        store.rows([name[0] + 'x' * 13], 'video')


@tried(15)
@given(features())
def test_an_ablated_store_keeps_its_names_and_says_nothing_about_them(tmp_path, drawn):
    name, feature, answer = drawn
    write_features(tmp_path / 'x.h5', name, feature, answer)
    store = open_features(tmp_path / 'x.h5')
    constant, shuffled = (store.ablated(how) for how in ('constant', 'shuffled'))
    assert constant.name == shuffled.name == name
    assert (constant.feature[constant.rows(name, 'x')] == store.statistics[0]).all()
    rows = shuffled.rows(name, 'x')
    assert sorted(rows.tolist()) == list(range(len(name)))
    assert len(name) == 1 or (rows != np.arange(len(name))).all()


@tried(30)
@given(features(), st.data())
def test_a_changed_byte_is_never_another_feature(tmp_path, drawn, data):
    path = tmp_path / 'x.h5'
    write_features(path, *drawn)

    def contents():
        store = open_features(path)
        rows = np.arange(len(store.name))
        refuse(path, store.faults(rows, store.name))
        return store.name, store.feature[:].tobytes(), store.answer, [part.tobytes() for part in store.statistics]

    expected = contents()
    change_a_byte(path, 'feature', data)
    try:
        assert contents() == expected
    except InputError as error:
        assert '\n' not in str(error)
