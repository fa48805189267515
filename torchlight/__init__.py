"""What any PyTorch project can use: settings, checkpoints, devices, logs, metrics, optimisers, seeds, files."""

from torchlight.config import DictAction
from torchlight.imports import import_class

__all__ = ['DictAction', 'import_class']
