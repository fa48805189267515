"""How pictures call classes."""

from torchlight.pictures.figure import class_label, class_labels


def test_a_class_is_called_by_its_number_and_name():
    assert class_labels([1, 0, 5], ['', 'sit']) == ['1 sit', '0', '5']
    assert class_label(0, ['a' * 40], 10) == '0 aaaaaaaaa…'


def test_no_name_is_a_formula(tmp_path):
    assert class_label(0, ['$x_1$']) == r'0 \$x_1\$'
