"""Classes by dotted name: what is found, and the words where it is not."""

import re
import sys

import pytest

from model.base import SkeletonModel
from model.ctrgcn import Model
from torchlight import imports
from torchlight.errors import InputError
from torchlight.imports import admit, import_class, instantiate, nearest


@pytest.fixture(autouse=True)
def admitted(monkeypatch):
    """Forgets after each test what it has admitted."""
    monkeypatch.setattr(imports, '_admitted', {*imports.PACKAGES, 'tests'})


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
        ('model.thing.deeper.Model', "there is no module 'model.thing.deeper'"),
        (
            'no_such.thing.Model',
            "'no_such.thing.Model' is of the module no_such.thing, which is not part of",
        ),
        ('feeders/../evil.Feeder', "there is no module 'feeders/../evil'"),
        ('..Model', "there is no module '.'"),
        (7, '7 is not the dotted name of a class'),
        (None, 'None is not the dotted name of a class'),
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
    admit(['broken_model'])
    with pytest.raises(ModuleNotFoundError, match='a_package_that_is_missing'):
        import_class('broken_model.Model')


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """Modules that make the file `made` when they are imported, and a look-alike of one of the program's."""
    for file in ('evil/__init__.py', 'evil/sub.py', 'modelling.py', 'evil_twin.py'):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(f"open({str(tmp_path / 'made')!r}, 'w')\nclass Model: pass")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / 'made'
    for module in ('evil', 'evil.sub', 'modelling', 'evil_twin'):
        sys.modules.pop(module, None)


@pytest.mark.parametrize('name', ['evil.Model', 'evil.sub.Model', 'evil.no_such.Model', 'modelling.Model', 'os.system'])
def test_no_other_module_is_imported_nor_its_package(evil, name):
    module = name.rpartition('.')[0]
    with pytest.raises(InputError, match=f'if you trust it, add --allow-imports {module} to the command'):
        import_class(name)
    assert not evil.exists() and not {'evil', 'modelling'} & sys.modules.keys()


def test_an_admitted_module_is_imported_with_what_is_below_it(evil):
    admit(['evil'])
    assert import_class('evil.sub.Model').__module__ == 'evil.sub' and evil.exists()
    evil.unlink()
    with pytest.raises(InputError, match='--allow-imports evil_twin to'):
        import_class('evil_twin.Model')
    assert not evil.exists()


@pytest.mark.parametrize('name', ['', '.', 'evil.', 'a b', 'evil/sub'])
def test_only_names_of_modules_are_admitted(name):
    with pytest.raises(InputError, match=re.escape(f'--allow-imports has {name!r}; expected the dotted name')):
        admit([name])


@pytest.mark.parametrize('name', ['feeders.feeder_MMCL.Feeder', 'graph.ucla.Graph', 'torchlight.command.Parser'])
def test_a_class_of_another_kind_is_refused(name):
    with pytest.raises(InputError, match=r'does not derive from model\.base\.SkeletonModel'):
        import_class(name, SkeletonModel)


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
