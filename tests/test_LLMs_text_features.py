"""`python -m LLMs.text_features` on tiny models of the real classes."""

import numpy as np
import pytest
import torch

pytest.importorskip('transformers', reason='needs transformers: pip install -r LLMs/requirements.txt')

import LLMs_tiny as tiny
from feeders.stores import open_features
from LLMs import answers, blip, chat, text_features
from LLMs.images import ImageFolder
from model.FRM import FRM
from torchlight.errors import InputError

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


def run(folder, images, out, *flags):
    return text_features.main(
        [
            '--model',
            str(folder),
            '--images',
            str(images),
            '--out',
            str(out),
            '--device',
            'cpu',
            '--prompt',
            tiny.QUESTION,
            '--max-new-tokens',
            '5',
            *flags,
        ]
    )


def ask(folder, images, prompt=tiny.QUESTION):
    family = blip if folder.name == 'blip' else chat
    return family.answer(family.load(folder, torch.float32, CPU), images, prompt, 5)


def test_every_family_answers_and_keeps_its_hidden_states(model, images, tmp_path):
    family, folder = model
    assert run(folder, images, tmp_path / 'text.h5') == 0
    store = open_features(tmp_path / 'text.h5')
    assert store.name == [f'clip_{i}' for i in range(5)] and store.width == 32
    by_answer = {answer: row for row, answer in enumerate(store.answer)}
    assert len(by_answer) > 1, 'all answers are equal, so the rest would say nothing'
    rows = list(by_answer.values())
    distance = np.abs(store.feature[rows][:, None] - store.feature[rows]).max(-1)
    assert (distance[~np.eye(len(rows), dtype=bool)] > 1e-2).all()
    told = store.attributes
    assert (told['kind'], told['encoder'], told['prompt'], told['feature_kind']) == (
        'text',
        folder.name,
        tiny.QUESTION,
        'hidden',
    )
    assert len(told['weights']) == 16 and told['width'] == 32 and f'torch {torch.__version__}' in told['libraries']
    assert told['created'].startswith('20') and told['image'] and told['dtype'] == 'float32'


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


def test_the_hidden_state_is_that_of_the_whole_sequence_read_again(blip_folder, images):
    """The mean over the steps equals one pass of the decoder over [bos, answer], its states averaged."""
    picture = ImageFolder(images).read('clip_2')
    network, processor = loaded = blip.load(blip_folder, torch.float32, CPU)
    found = blip.answer(loaded, [picture], tiny.QUESTION, 5)[0]
    inputs = processor(images=[picture], text=[tiny.QUESTION], return_tensors='pt')
    with torch.no_grad():
        seen = network.vision_model(inputs['pixel_values']).last_hidden_state
        question = network.text_encoder(input_ids=inputs['input_ids'], encoder_hidden_states=seen).last_hidden_state
        states = network.text_decoder.bert(
            input_ids=torch.tensor([found.tokens[:-1]]), is_decoder=True, encoder_hidden_states=question
        ).last_hidden_state
    np.testing.assert_allclose(found.hidden, states[0].mean(0), atol=1e-5)


def test_an_answer_ends_at_its_end_token():
    sequences = torch.tensor([[9, 9, 4, 2, 0], [9, 9, 4, 5, 6]])
    steps = [torch.full((2, 3), float(value)) for value in (1, 2, 6)]
    short, long = answers.read_answers(sequences, steps, {2}, str)
    assert short.tokens == [4, 2] and long.tokens == [4, 5, 6] and short.text == '[4, 2]'
    assert short.hidden.tolist() == [1.5] * 3 and long.hidden.tolist() == [3] * 3


def test_tokens_of_blip_are_three_wide_and_feed_the_frm(blip_folder, images, tmp_path):
    assert run(blip_folder, images, tmp_path / 'text.h5', '--feature', 'tokens') == 0
    store = open_features(tmp_path / 'text.h5')
    assert store.width == 3 and (store.feature[:, 0] == 5).all()  # 5: bos
    assert store.attributes['feature_kind'] == 'tokens (3)'
    assert FRM(12, store.width)(torch.randn(5, 12), torch.from_numpy(store.feature[:])).shape == (5, 12)
    padded = text_features.features_of([answers.Answer('yes', [5, 6, 3], None)], 'tokens', 5)
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
        (['--prompt', 'describe the picture'], 'BLIP answers questions: let it end with a question mark'),
        (['--feature', 'sentence'], '--feature sentence and --text-encoder go together'),
        (['--feature', 'tokens', '--length', '0'], '--length 0; both count from 1'),
        (['--batch-size', '0'], '--batch-size is 0; at least 1'),
        (['--device', '7'], 'runs on the CPU' if not torch.cuda.is_available() else 'not there'),
    ],
)
def test_a_wrong_flag_is_one_line(blip_folder, images, tmp_path, capsys, flags, words):
    status = run(blip_folder, images, tmp_path / 'text.h5', *flags)
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1 and 'Traceback' not in error
    assert status == (2 if error.startswith('error: ') else 0)


def test_a_folder_without_a_model_or_its_weights_is_one_line(blip_folder, images, tmp_path, capsys):
    for name in ('config.json', 'processor_config.json', 'tokenizer_config.json'):
        (tmp_path / 'bare').mkdir(exist_ok=True)
        (tmp_path / 'bare' / name).write_text((blip_folder / name).read_text())
    (tmp_path / 'empty').mkdir()
    for folder in ('bare', 'empty', 'absent'):
        assert run(tmp_path / folder, images, tmp_path / 'text.h5') == 2
        error = capsys.readouterr().err
        assert error.startswith('error: cannot load') and error.count('\n') == 1, error
        assert not (tmp_path / 'text.h5').exists()


def test_weights_of_another_class_are_refused(tmp_path):
    from transformers import BertConfig, BertForMaskedLM, BertModel

    BertModel(
        BertConfig(vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    ).save_pretrained(tmp_path)
    from LLMs.loading import from_pretrained

    with pytest.raises(InputError, match='lacks .* weights of BertForMaskedLM, such as cls'):
        from_pretrained(BertForMaskedLM, tmp_path, torch.float32, CPU)


def test_names_lead_to_families(blip_folder):
    assert text_features.choose_family('blip') == (blip, 'Salesforce/blip-vqa-base')
    assert text_features.choose_family(str(blip_folder)) == (blip, str(blip_folder))
    for name in ('deepseek-vl', 'glm-4v'):
        assert text_features.choose_family(name) == (chat, chat.HUB_IDS[name])
    with pytest.raises(InputError, match='--prompt is empty'):
        chat.check_prompt('  ')
