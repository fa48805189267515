"""run.json: what a run was made with."""

import json
import subprocess

import pytest
import torch

from torchlight import record
from torchlight.errors import InputError


def test_a_start_says_what_its_numbers_depend_on(monkeypatch):
    monkeypatch.setattr('sys.argv', ['main_MMCL.py', '--stream', 'a b'])
    session = record.describe_session(7, [torch.device('cpu')], data={'x.h5': 'abc'})
    assert session['seed'] == 7 and session['command'] == "main_MMCL.py --stream 'a b'"
    assert session['threads'] == torch.get_num_threads() and session['libraries']['torch'] == torch.__version__
    assert session['data'] == {'x.h5': 'abc'} and len(session['devices']) == 1
    json.dumps(session)


def test_the_record_grows_with_each_start(tmp_path):
    assert record.read(tmp_path) == {}
    record.write(tmp_path, 'starting', [{'seed': 1}])
    record.add_session(tmp_path, {'seed': 2})
    record.finish(tmp_path, top1=0.5, clips=8)
    found = record.read(tmp_path)
    assert 'T' in found['sessions'][1].pop('ended')
    assert found.pop('result') == {'top1': 0.5, 'clips': 8}
    assert found == {'format': 1, 'state': 'finished', 'sessions': [{'seed': 1}, {'seed': 2}]}


def test_what_rounds_differently_is_named(tmp_path):
    session = record.describe_session(1, [torch.device('cpu')])
    assert record.changes(tmp_path, session) == ''
    record.write(tmp_path, 'running', [{'seed': 1}, session])
    assert record.changes(tmp_path, session) == ''
    other = {**session, 'threads': 7, 'libraries': {**session['libraries'], 'torch': '9', 'h5py': '9'}}
    expected = f'threads {session["threads"]} → 7, torch {torch.__version__} → 9'
    assert record.changes(tmp_path, other) == expected


@pytest.mark.parametrize('text', ['{"sessions"', '[]', '{"sessions": 1}', '[' * 100_000])
def test_another_file_of_that_name_is_one_line(tmp_path, text):
    (tmp_path / 'run.json').write_text(text)
    with pytest.raises(InputError, match=r'run.json (cannot be read|is not the record of a run)'):
        record.read(tmp_path)


def test_the_commit_of_the_program_and_whether_it_was_changed(tmp_path):
    def git(*words):
        identity = ['-c', 'user.name=x', '-c', 'user.email=x@x']
        subprocess.run(['git', '-C', tmp_path, *identity, *words], check=True, capture_output=True)

    assert record.git_state(tmp_path) is None
    git('init')
    (tmp_path / 'a').write_text('1')
    git('add', 'a')
    git('commit', '-m', 'a')
    clean = record.git_state(tmp_path)
    assert len(clean['commit']) == 40 and clean['changed'] is False
    (tmp_path / 'a').write_text('2')
    assert record.git_state(tmp_path) == {**clean, 'changed': True}
