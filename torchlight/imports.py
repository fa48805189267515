"""Classes by their dotted names, as configs cite them: those of this program, and of modules that the user admits."""

import difflib
import importlib
import importlib.util
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torchlight.errors import InputError

PACKAGES = ('feeders', 'model', 'graph', 'LLMs', 'Ensemble', 'torchlight')  # of this program

_admitted = set(PACKAGES)


def admit(names: Iterable[str]) -> None:
    """Let configs name classes of more modules: a name admits itself and what is below it.

    Importing a module runs its code, so the names must come from the user, never from a file.
    """
    for name in names:
        if not _is_dotted(name):
            raise InputError(f'--allow-imports has {name!r}; expected the dotted name of a module or package')
        _admitted.add(name)


def import_class(name: str, kind: type | None = None) -> type:
    """Import a class by its dotted name; an error inside its module is not caught.

    Parameters
    ----------
    name : str. Such as 'model.ctrgcn.Model'.
    kind : class or None. What it must derive from (default None: anything).

    Raises
    ------
    InputError
        If the module is not of this program and not admitted (nothing is imported then), if there is no such module or
        class, or if it is of another kind.
    """
    if not isinstance(name, str):
        raise InputError(f'{name!r} is not the dotted name of a class')
    module_name, _, class_name = name.rpartition('.')
    if _is_dotted(module_name) and not any(f'{module_name}.'.startswith(f'{admitted}.') for admitted in _admitted):
        raise InputError(
            f'{name!r} is of the module {module_name}, which is not part of this program ({", ".join(PACKAGES)}); '
            f'importing it runs its code: if you trust it, add --allow-imports {module_name} to the command'
        )
    try:
        spec = importlib.util.find_spec(module_name) if _is_dotted(module_name) else None
    except ImportError:  # of a package that is not there
        spec = None
    if spec is None:
        raise InputError(f'{name!r} is not the dotted name of a class: there is no module {module_name!r}')
    found = getattr(importlib.import_module(module_name), class_name, None)
    if not inspect.isclass(found):
        raise InputError(f'module {module_name!r} has no class {class_name!r}')
    if kind is not None and not issubclass(found, kind):
        raise InputError(f'{name} does not derive from {dotted_name(kind)}, whose docstring is the contract to follow')
    return found


def dotted_name(cls: type) -> str:
    """Return the name by which `import_class` finds a class."""
    return f'{cls.__module__}.{cls.__qualname__}'


def instantiate(name: str, arguments: Mapping[str, Any], where: str, **checks: Any) -> Any:
    """Make an object of a class that is given by its dotted name, after the checks of `checked_class`."""
    return checked_class(name, arguments, where, **checks)(**arguments)


def checked_class(
    name: str,
    arguments: Mapping[str, Any],
    where: str,
    also_known: Sequence[str] = (),
    kind: type | None = None,
) -> type:
    """Import a class and check the arguments that its constructor will get.

    Parameters
    ----------
    name : str. The class.
    arguments : dict. Keyword arguments of its constructor.
    where : str. Which part of the config they are, for messages.
    also_known : names. Other arguments to suggest for a misspelt one (default: none).
    kind : class or None. What the class must derive from (default None: anything).

    Raises
    ------
    InputError
        If the class is not there, or if arguments are unknown, missing or of another type than the default.
    """
    cls = import_class(name, kind)
    known, required, is_open = _parameters(cls)
    for key, value in arguments.items():
        if key not in known and not is_open:
            near = nearest(key, [*known, *also_known])
            raise InputError(f'{where} has {key!r}, which {name} does not accept{near}')
        if key in known and not _fits(value, known[key]):
            raise InputError(f'{where} has {key}: {value!r}; expected a value like {known[key]!r}')
    missing = [key for key in required if key not in arguments]
    if missing:
        raise InputError(f'{where} lacks {", ".join(missing)}, which {name} requires')
    return cls


def nearest(word: object, known: Iterable[str], list_all: bool = True) -> str:
    """Return `; did you mean 'x'?` for the most similar of `known`; without one all of them, or nothing."""
    known = list(known)
    similar = difflib.get_close_matches(str(word), known, 1, 0.5)
    if similar:
        return f'; did you mean {similar[0]!r}?'
    return f'; expected one of {", ".join(known)}' if list_all else ''


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split('.'))


def _parameters(cls: type) -> tuple[dict[str, Any], list[str], bool]:
    """List what a class takes, through `**` also its bases: {name: default}, what it needs, if it takes any other."""
    known, required = {}, []
    for base in cls.__mro__:
        if '__init__' not in vars(base):
            continue
        parameters = list(inspect.signature(vars(base)['__init__']).parameters.values())[1:]
        named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        known |= {p.name: p.default for p in named}
        required += [p.name for p in named if p.default is p.empty]
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            return known, required, False
    return known, required, True


def _fits(value: Any, default: Any) -> bool:
    """Return whether `value` is of the default's type; without a default, or with None, anything is."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, (int, float)):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(default, (tuple, list)):
        return isinstance(value, (tuple, list, int, float))
    return not isinstance(default, str) or isinstance(value, str)
