"""MiniGPT-4's adapter, on a stand-in with that project's interface around a tiny language model."""

import sys
import textwrap

import numpy as np
import pytest

pytest.importorskip('transformers', reason='needs transformers: pip install -r LLMs/requirements.txt')

from feeders.feature_store import open_features
from LLMs import text_features
from tests.helpers import refused
from tests.LLMs import tiny

FILES = {
    '__init__.py': '',
    'common/__init__.py': '',
    'datasets/__init__.py': '',
    'conversation/__init__.py': '',
    'datasets/builders/__init__.py': '',
    'common/registry.py': """
        class Registry:
            models, processors = {}, {}
            def get_model_class(self, name): return self.models[name]
            def get_processor_class(self, name): return self.processors[name]
        registry = Registry()
    """,
    'common/config.py': """
        from types import SimpleNamespace as Space
        class Config:
            def __init__(self, args):
                kind = open(args.cfg_path).read().strip()
                self.model_cfg = Space(arch='minigpt4', model_type=kind)
                train = Space(train=Space(name='blip2_image_eval'))
                self.datasets_cfg = Space(cc_sbu_align=Space(vis_processor=train))
    """,
    'conversation/conversation.py': """
        import copy
        class Conversation:
            roles, system = ('USER', 'ASSISTANT'), 'a'
            def __init__(self): self.messages = []
            def copy(self): return copy.deepcopy(self)
            def append_message(self, role, message): self.messages.append((role, message))
            def get_prompt(self):
                return ' '.join([self.system] + [f'{role} : {message or ""}' for role, message in self.messages])
        CONV_VISION_Vicuna0 = Conversation()
        CONV_VISION_LLama2 = CONV_VISION_minigptv2 = None
    """,
    'processors/__init__.py': """
        import numpy as np, torch
        from minigpt4.common.registry import registry
        class Processor:
            @classmethod
            def from_config(cls, config): return cls()
            def __call__(self, image):
                return torch.from_numpy(np.asarray(image.resize((4, 4)), np.float32) / 255).permute(2, 0, 1)
        registry.processors['blip2_image_eval'] = Processor
    """,
    'models/__init__.py': """
        import torch
        from torch import nn
        from transformers import LlamaConfig, LlamaForCausalLM
        from minigpt4.common.registry import registry
        from tests.LLMs import tiny
        open('minigpt4/__init__.py')  # a path relative to the clone
        class MiniGPT4(nn.Module):
            def __init__(self):
                super().__init__()
                torch.manual_seed(0)
                self.look = nn.Linear(48, 2 * 32)
                self.llama_model = LlamaForCausalLM(LlamaConfig(**tiny.TEXT))
                self.llama_tokenizer = tiny.tokenizer('<image>')
                tiny.enlarge(self)
            @classmethod
            def from_config(cls, config): return cls()
            def encode_img(self, pixels):
                return self.look(pixels.flatten(1)).view(len(pixels), 2, 32), None
            def get_context_emb(self, prompt, images):
                assert prompt.count('<ImageHere>') == 1 and len(images) == 1 and images[0].shape == (1, 2, 32)
                words = prompt.split('<ImageHere>')
                ids = [self.llama_tokenizer(part, return_tensors='pt')['input_ids'] for part in words]
                before, after = (self.llama_model.get_input_embeddings()(part) for part in ids)
                return torch.cat([before, images[0], after], 1)
        registry.models['minigpt4'] = MiniGPT4
    """,
}


@pytest.fixture
def repo(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / 'MiniGPT-4' / 'minigpt4' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    (tmp_path / 'MiniGPT-4' / 'eval_configs').mkdir()
    (tmp_path / 'MiniGPT-4' / 'eval_configs' / 'minigpt4_eval.yaml').write_text('pretrain_vicuna0')
    yield tmp_path / 'MiniGPT-4'
    for name in [name for name in sys.modules if name.split('.')[0] == 'minigpt4']:
        del sys.modules[name]


def flags_of(repo, images, out, *more):
    flags = ['--model', 'minigpt-4', '--images', images, '--out', out, '--device', 'cpu', '--max-new-tokens', '4']
    return [*map(str, flags), *(['--repo', str(repo)] if repo else []), *more]


def run(repo, images, out, *more):
    return text_features.main(flags_of(repo, images, out, *more))


def test_it_answers_about_each_picture_whatever_the_batch(repo, tmp_path):
    images, path = tiny.pictures(tmp_path / 'images'), list(sys.path)
    assert run(repo, images, tmp_path / 'a.h5', '--batch-size', '4') == 0
    assert run(repo, images, tmp_path / 'b.h5', '--batch-size', '1') == 0
    a, b = open_features(tmp_path / 'a.h5'), open_features(tmp_path / 'b.h5')
    np.testing.assert_allclose(a.feature[:], b.feature[:], atol=1e-5)
    assert a.answer == b.answer and len(set(a.answer)) > 1 and a.width == 32
    assert np.abs(a.feature[:][0] - a.feature[:][1]).max() > 1e-2
    assert a.attributes['encoder'] == 'minigpt-4' and sys.path == path


@pytest.mark.parametrize(
    'clone, flags, words',
    [
        (None, [], '--repo is None; MiniGPT-4 needs the folder of its cloned repository'),
        ('images', [], 'which contains minigpt4/'),
        ('MiniGPT-4', ['--repo-config', 'other.yaml'], '--repo-config is other.yaml, which is neither in'),
        ('MiniGPT-4', ['--prompt', ' '], '--prompt is empty'),
    ],
)
def test_what_is_missing_is_one_line(repo, tmp_path, capsys, clone, flags, words):
    images = tiny.pictures(tmp_path / 'images')
    argv = flags_of(clone and tmp_path / clone, images, tmp_path / 'a.h5', *flags)
    assert words in refused(capsys, text_features.main, argv)


def test_a_clone_that_does_not_load_is_one_line(repo, tmp_path, capsys):
    (repo / 'minigpt4' / 'models' / '__init__.py').write_text('import a_package_that_is_not_there')
    argv = flags_of(repo, tiny.pictures(tmp_path / 'images'), tmp_path / 'a.h5')
    text = "does not load: ModuleNotFoundError: No module named 'a_package_that_is_not_there'"
    assert text in refused(capsys, text_features.main, argv)
