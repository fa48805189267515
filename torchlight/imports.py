"""Classes by their dotted names, as configs cite them."""

import difflib
import importlib
import importlib.util
import inspect

from torchlight.errors import InputError


def import_class(name):
    """`'model.ctrgcn.Model'` → the class; raises InputError where there is no such module or class.

    An error inside the module itself is not caught.
    """
    module_name, _, class_name = name.rpartition('.')
    try:
        found = importlib.util.find_spec(module_name) if module_name else None
    except (ImportError, ValueError):  # a package that is not there, or no dotted name at all
        found = None
    if found is None:
        raise InputError(f'{name!r} is not a dotted name of a class: there is no module {module_name!r}')
    module = importlib.import_module(module_name)
    found = getattr(module, class_name, None)
    if not inspect.isclass(found):
        raise InputError(f'module {module_name!r} has no class {class_name!r}')
    return found


def build(name, arguments, where, also_known=()):
    """Make an object of the class `name` with `arguments`; `where` says which part of the config they are.

    Raises InputError for arguments the class does not take, with the nearest it does (`also_known` counts
    for that), and for missing ones.
    """
    made = import_class(name)
    known, required, is_open = _parameters(made)
    for key in arguments:
        if key not in known and not is_open:
            raise InputError(f'{where} has {key!r}, which {name} does not take{nearest(key, [*known, *also_known])}')
        if key in known and not _fits(arguments[key], known[key]):
            raise InputError(f'{where} has {key}: {arguments[key]!r}; expected something like {known[key]!r}')
    missing = [key for key in required if key not in arguments]
    if missing:
        raise InputError(f'{where} lacks {", ".join(missing)}, which {name} needs')
    return made(**arguments)


def nearest(word, known, list_all=True):
    """`; did you mean 'x'?` for the most similar of `known`; without one, all of them, or nothing."""
    similar = difflib.get_close_matches(str(word), known, 1, 0.5)
    if similar:
        return f'; did you mean {similar[0]!r}?'
    return f'; it takes {", ".join(known)}' if list_all else ''


def _parameters(made):
    """{name: default} of what a class takes, through `**` to its bases; what it needs; does `**` take any other?"""
    known, required = {}, []
    for base in made.__mro__:
        if '__init__' not in vars(base):
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        known |= {p.name: p.default for p in named}
        required += [p.name for p in named if p.default is p.empty]
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            return known, required, False
    return known, required, True


def _fits(value, default):
    """Is `value` of the default's kind? Where there is no default, or None, anything is."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, (int, float)):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(default, (tuple, list)):
        return isinstance(value, (tuple, list, int, float))
    return not isinstance(default, str) or isinstance(value, str)
