"""How pictures call classes."""

from tests.helpers import picture
from torchlight.pictures.figure import class_label, class_labels, new_figure, plain, save


def test_a_class_is_called_by_its_number_and_name():
    assert class_labels([1, 0, 5], ['', 'sit']) == ['1 sit', '0', '5']
    assert class_label(0, ['a' * 40], 10) == '0 aaaaaaaaa…'


def test_no_name_is_a_formula(tmp_path):
    assert class_label(0, ['$x_1$']) == r'0 \$x_1\$'
    assert class_label(0, ['$' * 9], 4) == r'0 \$\$\$…'
    figure = new_figure(2, 1)
    figure.text(0, 0.5, plain('a $\\nonsense{$ name\udcff'), fontsize=20)
    save(figure, tmp_path / 'x.png')
    picture(tmp_path / 'x.png')


def test_names_in_letters_that_the_font_lacks_are_no_warning(tmp_path, recwarn):
    figure = new_figure(2, 1)
    figure.text(0, 0.5, '跳跃', fontsize=40)
    save(figure, tmp_path / 'x.png')
    assert not recwarn.list
