"""The words of errors."""

from torchlight.errors import first_few


def test_the_first_names_of_a_list():
    assert first_few([]) == ''
    assert first_few(['a', 'b']) == 'a, b'
    assert first_few(range(5)) == '0, 1, 2, 3, 4'
    assert first_few(range(6)) == '0, 1, 2, 3, 4, …'
    assert first_few('abc', count=2) == 'a, b, …'


def test_a_long_name_is_cut():
    assert first_few(['x' * 100]) == 'x' * 60
