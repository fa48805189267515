"""What the adapters share: frozen models from a folder or a hub, with every weight in its place, and their digest."""

import hashlib
import importlib
from importlib import metadata
from pathlib import Path

import torch

from torchlight.errors import InputError

DTYPES = {'float32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}
LIBRARIES = 'torch', 'torchvision', 'transformers', 'Pillow', 'av', 'efficientnet_lite_pytorch'


def require(module, purpose):
    """Import `module`; raises InputError, with what to install, where it is missing."""
    try:
        return importlib.import_module(module)
    except (ImportError, RuntimeError) as error:  # a torchvision beside another torch raises RuntimeError
        raise InputError(
            f'{purpose} needs {module}, which does not import ({error}); pip install -r LLMs/requirements.txt'
        ) from error


def from_pretrained(made, source, dtype, device, optional=()):
    """A frozen model in eval mode.

    Args:
        made: a class with transformers' from_pretrained. source: its folder, or a hub id.
        optional: how the names of weights may begin that the source need not have.
    Returns: the model, and the names of the weights that the source lacks.
    Raises InputError where there is no such model, or it lacks weights that would then be random.
    """
    quiet()
    try:
        model, found = made.from_pretrained(source, dtype=dtype, output_loading_info=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise InputError(f'cannot load a model from {source}: {first_line(error)}') from error
    missing = sorted(found['missing_keys']) + sorted(str(key) for key in found.get('mismatched_keys', ()))
    if random := [key for key in missing if not key.startswith(tuple(optional))]:
        raise InputError(
            f'{source} lacks {len(random)} weights of {type(model).__name__}, such as {random[0]}; '
            'it was made for another class of model'
        )
    return freeze(model).to(device), missing


def processor_of(made, source):
    """made.from_pretrained(source) for a processor or a tokenizer; raises InputError where it is not there."""
    try:
        return made.from_pretrained(source)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise InputError(f'cannot load the processor of {source}: {first_line(error)}') from error


def freeze(model):
    """The model in eval mode, without gradients."""
    return model.eval().requires_grad_(False)


def weights_digest(model):
    """16 hex digits of the SHA-256 over the names and bytes of a model's weights, as loaded."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def title(source):
    """What a store calls the model: a hub id as it is, a folder by its name."""
    return Path(source).name if Path(source).exists() else str(source)


def libraries():
    """'torch 2.13.0, transformers 5.1.0, …' of what is installed."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f'{name} {metadata.version(name)}')
        except metadata.PackageNotFoundError:
            continue
    return ', '.join(found)


def quiet():
    """Only transformers' errors: its warnings are about settings that are made here on purpose."""
    log = require('transformers', 'this model').utils.logging
    log.set_verbosity_error()
    log.disable_progress_bar()


def first_line(error):
    """The first line of an error's text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
