"""Optimisers and the learning-rate rule."""

import math

import torch

from torchlight.errors import InputError

OPTIMIZERS, SCHEDULES = ('SGD', 'Adam'), ('step', 'cosine')


class Optimizer:
    """The optimiser, its learning-rate rule and, for fp16, its loss scaler.

    Args:
        parameters: of the model. arg: the settings; optimizer, base_lr, weight_decay, nesterov, num_epoch,
        lr_schedule, step, lr_decay_rate, warm_up_epoch, min_lr and amp are read. device: where the loss is.
    """

    def __init__(self, parameters, arg, device):
        if arg.optimizer == 'SGD':
            self.inner = torch.optim.SGD(
                parameters, arg.base_lr, momentum=0.9, nesterov=arg.nesterov, weight_decay=arg.weight_decay
            )
        else:
            self.inner = torch.optim.Adam(parameters, arg.base_lr, weight_decay=arg.weight_decay)
        self.scaler = torch.amp.GradScaler(device.type, enabled=arg.amp == 'fp16')
        self.rule = {
            'base_lr': arg.base_lr,
            'num_epoch': arg.num_epoch,
            'schedule': arg.lr_schedule,
            'milestones': arg.step,
            'lr_decay_rate': arg.lr_decay_rate,
            'warm_up_epoch': arg.warm_up_epoch,
            'min_lr': arg.min_lr,
        }

    def set_epoch(self, epoch):
        """Set and return the learning rate at `epoch`, a float that counts finished epochs."""
        lr = learning_rate(epoch, **self.rule)
        for group in self.inner.param_groups:
            group['lr'] = lr
        return lr

    def backward(self, loss):
        """The gradients of the loss."""
        self.inner.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()

    def step(self):
        """One step along the gradients."""
        self.scaler.step(self.inner)
        self.scaler.update()

    def state_dict(self):
        return {'optimizer': self.inner.state_dict(), 'scaler': self.scaler.state_dict()}

    def load_state_dict(self, state):
        """Go on with the momenta of a checkpoint; the settings stay those of this run.

        Raises InputError where they are of another optimiser.
        """
        settings = [
            {key: value for key, value in group.items() if key != 'params'} for group in self.inner.param_groups
        ]
        if settings[0].keys() != state['optimizer']['param_groups'][0].keys() - {'params'}:
            raise InputError(
                'the checkpoint is of another optimiser; give the same --optimizer, or take the weights '
                'alone with --weights'
            )
        self.inner.load_state_dict(state['optimizer'])
        for group, own in zip(self.inner.param_groups, settings):
            group.update(own)
        if state['scaler'] and self.scaler.is_enabled():
            self.scaler.load_state_dict(state['scaler'])


def learning_rate(
    epoch, base_lr, num_epoch, schedule='step', milestones=(), lr_decay_rate=0.1, warm_up_epoch=0, min_lr=0
):
    """The learning rate at `epoch`, a float that counts finished epochs (2.5: the middle of the third).

    1. Within the first `warm_up_epoch` epochs: rising, base_lr·(e + 1) / warm_up_epoch in epoch e (CTR-GCN).
    2. 'step': base_lr, times lr_decay_rate for each of the milestones (epochs) that is reached.
    3. 'cosine' (HD-GCN): from base_lr down to min_lr at the end, moving with every batch.
    """
    whole = math.floor(epoch)
    if whole < warm_up_epoch:
        return base_lr * (whole + 1) / warm_up_epoch
    if schedule == 'step':
        return base_lr * lr_decay_rate ** sum(whole >= milestone for milestone in milestones)
    share = (epoch - warm_up_epoch) / max(num_epoch - warm_up_epoch, 1)
    return min_lr + (base_lr - min_lr) * (1 + math.cos(math.pi * share)) / 2
