"""What the readers of data of your own share: their flags, their warnings, and a config beside the store."""

import argparse
import sys
from collections.abc import Iterable

from feeders.label_table import SPLITS, read_classes
from feeders.prepare import ready_config, store_builder
from feeders.scale import scale_warning
from feeders.skeleton_store import open_skeletons
from feeders.splits import NO_SPLIT
from torchlight.command import Parser, positive
from torchlight.files import require_ending


class Reader(store_builder.Reader):
    """A reader of clips that the program knows nothing of: their `sources` set what follows.

    Attributes
    ----------
    layout : (M, V, C).
    classes : str, one per label. The names of the classes, [] if they are not known.
    confidence : bool. The last coordinate is a confidence.
    graph : dict or None. What ready_config.graph_of returns; None if no config can be written.
    """

    layout = None
    confidence = False
    graph = None

    def __init__(self, name: str, args: argparse.Namespace) -> None:
        super().__init__(name, args)
        require_ending(args.out, '.h5', flag='--out')
        self.classes = read_classes(args.classes) if args.classes else []

    @property
    def facts(self) -> dict:
        """What the store says of all its clips."""
        return {'classes': self.classes, 'normalised': self.args.normalise, 'confidence': self.confidence}

    def choose_graph(self, splits: Iterable[str]) -> None:
        """Set `graph` before the clips are read, if one is given or a config needs it.

        Parameters
        ----------
        splits : str. The split of each clip, '' for none.

        Raises
        ------
        InputError
            If there is no such graph.
        """
        if self.args.graph or self.args.edges or set(SPLITS) <= set(splits):
            self.graph = ready_config.graph_of(self.args, self.layout[1])

    def finish(self) -> None:
        """Warn of what training with this store would refuse or suffer from; write its config."""
        store = open_skeletons(self.args.out)
        if warning := scale_warning(store):
            print(f'warning: {warning}', file=sys.stderr)
        missing = [split for split in SPLITS if split not in (store.split or ())]
        if not missing:
            ready_config.write_config(store, self.graph)
            return
        if store.split:
            reason = f'has no {missing[0]} clips; training needs clips of both splits, {" and ".join(SPLITS)}'
        else:
            reason = f'does not say which clips train and which test; {NO_SPLIT}'
        print(f'warning: no config is written, as {store.path} {reason}', file=sys.stderr)


def add_arguments(parser: Parser, persons: str) -> None:
    """Add the flags that these readers have; `persons` says how many a clip may have by default."""
    parser.add(
        '--classes',
        metavar='FILE.txt',
        help='names of the classes, one per line, by label (default: labels that are names, in alphabetical order)',
    )
    parser.add(
        '--num-person',
        type=positive,
        metavar='N',
        help=f'most persons of a clip (default: {persons})',
    )
    parser.add(
        '--normalise',
        action='store_true',
        help='centre each clip and divide it by the size of the body, for pixels, millimetres and other units',
    )
    ready_config.add_arguments(parser)
    store_builder.add_arguments(parser)
