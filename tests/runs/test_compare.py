"""McNemar's test between two runs, whose clips are joined by name."""

import pytest

from tests.runs.folders import CLIPS, LABEL, leave
from torchlight.errors import InputError
from torchlight.runs.compare import compare, lines
from torchlight.runs.found import find_runs


def test_clips_are_joined_by_name(tmp_path):
    leave(tmp_path / 'a', [0, 1, 2, 0, 1, 0])
    order = [5, 3, 1, 0, 2, 4]
    predicted = [0, 1, 0, 1, 0, 0]  # of a … f: right, right, and four wrong
    leave(
        tmp_path / 'b', [predicted[i] for i in order], clips=[CLIPS[i] for i in order], label=[LABEL[i] for i in order]
    )
    found = compare(*find_runs(tmp_path))
    assert (found.both, found.only, found.neither) == (2, (3, 0), 1) and found.clips == (6, 6)
    assert found.difference == 0.5 and found.p == 0.25
    text = '\n'.join(lines(found))
    assert 'a 83.33 %, b 33.33 %' in text and '+50.00 percentage points' in text and 'not significant' in text
    back = compare(*reversed(find_runs(tmp_path)))
    assert back.only == (0, 3) and back.difference == -0.5 and back.p == 0.25


def test_a_clear_difference_is_significant(tmp_path):
    clips, label = [f'c{i}' for i in range(20)], [0] * 20
    leave(tmp_path / 'a', label, clips=clips, label=label)
    leave(tmp_path / 'b', [1] * 8 + [0] * 12, clips=clips, label=label)
    found = compare(*find_runs(tmp_path))
    assert found.only == (8, 0) and found.p == pytest.approx(2 / 256)
    assert '  significant at the 5 % level' in '\n'.join(lines(found))


def test_only_common_clips_count_and_that_is_said(tmp_path):
    leave(tmp_path / 'a', [0] * 6)
    leave(tmp_path / 'b', [0] * 4, clips=[*CLIPS[:3], 'z'], label=[*LABEL[:3], 0])
    found = compare(*find_runs(tmp_path))
    assert found.both + found.neither == 3 and 'a has 6, b 4' in lines(found)[-1]


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda run: (run / 'epoch1_test_score.pkl').unlink(), 'has not scored the test clips'),
        (lambda run: (run / 'runs-2-9_right.txt').unlink(), 'has not scored the test clips'),
        (lambda run: (run / 'runs-2-9_right.txt').write_text('1,0\n' * 6), 'not of one evaluation.*--phase test'),
        (lambda run: (run / 'runs-2-9_right.txt').write_text('0,2\n' * 6), 'other labels, such as of the clip a'),
    ],
)
def test_what_cannot_be_compared_is_one_line(tmp_path, change, message):
    leave(tmp_path / 'a', [0] * 6)
    leave(tmp_path / 'b', [0] * 6)
    runs = find_runs(tmp_path)
    change(tmp_path / 'b')
    with pytest.raises(InputError, match=message):
        compare(*runs)


def test_runs_of_other_clips_are_not_compared(tmp_path):
    leave(tmp_path / 'a', [0] * 6)
    leave(tmp_path / 'b', [0] * 6, clips=list('uvwxyz'))
    with pytest.raises(InputError, match='no clip in common'):
        compare(*find_runs(tmp_path))
