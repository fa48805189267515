"""The words of errors."""

from torchlight.errors import counted, first_few


def test_the_first_names_of_a_list():
    assert first_few([]) == ''
    assert first_few(['a', 'b']) == 'a, b'
    assert first_few(range(5)) == '0, 1, 2, 3, 4'
    assert first_few(range(6)) == '0, 1, 2, 3, 4, …'
    assert first_few('abc', count=2) == 'a, b, …'


def test_a_long_name_is_cut():
    assert first_few(['x' * 100]) == 'x' * 60


def test_nouns_and_verbs_follow_their_number():
    assert [counted(number, 'clip') for number in range(3)] == ['0 clips', '1 clip', '2 clips']
    assert [counted(number, 'clip has', 'clips have') for number in (1, 2)] == ['1 clip has', '2 clips have']
