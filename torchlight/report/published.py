"""A result beside published ones."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torchlight.intervals import LEVEL, wilson
from torchlight.report.page import Table, percent, points, points_range


class PublishedResult(NamedTuple):
    """One published accuracy.

    Attributes
    ----------
    method : str.
    streams : str. What was scored, as its authors write it.
    top1 : float. A share.
    source : str.
    comparable : bool. Whether it is of the same streams.
    """

    method: str
    streams: str
    top1: float
    source: str
    comparable: bool


class Published(NamedTuple):
    """What a result is compared with.

    Attributes
    ----------
    what : str. What was scored here: the benchmark and the streams.
    results : PublishedResult. Empty if none are known.
    clips : int or None. The benchmark's official number of test clips, None if it has none.
    """

    what: str
    results: Sequence[PublishedResult]
    clips: int | None = None


def beside_published(published: Published, right: int, total: int) -> dict[str, Any]:
    """Return the 'lines' and the 'table' that compare `right` of `total` clips with what is published."""
    if not published.results:
        lines = [f'This program knows no published result for {published.what}.']
        return {'lines': lines, 'table': Table('', [], [])}
    share, (low, high) = right / total, wilson(right, total)
    lines = [f'Here: {percent(share)} of {published.what}.']
    if any(result.comparable for result in published.results):
        lines[0] += (
            f' A difference is this result minus the published one, in percentage points. Its {LEVEL} % interval is '
            'Wilson’s interval of this result minus the published number, which is treated as exact because the clips '
            'behind it are not known.'
        )
    else:
        lines[0] += ' The published results are for other streams, so no difference is given.'
    if published.clips not in (None, total):
        lines.append(
            f'The clips are not the same: the benchmark has {published.clips:,} test clips, this evaluation {total:,}.'
        )
    rows = [
        [
            result.method,
            result.streams,
            percent(result.top1),
            points(share - result.top1) if result.comparable else 'other streams',
            points_range((low - result.top1, high - result.top1)) if result.comparable else '–',
            result.source,
        ]
        for result in sorted(published.results, key=lambda result: not result.comparable)
    ]
    heads = ['method', 'streams', 'published', 'difference', f'{LEVEL} % interval', 'source']
    return {'lines': lines, 'table': Table('Published top-1 accuracies', heads, rows)}
