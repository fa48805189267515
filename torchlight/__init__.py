"""The training kit: configuration, checkpoints, devices, logs, metrics, optimisers, seeds."""

from torchlight.config import DictAction
from torchlight.imports import import_class

__all__ = ['DictAction', 'import_class']
