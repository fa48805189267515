"""NTU RGB+D 60 and 120: `.skeleton` files → one store for all protocols, and the public arrays."""

import re
from pathlib import Path

from feeders.datasets import DATASETS
from feeders.prepare import store_builder
from feeders.public_npz import write_public_npz
from feeders.recordings import denoise
from feeders.recordings.clips import Clip, LeftOut, find_files
from feeders.recordings.skeleton_file import read_skeleton
from torchlight.command import Parser
from torchlight.errors import InputError
from torchlight.files import require_file


class Reader(store_builder.Reader):
    """Reads and cleans `.skeleton` files; stores them in the order of their names."""

    pattern = '*.skeleton'

    @staticmethod
    def add_arguments(parser: Parser) -> None:
        """Add --exclude and --npz."""
        add_exclude(parser)
        parser.add('--npz', metavar='DIR', help='folder into which the public .npz files are written as well')

    def sources(self) -> list:
        """Return the files by name; those of excluded clips are left out."""
        files = sorted(find_files(self.args.raw, self.pattern), key=lambda file: file.name)
        excluded = read_excluded(self.args.exclude)
        reason = f'named in {self.args.exclude}'
        return [LeftOut(str(file), reason, asked=True) if file.stem in excluded else file for file in files]

    def read(self, source: Path) -> Clip:
        """Parse and clean one file."""
        return Clip(source.stem, denoise.prepare(read_skeleton(source)))

    def finish(self) -> None:
        """Write the public arrays if --npz asks for them."""
        if self.args.npz:
            write_public_npz(self.args.out, self.args.npz)


def add_exclude(parser: Parser) -> None:
    """Add the flag --exclude."""
    parser.add(
        '--exclude',
        metavar='FILE',
        help="text file that names clips to leave out, such as the owners' list of recordings with missing skeletons",
    )


def read_excluded(path: str | Path | None) -> set[str]:
    """Return the clip names in a text of any layout; the empty set for None."""
    if path is None:
        return set()
    text, ntu = require_file(path).read_text(errors='replace'), DATASETS['ntu120']
    names = {match[0] for match in re.finditer(ntu.pattern, text)}
    if not names:
        raise InputError(f'{path} does not name any clip of the form {ntu.name_form}')
    return names
