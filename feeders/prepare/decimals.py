"""Many decimal numbers out of one text at once, exactly as Python's `float` reads each.

A number of at most 15 digits is an integer below 2⁵³ over a power of ten below 10²², both exact in float64; their
quotient is then the nearest float64 (Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990). Whatever is
written otherwise, such as 1.5e-05, goes through `float`.

Legend: n numbers, W characters of the longest.
"""

import numpy as np

LONGEST = 32  # characters; no number of a recording comes near
MOST_DIGITS = 15
POWERS = 10.0 ** np.arange(MOST_DIGITS + 1)


def parse_decimals(text, start, end):
    """The numbers text[start[i]:end[i]].

    Args:
        text: bytes. start, end: (n,) int, n at least 1.
    Returns: (n,) float64.
    Raises ValueError where one is no number, or is longer than 32 characters.
    """
    length = end - start
    longest = length.max()
    if length.min() < 1 or longest > LONGEST:
        raise ValueError(f'numbers of {length.min()} to {longest} characters, expected 1 to {LONGEST}')
    padded = np.frombuffer(text + bytes(LONGEST), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(padded, longest)[start]  # (n, W)
    character = np.where(np.arange(longest)[:, None] < length, windows.T, 0)  # (W, n)
    digit = character - np.uint8(ord('0'))  # wraps around below '0'
    is_digit, is_point, negative = digit < 10, character == ord('.'), character[0] == ord('-')
    value, next_value = np.zeros((2, len(length)))
    for row, counts in zip(digit, is_digit):
        np.multiply(value, 10, out=next_value)
        next_value += row
        np.copyto(value, next_value, where=counts)
    digits, points = _count(is_digit), _count(is_point)
    point_at = _count(is_point * np.arange(longest, dtype=np.uint8)[:, None])  # of the one point there may be
    decimals = np.where(points == 1, length - 1 - point_at, 0)
    value /= POWERS[np.clip(decimals, 0, MOST_DIGITS)]
    np.negative(value, out=value, where=negative)
    plain = (digits + points + negative == length) & (points <= 1) & (digits >= 1) & (digits <= MOST_DIGITS)
    for index in np.flatnonzero(~plain):
        value[index] = strict_float(text[start[index] : end[index]])
    return value


def strict_float(token):
    """`float` less Python's own 1_000; raises ValueError."""
    if b'_' in token:
        raise ValueError(f'{token!r} is no number')
    return float(token)


def _count(flags):
    return np.add.reduce(flags, 0, dtype=np.uint8)
