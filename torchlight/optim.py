"""Optimisers and the learning-rate rule."""

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from torchlight import distributed
from torchlight.errors import InputError

OPTIMIZERS, SCHEDULES = ('SGD', 'Adam'), ('step', 'cosine')
# A setting that has no effect beside that value of another.
IDLE = ('step', 'lr_schedule', 'cosine'), ('min_lr', 'lr_schedule', 'step'), ('nesterov', 'optimizer', 'Adam')


def settings(arg: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of Optimizer that the settings say."""
    names = 'optimizer', 'nesterov', 'weight_decay', 'base_lr', 'num_epoch', 'lr_decay_rate', 'warm_up_epoch', 'min_lr'
    return {
        **{name: getattr(arg, name) for name in (*names, 'clip_grad')},
        'schedule': arg.lr_schedule,
        'milestones': arg.step,
    }


def without_effect(arg: argparse.Namespace) -> str:
    """Return a warning that settings have no effect beside others, '' if all have one."""
    return '; '.join(
        f'{name} {getattr(arg, name)} has no effect with {other} {value}'
        for name, other, value in IDLE
        if getattr(arg, name) and getattr(arg, other) == value
    )


class Optimizer:
    """An optimiser, its learning-rate rule and, for fp16, its loss scaler.

    Parameters
    ----------
    parameters : the model's.
    device : torch.device. Where the loss is.
    optimizer : str. 'SGD' (momentum 0.9) or 'Adam' (default 'SGD').
    nesterov : bool. Nesterov momentum, for SGD (default False).
    weight_decay : float. L2 penalty of every weight (default 0).
    clip_grad : float. The largest norm of all gradients together; 0 for any (default 0).
    scale_loss : bool. Scale the loss against the underflow of fp16 gradients (default False).
    rule : the arguments of `learning_rate`, without the epoch.
    """

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        device: torch.device,
        *,
        optimizer: str = 'SGD',
        nesterov: bool = False,
        weight_decay: float = 0.0,
        clip_grad: float = 0.0,
        scale_loss: bool = False,
        **rule: Any,
    ) -> None:
        lr, parameters = rule['base_lr'], list(parameters)
        self.clip_grad, self.parameters = clip_grad, parameters
        if optimizer == 'SGD':
            self.inner = torch.optim.SGD(
                parameters, lr, momentum=0.9, nesterov=nesterov, weight_decay=weight_decay, fused=True
            )
            for group in self.inner.param_groups:  # PyTorch leaves them uninitialised if the first step is skipped
                for weight in group['params']:
                    self.inner.state[weight]['momentum_buffer'] = torch.zeros_like(weight)
        else:
            self.inner = torch.optim.Adam(parameters, lr, weight_decay=weight_decay, fused=True)
        self.failed = torch.zeros((), device=device)  # 1 from the first loss on that is infinite or nan
        self.scaler = torch.amp.GradScaler(device.type, enabled=scale_loss)
        self.rule = rule

    def set_epoch(self, epoch: float) -> float:
        """Set and return the learning rate at `epoch`, which counts finished epochs."""
        lr = learning_rate(epoch, **self.rule)
        for group in self.inner.param_groups:
            group['lr'] = lr
        return lr

    def backward(self, loss: torch.Tensor) -> None:
        """Compute the gradients of the loss.

        From the first loss on that is infinite or nan, `step` changes no weight. The device decides this by itself, so
        that nothing waits for the loss.
        """
        self.inner.zero_grad(set_to_none=True)
        failed = loss.detach().isfinite().logical_not()
        self.failed = distributed.maximum(torch.maximum(self.failed, failed))
        if self.scaler.is_enabled():  # it skips the steps of gradients that are not finite
            loss = loss * torch.where(self.failed > 0, torch.nan, 1.0)
        self.scaler.scale(loss).backward()

    def step(self) -> None:
        """Take one step along the gradients."""
        if self.clip_grad:
            self.scaler.unscale_(self.inner)
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip_grad)
        if not self.scaler.is_enabled():
            self.inner.found_inf = self.failed  # PyTorch's fused optimisers read it where the weights are
        self.scaler.step(self.inner)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {'optimizer': self.inner.state_dict(), 'scaler': self.scaler.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the momenta of a checkpoint, keeping the settings of this run.

        Raises
        ------
        InputError
            If they belong to another optimiser.
        """
        settings = [
            {key: value for key, value in group.items() if key != 'params'} for group in self.inner.param_groups
        ]
        if settings[0].keys() != state['optimizer']['param_groups'][0].keys() - {'params'}:
            raise InputError(
                'the checkpoint was made with another optimiser; give the same --optimizer, or load only its weights '
                'with --weights'
            )
        saved = state['optimizer']
        groups = [{**group, **own} for group, own in zip(saved['param_groups'], settings)]
        self.inner.load_state_dict({**saved, 'param_groups': groups})
        if state['scaler'] and self.scaler.is_enabled():
            self.scaler.load_state_dict(state['scaler'])


def learning_rate(
    epoch: float,
    base_lr: float,
    num_epoch: int,
    schedule: str = 'step',
    milestones: Sequence[int] = (),
    lr_decay_rate: float = 0.1,
    warm_up_epoch: int = 0,
    min_lr: float = 0.0,
) -> float:
    """Return the learning rate at `epoch`, which counts finished epochs (2.5: the middle of the third).

    1. In the first `warm_up_epoch` epochs it rises: base_lr · (e + 1) / warm_up_epoch in epoch e (CTR-GCN).
    2. 'step': base_lr, times lr_decay_rate for each of the `milestones` (epochs) that is reached.
    3. 'cosine' (HD-GCN): from base_lr down to min_lr at `num_epoch`, changing with every batch.
    """
    whole = math.floor(epoch)
    if whole < warm_up_epoch:
        return base_lr * (whole + 1) / warm_up_epoch
    if schedule == 'step':
        return base_lr * lr_decay_rate ** sum(whole >= milestone for milestone in milestones)
    share = (epoch - warm_up_epoch) / max(num_epoch - warm_up_epoch, 1)
    return min_lr + (base_lr - min_lr) * (1 + math.cos(math.pi * share)) / 2
