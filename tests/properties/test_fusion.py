"""Laws of fusion. Scores and weights are whole numbers, so that sums are exact and equalities hold to the bit."""

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from Ensemble.fusion import fuse, given_rates, judge, normalise
from Ensemble.streams import read_streams
from tests.properties.laws import names, tried
from torchlight.metrics import in_top_k

NAMES = 'J', 'B', 'JM', 'BM'
whole = st.integers(-4, 4).map(float)  # few, so that many are equal


@st.composite
def votes(draw):
    """Scores (S, N, K), weights (S,) of which one is not 0, labels (N,), and an order of the clips."""
    streams, clips, classes = draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(2, 7))
    scores = draw(nps.arrays(np.float32, (streams, clips, classes), elements=whole))
    rate = draw(st.lists(st.integers(0, 9), min_size=streams, max_size=streams).filter(any))
    label = draw(nps.arrays(np.int64, clips, elements=st.integers(0, classes - 1)))
    return scores, np.array(rate), label, draw(st.permutations(range(clips)))


def same(verdict, other):
    return all(np.array_equal(a, b) for a, b in zip(verdict, other))


@tried(40)
@given(votes())
def test_the_order_of_the_clips_and_of_the_streams_changes_nothing(drawn):
    scores, rate, label, order = drawn
    fused = fuse(scores, rate)
    np.testing.assert_array_equal(fuse(scores[:, order], rate), fused[order])
    np.testing.assert_array_equal(fuse(scores[::-1], rate[::-1]), fused)
    assert same(judge(fused[order], label[order]), (column[order] for column in judge(fused, label)))


@tried(40)
@given(votes(), st.integers(1, 50))
def test_scaling_all_weights_changes_no_verdict(drawn, scale):
    scores, rate, label, _ = drawn
    assert same(judge(fuse(scores, scale * rate), label), judge(fuse(scores, rate), label))


@tried(40)
@given(votes())
def test_a_stream_of_weight_zero_is_absent(drawn):
    scores, rate, _, _ = drawn
    np.testing.assert_array_equal(fuse(scores, rate), fuse(scores[rate != 0], rate[rate != 0]))


@tried(40)
@given(votes(), st.integers(1, 50))
def test_one_stream_judges_as_it_does_alone(drawn, weight):
    scores, _, label, _ = drawn
    assert same(judge(fuse(scores[:1], [weight]), label), judge(scores[0], label))


@tried(40)
@given(votes())
def test_fusing_is_a_plain_sum_and_classes_of_equal_scores_rank_by_number(drawn):
    scores, rate, label, _ = drawn
    fused, k = fuse(scores, rate), 5
    expected = np.zeros(scores.shape[1:])
    for stream, weight in zip(scores, rate):
        expected += int(weight) * stream
    np.testing.assert_array_equal(fused, expected)
    ranks = [sorted(range(len(row)), key=lambda c: (-row[c], c)) for row in fused.tolist()]
    verdict = judge(fused, label)
    assert verdict.predicted.tolist() == [rank[0] for rank in ranks]
    assert verdict.correct.tolist() == [rank[0] == own for rank, own in zip(ranks, label)]
    assert in_top_k(fused, label, k).tolist() == [own in rank[:k] for rank, own in zip(ranks, label)]


@tried(30)
@given(votes(), st.sampled_from(['none', 'softmax', 'l2']), st.integers(1, 9))
def test_normalised_streams_do_not_depend_on_the_other_clips_nor_l2_on_a_scale(drawn, how, scale):
    scores, _, _, order = drawn
    whole, part, scaled = scores.copy(), scores[:, order[:1]].copy(), scores * np.float32(2**scale)
    for each in (whole, part, scaled):
        normalise(each, how)
    np.testing.assert_array_equal(part, whole[:, order[:1]])
    if how == 'l2':
        np.testing.assert_array_equal(scaled, whole)


@tried(30)
@given(st.lists(st.integers(1, 10**6).map(lambda n: n / 1000), min_size=4, max_size=4), st.permutations(range(4)))
def test_weights_mean_the_same_in_every_spelling(rate, order):
    expected = dict(zip(NAMES, rate))
    words = [f'{name}={weight!r}' for name, weight in expected.items()]
    spellings = [
        map(repr, rate),
        words,
        [words[i] for i in order],
        [','.join(words)],
        [','.join(words[:2]), *words[2:]],
    ]
    for spelling in spellings:
        assert given_rates(list(spelling), NAMES, '--rates').rate == expected


@tried(20)
@given(st.data())
def test_streams_are_joined_by_name_whatever_their_order(tmp_path, data):
    clips = data.draw(st.lists(names, unique=True, min_size=1, max_size=5))
    scores = np.arange(2 * len(clips) * 3, dtype=np.float32).reshape(2, len(clips), 3)
    order = data.draw(st.permutations(range(len(clips))))
    (tmp_path / 'j.pkl').write_bytes(pickle.dumps(dict(zip(clips, scores[0]))))
    (tmp_path / 'b.pkl').write_bytes(pickle.dumps({clips[i]: scores[1, i] for i in order}))
    files = {'J': tmp_path / 'j.pkl', 'B': tmp_path / 'b.pkl'}
    for given_ in (files, dict(reversed(files.items()))):
        streams = read_streams(given_, clips)
        assert streams.name == ['J', 'B'] and streams.clip == clips
        np.testing.assert_array_equal(streams.scores, scores)
