"""A result beside published ones."""

from torchlight.intervals import wilson
from torchlight.report.published import Published, PublishedResult, beside_published

OURS, OTHER = (PublishedResult('A', 'joint', 0.8, 'a paper', same) for same in (True, False))


def test_the_difference_has_the_interval_of_the_result():
    found = beside_published(Published('X', [OTHER, OURS], 100), 90, 100)
    first, second = found['table'].rows
    low, high = wilson(90, 100)
    assert first[:4] == ['A', 'joint', '80.00 %', '+10.00']
    assert first[4] == f'{100 * (low - 0.8):+.2f} to {100 * (high - 0.8):+.2f}' == '+2.56 to +14.48'
    assert second[3:5] == ['other streams', '–'] and len(found['lines']) == 1


def test_no_difference_to_other_streams_is_stated():
    found = beside_published(Published('X', [OTHER], 100), 90, 100)
    assert 'no difference is given' in found['lines'][0] and found['table'].rows[0][3] == 'other streams'


def test_other_clips_are_no_comparison():
    assert (
        'has 200 test clips, this evaluation 100' in beside_published(Published('X', [OURS], 200), 90, 100)['lines'][1]
    )


def test_nothing_published_is_said():
    found = beside_published(Published('X', []), 1, 2)
    assert found['lines'] == ['This program knows no published result for X.'] and not found['table'].rows
