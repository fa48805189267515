"""`python -m LLMs.text_features` on tiny models of the real classes."""

import numpy as np
import pytest
import torch

pytest.importorskip('transformers', reason='needs transformers: pip install -r LLMs/requirements.txt')

from feeders.feature_store import open_features
from LLMs import text_features
from LLMs.answers import Answer
from LLMs.blip import Blip
from LLMs.chat import Chat
from LLMs.images import ImageFolder
from LLMs.minigpt4 import CONFIG, MiniGPT4
from model.FRM import FRM
from tests.helpers import refused
from tests.LLMs import tiny

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return tiny.pictures(tmp_path_factory.mktemp('images'), count=5)


@pytest.fixture(scope='module', params=tiny.MAKERS)
def model(request, tmp_path_factory):
    """(family, folder of its tiny model)."""
    return request.param, tiny.MAKERS[request.param](tmp_path_factory.mktemp('models') / request.param)


@pytest.fixture(scope='module')
def blip_folder(tmp_path_factory):
    return tiny.blip(tmp_path_factory.mktemp('models') / 'blip-vqa')


def flags_of(folder, images, out, *more):
    flags = ['--model', folder, '--images', images, '--out', out, '--device', 'cpu', '--prompt', tiny.QUESTION]
    return [*map(str, flags), '--max-new-tokens', '5', *more]


def run(folder, images, out, *more):
    return text_features.main(flags_of(folder, images, out, *more))


def ask(folder, images, prompt=tiny.QUESTION):
    family = Blip if folder.name == 'blip' else Chat
    return family.load(folder, torch.float32, CPU).answer(images, prompt, 5)


def test_every_family_answers_and_keeps_its_hidden_states(model, images, tmp_path):
    _, folder = model
    assert run(folder, images, tmp_path / 'text.h5') == 0
    store = open_features(tmp_path / 'text.h5')
    assert store.name == [f'clip_{i}' for i in range(5)] and store.width == 32
    by_answer = {answer: row for row, answer in enumerate(store.answer)}
    assert len(by_answer) > 1, 'all answers are equal, so the rest would say nothing'
    rows = list(by_answer.values())
    distance = np.abs(store.feature[rows][:, None] - store.feature[rows]).max(-1)
    assert (distance[~np.eye(len(rows), dtype=bool)] > 1e-2).all()
    origin = store.attributes
    kind = origin['kind'], origin['encoder'], origin['prompt'], origin['feature_kind']
    assert kind == ('text', folder.name, tiny.QUESTION, 'hidden')
    assert len(origin['weights']) == 16 and origin['width'] == 32
    assert f'torch {torch.__version__}' in origin['libraries']
    assert origin['created'].startswith('20') and origin['image'] and origin['dtype'] == 'float32'


def test_batching_changes_no_feature_and_equal_images_have_equal_ones(model, images):
    source = ImageFolder(images)
    pictures = [source.read(name) for name in source.names]
    pictures[1] = pictures[1].resize((128, 64))  # GLM-4V gives it more tokens, so that the other prompts are padded
    together = ask(model[1], pictures + pictures[:1])
    for alone, batched in zip([ask(model[1], [picture])[0] for picture in pictures], together):
        assert alone.tokens == batched.tokens and alone.text == batched.text
        np.testing.assert_allclose(alone.hidden, batched.hidden, atol=1e-5)
    np.testing.assert_allclose(together[0].hidden, together[-1].hidden, atol=1e-5)


def test_the_prompt_reaches_the_model(model, images):
    source = ImageFolder(images)
    picture = source.read('clip_0')
    first, second = (ask(model[1], [picture], prompt)[0].hidden for prompt in (tiny.QUESTION, 'red green ?'))
    assert np.abs(first - second).max() > 1e-2


def test_tokens_of_blip_are_three_wide_and_feed_the_frm(blip_folder, images, tmp_path):
    assert run(blip_folder, images, tmp_path / 'text.h5', '--feature', 'tokens') == 0
    store = open_features(tmp_path / 'text.h5')
    assert store.width == 3 and (store.feature[:, 0] == 5).all()  # 5: bos
    assert store.attributes['feature_kind'] == 'tokens (3)'
    assert FRM(12, store.width)(torch.randn(5, 12), torch.from_numpy(store.feature[:])).shape == (5, 12)
    padded = text_features.features_of([Answer('yes', [5, 6, 3], None)], 'tokens', 5)
    assert padded.tolist() == [[5, 6, 3, 0, 0]]


def test_a_sentence_is_embedded_by_the_text_encoder(blip_folder, images, tmp_path):
    encoder = tiny.bert(tmp_path / 'bert')
    assert run(blip_folder, images, tmp_path / 'text.h5', '--feature', 'sentence', '--text-encoder', str(encoder)) == 0
    store = open_features(tmp_path / 'text.h5')
    np.testing.assert_allclose(np.linalg.norm(store.feature[:], axis=1), 1, atol=1e-5)
    for i in range(5):
        for k in range(i):
            equal = np.allclose(store.feature[i], store.feature[k], atol=1e-5)
            assert equal == (store.answer[i] == store.answer[k])
    assert store.attributes['sentence_encoder'].startswith('bert ')


@pytest.mark.parametrize(
    'flags, words',
    [
        (['--prompt', 'describe the picture'], 'BLIP answers questions; end the prompt with a question mark'),
        (['--feature', 'sentence'], '--feature sentence and --text-encoder go together'),
        (['--feature', 'tokens', '--length', '0'], "argument --length: '0' must be an integer ≥ 1"),
        (['--batch-size', '0'], "'0' must be an integer ≥ 1"),
        (['--device', 'gpu'], 'argument --device'),
        (['--lenght', '3'], "unknown argument '--lenght'"),
        (
            ['--max-new-tokens', '100'],
            'can read (32 tokens); try a lower --max-new-tokens',
        ),
        (['--prompt', 'red ' * 40 + '?'], '--prompt has 43 tokens; blip-vqa reads up to 32'),
    ],
)
def test_a_wrong_flag_is_one_line(blip_folder, images, tmp_path, capsys, flags, words):
    argv = flags_of(blip_folder, images, tmp_path / 'text.h5', *flags)
    assert words in refused(capsys, text_features.main, argv)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_gpu_that_is_not_there_is_one_warning(blip_folder, images, tmp_path, capsys):
    assert run(blip_folder, images, tmp_path / 'text.h5', '--device', '7') == 0
    assert capsys.readouterr().err == 'warning: no GPU is available to PyTorch: --device 7 runs on the CPU\n'


def test_a_folder_without_a_model_or_its_weights_is_one_line(blip_folder, images, tmp_path, capsys):
    for name in ('config.json', 'processor_config.json', 'tokenizer_config.json'):
        (tmp_path / 'bare').mkdir(exist_ok=True)
        (tmp_path / 'bare' / name).write_text((blip_folder / name).read_text())
    (tmp_path / 'empty').mkdir()
    for folder in ('bare', 'empty', 'absent'):
        argv = flags_of(tmp_path / folder, images, tmp_path / 'text.h5')
        assert refused(capsys, text_features.main, argv).startswith('error: cannot load')
        assert not (tmp_path / 'text.h5').exists()


def test_names_lead_to_models(blip_folder):
    assert text_features.choose_model('blip') == (Blip, 'Salesforce/blip-vqa-base')
    assert text_features.choose_model(str(blip_folder)) == (Blip, str(blip_folder))
    for name in ('deepseek-vl', 'glm-4v'):
        assert text_features.choose_model(name) == text_features.MODELS[name] and text_features.MODELS[name][0] is Chat
    assert text_features.choose_model('minigpt-4', ('clone', CONFIG)) == (MiniGPT4, ('clone', CONFIG))
