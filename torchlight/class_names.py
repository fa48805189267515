"""What a class is called: by its name, as far as the names of the classes are known."""

from collections.abc import Sequence


def class_name(label: int, classes: Sequence[str]) -> str:
    """Return the name of a class, '' if it is not known.

    Parameters
    ----------
    label : int.
    classes : str, one per class. Their names; shorter, or '' where a name is not known.
    """
    return classes[label] if label < len(classes) else ''


def class_title(label: int, classes: Sequence[str], longest: int | None = None) -> str:
    """Return a class as '7 kick', or '7' if its name is not known.

    Parameters
    ----------
    label : int.
    classes : str, one per class. Their names; shorter, or '' where a name is not known.
    longest : int or None. The characters to which a name is cut (default None: it is whole).
    """
    name = class_name(label, classes)
    if longest and len(name) > longest:
        name = f'{name[: longest - 1]}…'
    return f'{label} {name}'.strip()
