"""The one exception for what a user can mend."""


class InputError(Exception):
    """A mistake in a path, a flag, a config or a data file.

    Its text is one sentence or two: the value, what was expected, what to do. The commands print it
    behind `error: ` and end with exit status 2.
    """
