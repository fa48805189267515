"""Frozen models from a folder or a hub, with every weight in its place, and what identifies them."""

import hashlib
import importlib
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from torchlight.errors import InputError

DTYPES = {'float32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}
LIBRARIES = 'torch', 'torchvision', 'transformers', 'Pillow', 'av', 'efficientnet_lite_pytorch'


def import_package(module: str, purpose: str) -> ModuleType:
    """Import a module; if that fails, raise InputError that names its purpose and how to install it."""
    try:
        return importlib.import_module(module)
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision for another release of torch
        raise InputError(
            f'{purpose} needs {module}, which cannot be imported ({error}); pip install -r LLMs/requirements.txt'
        ) from error


def load_pretrained(
    source: str, kind: str, processor: str, dtype: torch.dtype, device: torch.device, optional: tuple[str, ...] = ()
) -> tuple[nn.Module, Any, list[str]]:
    """Load a frozen model of transformers and its processor.

    Parameters
    ----------
    source : str. A folder or a hub id.
    kind : str. The model's class in transformers, such as 'AutoModel'.
    processor : str. The processor's class in transformers, such as 'AutoTokenizer'.
    dtype : torch.dtype. Of the weights.
    device : torch.device.
    optional : tuple of str. Prefixes of the weights that the source need not have (default: none).

    Returns
    -------
    model : module in eval mode.
    processor : object.
    missing : list of str. The weights that the source lacks; they are zero.

    Raises
    ------
    InputError
        If there is no such model or processor, or if it lacks weights that are not optional.
    """
    transformers = import_package('transformers', source)
    transformers.utils.logging.set_verbosity_error()  # the warnings are about settings that are made here on purpose
    transformers.utils.logging.disable_progress_bar()
    model, info = from_pretrained(getattr(transformers, kind), source, dtype=dtype, output_loading_info=True)
    missing = sorted(info['missing_keys']) + sorted(str(key) for key in info.get('mismatched_keys', ()))
    if needed := [key for key in missing if not key.startswith(optional)]:
        raise InputError(
            f'{source} lacks {len(needed)} weights of {type(model).__name__}, such as {needed[0]}; '
            'it was made for another class of model'
        )
    for key in missing:  # a pooler that is not used; random values would give the model another digest in every run
        nn.init.zeros_(model.get_parameter(key))
    processor_class = _processor_class(transformers, processor, model.config)
    return freeze(model).to(device), from_pretrained(processor_class, source), missing


def from_pretrained(kind: Any, source: str, **settings: Any) -> Any:
    """Return kind.from_pretrained(source, **settings); raise InputError if the source does not have it."""
    try:
        return kind.from_pretrained(source, **settings)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise InputError(f'cannot load {kind.__name__} from {source}: {first_line(error)}') from error


def freeze(model: nn.Module) -> nn.Module:
    """Return the model in eval mode, without gradients."""
    return model.eval().requires_grad_(False)


def weights_digest(model: nn.Module) -> str:
    """Return 16 hex digits of the SHA-256 over the names and bytes of a model's weights, as loaded."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def model_name(source: str) -> str:
    """Return what a store calls a model: a hub id as it is, a folder by its name."""
    return Path(source).name if Path(source).exists() else str(source)


def library_versions() -> str:
    """Return 'torch 2.13.0, transformers 5.1.0, …' for the libraries that are installed."""
    versions = []
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            versions.append(f'{name} {metadata.version(name)}')
    return ', '.join(versions)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _processor_class(transformers: Any, name: str, config: Any) -> Any:
    """Return the class of a processor; without torchvision, AutoProcessor's choice less the part that reads videos."""
    kind = transformers.PROCESSOR_MAPPING.get(type(config), None) if name == 'AutoProcessor' else None
    if transformers.utils.is_torchvision_available() or not kind or 'video_processor' not in kind.get_attributes():
        return getattr(transformers, name)

    class ImageProcessor(kind):
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [part for part in super().get_attributes() if part != 'video_processor']

    return ImageProcessor
