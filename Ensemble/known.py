"""What is known of streams: what they are, and the weights that were published for them (weights.yaml)."""

from pathlib import Path
from typing import Any, NamedTuple

from torchlight.yaml_file import read_yaml


class KnownStream(NamedTuple):
    """A stream that a config of a benchmark trains.

    Attributes
    ----------
    title : str. Its network and its input, in words.
    config : str. Name of the config, without `.yaml`.
    """

    title: str
    config: str


_PATH = Path(__file__).with_name('weights.yaml')
_TABLE = read_yaml(_PATH.read_text(), _PATH)
STREAMS = {name: KnownStream(**entry) for name, entry in _TABLE['streams'].items()}
WEIGHTS: list[dict[str, Any]] = _TABLE['weights']  # entries of name, source, benchmarks and rates


def title_of(stream: str) -> str:
    """Return the network and the input of a stream, '' if it is not a known one."""
    return STREAMS[stream].title if stream in STREAMS else ''
