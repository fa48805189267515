"""Weights, scales and ties."""

import numpy as np

from Ensemble import fusion
from tests.Ensemble.scores import NTU, SIX, made_up, output, write


def test_published_weights_are_used_for_their_streams_only(capsys, tmp_path):
    six = fusion.published_rates('NTU120XSub', SIX, 'none').rate
    assert list(six.values()) == [
        2.361693262051476,
        4.35402786600752,
        3.6038236890242237,
        1.0158095311333564,
        3.0574845840597544,
        5.0,
    ]
    assert fusion.published_rates('NTU120XSet', SIX, 'none') is None
    assert fusion.published_rates('NTU120XSub', SIX[:5], 'none') is None
    assert fusion.published_rates('NTU120XSub', SIX, 'l2') is None
    for benchmark in ('NTU60XSub', 'NTU60XView', 'NTU120XSub', 'NTU120XSet', 'NW-UCLA'):
        assert fusion.published_rates(benchmark, SIX[:4], 'none').rate == {'J': 0.6, 'B': 0.6, 'JM': 0.4, 'BM': 0.4}
    flags = [*write(tmp_path, NTU, made_up(NTU, 120)), '--benchmark', 'NTU120XSub']
    assert 'published with MMCL' in output(capsys, *flags)
    assert 'weights: equal' in output(capsys, *flags, '--normalise', 'l2')


def test_normalising_brings_streams_to_one_scale():
    scores = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32) * np.float32([[[1]], [[50]]])
    scores[0, 0] = 0
    soft, unit, none = scores.copy(), scores.copy(), scores.copy()
    for values, how in ((soft, 'softmax'), (unit, 'l2'), (none, 'none')):
        fusion.normalise(values, how)
        assert (values.argmax(2) == scores.argmax(2)).all()
    np.testing.assert_allclose(soft.sum(2), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=2).ravel(), [0] + [1] * 9, rtol=1e-5)
    assert (none == scores).all()


def test_equal_scores_rank_by_class_number():
    scores = np.float32([[1, 2, 2, 2, 2, 2, 2], [2, 2, 0, 0, 0, 0, 0]])
    for label, correct, in_top5 in (([1, 0], [1, 1], [1, 1]), ([5, 1], [0, 0], [1, 1]), ([6, 5], [0, 0], [0, 0])):
        verdict = fusion.judge(scores, np.array(label))
        assert verdict.predicted.tolist() == [1, 0]
        assert verdict.correct.tolist() == correct and verdict.in_top5.tolist() == in_top5
