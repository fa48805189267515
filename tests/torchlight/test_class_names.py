"""What a class is called."""

from torchlight.class_names import class_name, class_title


def test_a_class_is_called_by_its_number_and_by_its_name_if_that_is_known():
    assert [class_name(label, ['', 'kick']) for label in (0, 1, 2)] == ['', 'kick', '']
    assert [class_title(label, ['', 'kick']) for label in (0, 1, 2)] == ['0', '1 kick', '2']


def test_only_the_name_is_cut():
    classes = ['', 'kick']
    assert [class_title(1, classes, longest) for longest in (3, 4, None)] == ['1 ki…', '1 kick', '1 kick']
