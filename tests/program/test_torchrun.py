"""Several processes: a run whose processes are killed recovers by itself, and ends as one that is not."""

import subprocess
import sys

import pytest
import torch

from tests.helpers import ROOT
from tests.program.support import same_scores, same_weights, scores

KILL = """import os, signal, sys
sys.path.insert(0, {root!r})
import main_MMCL
train_step = main_MMCL.Processor.train_step

def killed(self, batch):
    if os.environ['TORCHELASTIC_RESTART_COUNT'] == '0' and os.environ['RANK'] == '1' and self.global_step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_step(self, batch)

main_MMCL.Processor.train_step = killed
sys.exit(main_MMCL.main())
"""
MORE = '--model-args', 'drop_out=0.5', '--num-epoch', 1, '--resume', 'auto', '--checkpoint-minutes', 1e-9


def torchrun(folder, arguments, step):
    """Run two processes, of which the second is killed at that step of its first start."""
    script = folder / f'kill{step}.py'
    script.write_text(KILL.format(root=str(ROOT), step=step))
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    command = [*launch, '--max-restarts', '1', str(script), *arguments(f'run{step}', *MORE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / f'run{step}'


@pytest.mark.parametrize('step', [0, 4])
def test_torchrun_restarts_a_killed_run_where_it_was(arguments, tmp_path, step):
    whole, killed = torchrun(tmp_path, arguments, 1000), torchrun(tmp_path, arguments, step)
    assert same_weights(whole / 'runs-1-6.pt', killed / 'runs-1-6.pt')
    assert same_scores(*(scores(folder / 'epoch1_test_score.pkl') for folder in (whole, killed)))
    histories = [torch.load(folder / 'checkpoint.pt', weights_only=True)['history'] for folder in (whole, killed)]
    assert histories[0] == histories[1]
    log = (killed / 'log.txt').read_text()
    assert f'Resumed {killed}/checkpoint.pt after ' + ('step 4 of epoch 1' if step else 'epoch 0') in log
