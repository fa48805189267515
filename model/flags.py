"""The flags that say which model is built, from which weights it starts, and how its losses are weighted."""

from model.MMCL import LAMBDA_ALIGN, LAMBDA_REFINE
from torchlight.command import SWITCH, Parser, not_negative
from torchlight.config import PAIRS


# fmt: off
def add_flags(parser: Parser) -> None:
    """Add the flags of the model."""
    add = parser.add
    add('--model', default='model.MMCL.Model', help='class of the model (default: model.MMCL.Model)')
    add('--model-args', **PAIRS, help='arguments of the model, added to those of the YAML file')
    add('--weights', help='weights file to test, predict with or export, or to start training from')
    add('--ignore-weights', nargs='+', default=[], metavar='NAME',
        help='parts of the names of weights to skip, such as fc')
    add('--lambda-align', type=not_negative, default=LAMBDA_ALIGN, help='weight of FAM (default: %(default)s)')
    add('--lambda-refine', type=not_negative, default=LAMBDA_REFINE, help='weight of FRM (default: %(default)s)')
    add('--refine', **SWITCH, help='score with the FRM too, which needs text features of the test clips')
# fmt: on
