#!/usr/bin/env python
"""Train, test and deploy skeleton action recognition with multi-modality co-learning (MMCL, ACM MM 2024).

python main_MMCL.py --config config/sample/joint.yaml
"""

import math
import os
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from feeders.feeder import Batch, collate
from feeders.transforms import STREAMS
from model.MMCL import loss_terms
from torchlight import arguments, checkpoint, config, deploy, distributed, metrics, optim, workdir
from torchlight.config import DictAction, boolean, count, filled, not_negative, positive
from torchlight.errors import InputError
from torchlight.imports import build
from torchlight.logging import Curves, Log, progress
from torchlight.seed import BatchOrder, init_seed

PHASES = ('train', 'test', 'predict', 'export', 'model_size')
AMP = {'no': None, 'bf16': torch.bfloat16, 'fp16': torch.float16}
DEFAULT_CONFIG = Path(__file__).parent / 'config' / 'sample' / 'joint.yaml'


def get_parser():
    """Every setting; each may stand in the YAML file too, under its name with underscores."""
    parser = config.Parser(description=__doc__.split('\n')[0])
    add, word = parser.add, {'type': boolean, 'metavar': 'BOOL'}
    alone = {**word, 'nargs': '?', 'const': True, 'default': False}
    pairs = {'action': DictAction, 'nargs': '+', 'metavar': 'KEY=VALUE', 'default': {}}

    add('--config', default=os.path.relpath(DEFAULT_CONFIG), help='YAML file (default: the embedded sample)')
    add('--phase', choices=PHASES, default='train', help='what to do')
    add('--work-dir', type=filled, default='./work_dir/temp', help='folder of the results')
    add('-model_saved_name', type=filled, default='runs', help='how the weights files begin: NAME-<epoch>-<step>.pt')
    add('--assume-yes', **alone, help='replace the run that the work directory holds')
    add('--resume', nargs='?', const='auto', help="a checkpoint.pt to go on from, or 'auto' for the work directory's")
    add('--seed', type=count, default=1, help='of weights, order and augmentations')

    add('--feeder', default='feeders.feeder_MMCL.Feeder', help='class of the data')
    add('--train-feeder-args', **pairs, help="its arguments for training, added to the YAML file's")
    add('--test-feeder-args', **pairs, help='likewise for testing')
    add('--stream', choices=list(STREAMS), help='sets bone and vel in both')
    add(
        '--held-out',
        type=not_negative,
        default=0.0,
        metavar='SHARE',
        help='choose the best epoch on this share of the training clips instead of the test clips',
    )
    add('--num-worker', type=count, default=0, help='processes that read data (0: this one)')

    add('--model', default='model.MMCL.Model', help='class of the model')
    add('--model-args', **pairs, help='its arguments')
    add('--weights', help='file to start from or to test')
    add('--ignore-weights', nargs='+', default=[], metavar='NAME', help='weights to leave out, by parts of their names')
    add('--lambda-align', type=not_negative, default=0.1, help='weight of the alignment loss (FAM)')
    add('--lambda-refine', type=not_negative, default=0.2, help='weight of the refined cross entropy (FRM)')
    add('--refine', **alone, help='score with the FRM too; the test clips then need text features')

    add('--base-lr', type=not_negative, default=0.1, help='learning rate after the warm-up')
    add('--lr-schedule', choices=optim.SCHEDULES, default='step', help='falls at --step, or as a cosine')
    add('--step', type=int, nargs='+', default=[], metavar='EPOCH', help='epochs at which the learning rate falls')
    add('--lr-decay-rate', type=not_negative, default=0.1, help='and by what factor')
    add('--min-lr', type=not_negative, default=0.0, help='where the cosine ends')
    add('--warm_up_epoch', type=count, default=0, help='epochs of rising learning rate')
    add('--optimizer', choices=optim.OPTIMIZERS, default='SGD', help='SGD has momentum 0.9')
    add('--nesterov', **word, default=False, help='Nesterov momentum (SGD)')
    add('--weight-decay', type=not_negative, default=0.0005, help='L2 penalty of every weight')
    add('--batch-size', type=positive, default=256, help='clips a training step, on all devices together')
    add('--test-batch-size', type=positive, default=256, help='likewise for testing')
    add('--start-epoch', type=count, default=0, help='epochs to count as done; with --weights, not with --resume')
    add('--num-epoch', type=count, default=80, help='epochs in all')

    add(
        '--device',
        type=distributed.parse_device,
        nargs='+',
        default=[],
        metavar='N',
        help='GPU numbers, or cpu (default: the first GPU, or else the CPU)',
    )
    add('--amp', choices=list(AMP), default='no', help='mixed precision')
    add('--compile', **alone, help='compile the model with torch.compile')

    add('--log-interval', type=positive, default=100, help='steps between two log lines')
    add('--print-log', **word, default=True, help='write log.txt')
    add('--save-interval', type=positive, default=1, help='epochs between two weights files')
    add('--save-epoch', type=int, default=30, help='epochs before the first of them')
    add('--eval-interval', type=positive, default=1, help='epochs between two evaluations')
    add('--save-score', **word, default=False, help='write the score pickle at each evaluation')
    add('--show-topk', type=positive, nargs='+', default=[1, 5], metavar='K', help='accuracies to report')
    add('--input', help='clips to predict: whatever the feeder takes as data_path')
    add('--output', help='file of the predictions (.csv) or of the export (.pt2, .onnx)')
    add('--topk', type=positive, default=5, help='classes to predict for each clip')
    return parser


class Processor:
    """One run: the constructor builds and checks its parts, `start` acts."""

    def __init__(self, arg):
        self.arg = arg
        self.first = distributed.rank() == 0
        self.devices, self.warning = distributed.choose_devices(arg.device)
        self.device = self.devices[0]
        self.work_dir = workdir.WorkDir(arg.work_dir, arg.model_saved_name)
        self.log = Log(arg.work_dir, arg.print_log and arg.phase in ('train', 'test'), quiet=not self.first)
        self.curves = Curves(arg.work_dir, quiet=not self.first)
        self.epoch, self.global_step, self.best, self.history = arg.start_epoch, 0, None, []
        self.build()

    def build(self):
        """Feeders, model and optimiser; everything cheap is checked here."""
        arg = self.arg
        init_seed(arg.seed)
        if arg.phase in ('test', 'predict', 'export') and not arg.weights:
            raise InputError(f'--phase {arg.phase} needs --weights, the file of a trained model')
        if arg.phase == 'test' and not os.access(Path(arg.weights).resolve().parent, os.W_OK):
            raise InputError(
                f'the lists of right and wrong clips go beside {arg.weights}, where writing is not allowed'
            )
        if arg.phase == 'train' and not arg.resume and arg.start_epoch >= arg.num_epoch:
            raise InputError(f'no epoch is left to train: num_epoch is {arg.num_epoch}, start_epoch {arg.start_epoch}')
        if len(self.devices) > 1 and (arg.compile or arg.amp == 'bf16'):
            raise InputError('--compile and --amp bf16 work on one device a process; for several use torchrun')
        arguments.check_sizes(arg.model_args)
        self.feeders = {
            part: build(arg.feeder, args, f'{"train" if part == "train" else "test"}_feeder_args')
            for part, args in arguments.feeder_arguments(arg).items()
        }
        for part, feeder in self.feeders.items():
            arguments.check_fit(arg.model_args, feeder, part, labelled=arg.phase != 'predict')
        widths = self.feeders['train' if arg.phase == 'train' else 'test'].feature_width if self.feeders else {}
        self.model = build(
            arg.model,
            arguments.with_widths(arg.model_args, widths),
            f'model_args, with the widths of {" and ".join(widths)} features,' if widths else 'model_args',
        )
        if arg.phase == 'train' and hasattr(self.model, 'set_statistics'):
            self.model.set_statistics(self.feeders['train'].feature_statistics)
        self.model.to(self.device)
        self.student = getattr(self.model, 'student', self.model)
        self.helpers_left_out = []
        if arg.weights:
            self.helpers_left_out = checkpoint.load_weights(self.model, arg.weights, arg.ignore_weights)
        if arg.compile:
            self.model.compile()
        self.parallel = distributed.wrap(self.model, self.devices, arg.phase == 'train')
        self.loaders = {part: self.loader(part, feeder) for part, feeder in self.feeders.items()}
        if arg.phase == 'train':
            self.optimizer = optim.Optimizer(self.model.parameters(), arg, self.device)

    def loader(self, part, feeder):
        """Whole batches of a feeder: shuffled and dropping the last for training, all in order otherwise."""
        train, world = part == 'train', distributed.world_size()
        size = self.arg.batch_size if train else self.arg.test_batch_size
        if train and (len(feeder) < size or size % world):
            raise InputError(
                f'batch_size is {size}; it must be at most the {len(feeder)} training clips and divide '
                f'into {world} processes'
            )
        order = BatchOrder(len(feeder) if train else len(feeder.name), size, train, distributed.rank(), world)
        return DataLoader(
            feeder,
            batch_sampler=order,
            num_workers=self.arg.num_worker,
            collate_fn=collate,
            pin_memory=self.device.type == 'cuda',
            persistent_workers=self.arg.num_worker > 0,
            generator=torch.Generator(),
        )  # its own, so that dropout draws the same for any workers

    def batches(self, part, label):
        """The batches of a loader on the device (clip numbers stay behind), with a progress bar."""
        for batch in progress(self.loaders[part], label, quiet=not self.first):
            yield Batch(
                *(None if value is None else value.to(self.device, non_blocking=True) for value in batch)
            )._replace(index=batch.index)

    def autocast(self):
        """The precision of the network, by --amp."""
        return torch.autocast(self.device.type, AMP[self.arg.amp], enabled=self.arg.amp != 'no')

    def start(self):
        """Do what --phase says."""
        if self.warning and self.first:
            print(f'warning: {self.warning}', file=sys.stderr)
        getattr(self, self.arg.phase)()

    def train(self):
        """All epochs, each with its evaluation and its files, then the best one on the test clips."""
        self.begin()
        while self.epoch < self.arg.num_epoch:
            self.log(f'Training epoch: {self.epoch + 1}')
            row = {'epoch': self.epoch + 1, 'train': self.train_epoch()}
            self.epoch += 1
            former = self.best
            if self.epoch % self.arg.eval_interval == 0 or self.epoch == self.arg.num_epoch:
                row['val'] = self.choose()
            self.history.append(row)
            if self.first:
                self.save(former)
            distributed.barrier()
        self.finish()

    def begin(self):
        """Take up a run from its checkpoint, or take the work directory for a new one."""
        arg, own = self.arg, self.work_dir.checkpoint
        resume = Path(own if arg.resume == 'auto' else arg.resume) if arg.resume else None
        if resume and (arg.resume != 'auto' or own.exists()):
            self.restore(resume)
        distributed.on_first(lambda: self.take_work_dir(resume))
        parameters = sum(p.numel() for p in self.model.parameters())
        origin = self.feeders['train'].feature_origin
        features = [
            f'{kind} ({width} wide; {origin[kind]})' for kind, width in self.feeders['train'].feature_width.items()
        ]
        self.log(f'Model: {arg.model}, {parameters:,} parameters, on {" ".join(map(str, self.devices))}')
        self.log(f'Clips: {", ".join(f"{len(feeder.name)} {part}" for part, feeder in self.feeders.items())}')
        self.log('Helper features: ' + (', '.join(features) or 'none, so this trains the plain student'))
        if arg.weights:
            self.log_weights()

    def take_work_dir(self, resume):
        """Claim the work directory, unless `resume` is its own checkpoint, and write what describes the run."""
        work_dir, own = self.work_dir, self.work_dir.checkpoint
        if not (resume and own.exists() and own.samefile(resume)):
            work_dir.claim(self.arg.assume_yes or self.arg.resume == 'auto' and work_dir.unbegun())
            if removed := work_dir.clear():
                self.log(f'Removed {removed} files of an earlier run from {work_dir.path}')
            if self.best:
                work_dir.adopt(resume.parent, self.best)
        elif self.best and not work_dir.weights(self.best['epoch'], self.best['step']).exists():
            raise InputError(
                f'{work_dir.weights(self.best["epoch"], self.best["step"])}, the best weights so far, is gone'
            )
        work_dir.describe(self.arg, self.model, shlex.join(sys.argv))

    def train_epoch(self):
        """One epoch of training; returns the means of the loss terms, the accuracy and the learning rate."""
        arg, means, steps = self.arg, metrics.Means(), len(self.loaders['train'])
        init_seed(arg.seed, self.epoch)
        self.feeders['train'].set_epoch(arg.seed, self.epoch)
        self.loaders['train'].batch_sampler.set_epoch(arg.seed, self.epoch)
        self.parallel.train()
        began = ready = time.perf_counter()
        waited = 0.0
        for step, batch in enumerate(self.batches('train', f'epoch {self.epoch + 1}')):
            waited += time.perf_counter() - ready
            lr = self.optimizer.set_epoch(self.epoch + step / steps)
            terms = self.train_step(batch, lr)
            self.global_step += 1
            means.add(len(batch.label), **terms)
            self.curves.add('train', self.global_step, lr=lr, **terms)
            if (step + 1) % arg.log_interval == 0:
                self.log(f'\tBatch({step + 1}/{steps}) done. Loss: {terms["loss"]:.4f}  lr: {lr:.6f}')
            ready = time.perf_counter()
        seconds, result = time.perf_counter() - began, {**means.result(distributed.gather), 'lr': lr}
        self.log('\tMean training ' + ', '.join(f'{name}: {value:.4g}' for name, value in result.items()))
        self.log(
            f'\tTime: {seconds:.1f} s, {steps * arg.batch_size / seconds:.1f} clips/s; '
            f'[Data] {waited / seconds:.0%}, [Network] {1 - waited / seconds:.0%}'
        )
        return result

    def train_step(self, batch, lr):
        """One step of the optimiser; returns the loss terms, the loss and the accuracy of the batch."""
        features = {kind: value for kind, value in (('video', batch.video), ('text', batch.text)) if value is not None}
        with self.autocast():
            output = self.parallel(batch.skeleton, **features)
        weights = {'cross_entropy': 1, 'refined': self.arg.lambda_refine, 'alignment': self.arg.lambda_align}
        terms = loss_terms(output, batch.label)
        terms['loss'] = sum(weights[name] * term for name, term in terms.items())
        terms['top1'] = (output.logits.argmax(1) == batch.label).float().mean()
        self.optimizer.backward(terms['loss'])
        values = dict(zip(terms, torch.stack([term.detach() for term in terms.values()]).tolist()))
        if not math.isfinite(values['loss']):
            raise InputError(
                f'the loss is {values["loss"]} in epoch {self.epoch + 1}, step {self.global_step + 1}, at '
                f'learning rate {lr:g}; the step was not taken, and {self.work_dir.checkpoint} stays as '
                'the last whole epoch left it; try a lower --base-lr'
            )
        self.optimizer.step()
        return values

    @torch.no_grad()
    def evaluate(self, part):
        """Score every clip of a part by the student alone (with --refine by the FRM too) → Evaluation."""
        distributed.share_buffers(self.model)
        scorer = distributed.scorer(self.parallel).eval()
        found = []
        for batch in self.batches(part, part):
            with self.autocast():
                output = scorer(batch.skeleton, **({} if batch.text is None else {'text': batch.text}))
            found.append([value for value in (batch.index, output.logits, output.refined_logits) if value is not None])
        share = [torch.cat(values).cpu() for values in zip(*found)]
        index, *scores = (torch.cat(values) for values in zip(*filter(None, distributed.gather(share))))
        place = index.argsort()
        return metrics.Evaluation(self.feeders[part].label, *(values[place].float().numpy() for values in scores))

    def report(self, result, part, epoch, save_score):
        """Log an evaluation and write its tables; `epoch` counts from 1."""
        for line in result.lines(part, self.arg.show_topk):
            self.log(f'\t{line}')
        if self.first:
            self.work_dir.write_evaluation(result, self.feeders[part].name, part, epoch, save_score)

    def choose(self):
        """Evaluate this epoch on the clips that choose the best one; returns the loss and the accuracies."""
        part = 'val' if 'val' in self.feeders else 'test'
        self.log(f'Eval epoch: {self.epoch}')
        result = self.evaluate(part)
        self.report(result, part, self.epoch, self.arg.save_score)
        values = {'loss': result.loss, **{f'top{k}': result.top(k) for k in sorted({1, *self.arg.show_topk})}}
        self.curves.add('val', self.global_step, **values)
        if self.best is None or values['top1'] > self.best['accuracy']:
            self.best = {'accuracy': values['top1'], 'epoch': self.epoch, 'step': self.global_step}
        return values

    def due(self, epoch):
        """Do --save-interval and --save-epoch ask for this epoch's weights?"""
        return (epoch % self.arg.save_interval == 0 or epoch == self.arg.num_epoch) and epoch > self.arg.save_epoch

    def save(self, former):
        """This epoch's files: weights when due or best, best.pt, curves, checkpoint.pt; `former`: the best before."""
        best = self.best is not former
        if best or self.due(self.epoch):
            self.work_dir.save_weights(self.model, self.epoch, self.global_step)
        if best:
            checkpoint.save(checkpoint.plain_state(self.student), self.work_dir.path / 'best.pt')
        self.work_dir.draw_curves(self.history)
        checkpoint.save(
            {
                'model': checkpoint.plain_state(self.model),
                'epoch': self.epoch,
                'global_step': self.global_step,
                'best': self.best,
                'history': self.history,
                'arg': vars(self.arg),
                **self.optimizer.state_dict(),
            },
            self.work_dir.checkpoint,
        )
        if best and former and not self.due(former['epoch']):
            self.work_dir.weights(former['epoch'], former['step']).unlink(missing_ok=True)

    def restore(self, path):
        """Go on from a checkpoint."""
        state = checkpoint.read_checkpoint(path, self.model)
        self.optimizer.load_state_dict(state)
        self.epoch, self.global_step = state['epoch'], state['global_step']
        self.best, self.history = state['best'], state['history']
        changed = [
            f'{key} {value!r} → {vars(self.arg)[key]!r}'
            for key, value in state['arg'].items()
            if vars(self.arg).get(key) != value and key not in ('resume', 'config', 'assume_yes')
        ]
        self.log(f'Resumed {path} after epoch {self.epoch}' + (f'; changed: {", ".join(changed)}' if changed else ''))

    def finish(self):
        """The best epoch's weights on the test clips, its tables and pictures, and the closing lines of the log."""
        arg, best = self.arg, self.best
        weights = self.work_dir.weights(best['epoch'], best['step'])
        checkpoint.load_weights(self.model, weights)
        result = self.evaluate('test')
        self.report(result, 'test', 1, save_score=True)
        self.record(result, weights)
        chosen = 'held-out training clips' if arg.held_out else 'the test clips themselves, as is usual in this field'
        self.log(f'Best accuracy: {result.top(1)}')
        self.log(f'Epoch number: {best["epoch"]} (chosen on {chosen})')
        self.log(f'Model name: {arg.work_dir}')
        self.log(f'Model total number of params: {sum(p.numel() for p in self.model.parameters() if p.requires_grad)}')
        self.log(f'Weight decay: {arg.weight_decay}')
        self.log(f'Base LR: {arg.base_lr}')
        self.log(f'Batch Size: {arg.batch_size}')
        self.log(f'Test Batch Size: {arg.test_batch_size}')
        self.log(f'seed: {arg.seed}')
        self.log(
            f'Results: {self.work_dir.path} (log.txt, curves.png, confusion_matrix.png, epoch1_test_score.pkl, '
            f'{weights.name}, best.pt)'
        )
        self.log(
            f'Next: python main_MMCL.py --config {self.work_dir.path / "config.yaml"} --phase test --weights '
            f'{self.work_dir.path / "best.pt"}; the curves with tensorboard --logdir '
            f'{self.work_dir.path / "runs"}'
        )

    def test(self):
        """Score the test clips with the given weights."""
        self.log_weights()
        result = self.evaluate('test')
        self.report(result, 'test', 1, self.arg.save_score)
        self.record(result, self.arg.weights)
        self.log(f'Results: {self.work_dir.path}')

    def log_weights(self):
        """Say which weights were loaded, and which of them this run has no use for."""
        left_out = len(self.helpers_left_out)
        self.log(f'Weights: {self.arg.weights}' + (f', without its {left_out} helper weights' if left_out else ''))

    def record(self, result, weights):
        """Lists of right and wrong clips beside the weights, and the confusion matrix."""
        if self.first:
            workdir.write_verdicts(weights, self.feeders['test'].name, result)
            self.work_dir.draw_confusion(result.confusion())
        self.curves.close()

    def predict(self):
        """The best classes of each clip in --input, as a table."""
        result = self.evaluate('test')
        if self.first:
            deploy.write_ranking(self.feeders['test'].name, result.scores, self.arg.topk, self.arg.output)

    def export(self):
        """The student alone, as a program for any batch size."""
        deploy.export(self.student, self.example(), self.arg.output)
        self.log(f'Exported the student to {self.arg.output}')

    def model_size(self):
        """Parameters and multiply-accumulates of the student."""
        parameters, macs = deploy.model_size(self.student, self.example())
        self.log(f'Parameters: {parameters:,}; multiply-accumulates a clip: {macs / 1e9:.2f} G')

    def example(self):
        """Two clips of the configured shape, of noise: an empty person slot would be skipped."""
        return deploy.noise_clips(self.arg.model_args, self.arg.test_feeder_args.get('window_size', 64), self.device)


def main(argv=None):
    """Run the command line; returns the exit status: 0, 2 for a mistake the user can mend, 130 when interrupted."""
    try:
        distributed.start()
        Processor(config.parse(get_parser(), argv)).start()
    except InputError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except torch.OutOfMemoryError:
        print('error: the device is out of memory; try a lower --batch-size, or --amp', file=sys.stderr)
        return 2
    except OSError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; --resume auto goes on from the last whole epoch', file=sys.stderr)
        return 130
    finally:
        distributed.stop()
    return 0


if __name__ == '__main__':
    sys.exit(main())
