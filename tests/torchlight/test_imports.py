"""Classes by dotted name: what is found, and the words where it is not."""

import pytest

from model.ctrgcn import Model
from torchlight.errors import InputError
from torchlight.imports import import_class, instantiate, nearest


class Base:
    def __init__(self, size, colour='red'):
        self.size, self.colour = size, colour


class Through(Base):
    def __init__(self, name, **others):
        super().__init__(**others)
        self.name = name


class Open:
    def __init__(self, **anything):
        self.anything = anything


def here(name):
    return f'{__name__}.{name}'


@pytest.mark.parametrize(
    'name',
    [
        'model.MMCL.Model',
        'model.ctrgcn.Model',
        'feeders.feeder_MMCL.Feeder',
        'feeders.feeder_ucla.Feeder',
        'graph.ntu_rgb_d.Graph',
        'graph.ntu_rgb_d_hierarchy.Graph',
        'graph.ucla.Graph',
        'torchlight.DictAction',
    ],
)
def test_the_names_configs_cite_are_classes(name):
    assert import_class(name).__name__ == name.rpartition('.')[2]


def test_a_class_is_itself():
    assert import_class('model.ctrgcn.Model') is Model


@pytest.mark.parametrize(
    'name, text',
    [
        (
            'model.ctrgnc.Model',
            "'model.ctrgnc.Model' is not the dotted name of a class: there is no module 'model.ctrgnc'",
        ),
        ('no_such.thing.Model', "there is no module 'no_such.thing'"),
        ('model.ctrgcn.deeper.Model', "there is no module 'model.ctrgcn.deeper'"),
        ('Model', "there is no module ''"),
        ('model.ctrgcn.Modell', "module 'model.ctrgcn' has no class 'Modell'"),
        ('model.layers.BLOCKS', "module 'model.layers' has no class 'BLOCKS'"),
    ],
)
def test_an_unknown_name_is_told(name, text):
    with pytest.raises(InputError) as error:
        import_class(name)
    assert text in str(error.value)


def test_an_error_inside_a_module_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / 'broken_model.py').write_text('import a_package_that_is_missing')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match='a_package_that_is_missing'):
        import_class('broken_model.Model')


def test_arguments_reach_the_class_and_its_base():
    made = instantiate(here('Through'), {'name': 'a', 'size': 3}, 'model_args')
    assert (made.name, made.size, made.colour) == ('a', 3, 'red')
    assert instantiate(here('Open'), {'x': 1}, 'model_args').anything == {'x': 1}


@pytest.mark.parametrize(
    'arguments, text',
    [
        (
            {'name': 1, 'size': 2, 'color': 3},
            "model_args has 'color', which {} does not accept; did you mean 'colour'?",
        ),
        (
            {'name': 1, 'size': 2, 'zzz': 3},
            "model_args has 'zzz', which {} does not accept; expected one of name, size, colour",
        ),
        ({'size': 2}, 'model_args lacks name, which {} requires'),
        ({}, 'model_args lacks name, size, which {} requires'),
    ],
)
def test_a_wrong_argument_is_told(arguments, text):
    with pytest.raises(InputError) as error:
        instantiate(here('Through'), arguments, 'model_args')
    assert str(error.value) == text.format(here('Through'))


def test_the_nearest_word():
    assert nearest('num_clas', ['num_class', 'graph']) == "; did you mean 'num_class'?"
    assert nearest('zzz', ['num_class', 'graph']) == '; expected one of num_class, graph'
