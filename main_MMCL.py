#!/usr/bin/env python
# PYTHON_ARGCOMPLETE_OK
"""Train, test and deploy skeleton action recognition with multi-modality co-learning (MMCL, ACM MM 2024)."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.flags import CONFIGS, get_parser
from torchlight import command

if __name__ == '__main__':
    command.answer_at_once(get_parser())  # before PyTorch is imported, which takes seconds

import numpy as np
import torch

from feeders import arguments, description, examples, exports, run_report
from feeders.feeder import Batch, Feeder
from feeders.loading import make_loader, on_device
from feeders.prepare import windows
from feeders.prepare.prediction_figure import draw_prediction
from model import deploy, engines, export, inspection
from model.base import SkeletonModel
from model.MMCL import loss_terms, loss_weights, total_loss
from torchlight import checkpoint, config, distributed, interruption, metrics, optim, record, results, summary, workdir
from torchlight.imports import admit, checked_class, instantiate
from torchlight.logging import JsonLog, Log, TensorBoard, TrainingValues
from torchlight.predictions import Ranking
from torchlight.progress import Clock, Progress
from torchlight.seed import init_seed
from torchlight.within_epoch import WithinEpoch


class Processor:
    """One run: the constructor checks the settings and builds the parts, `start` acts."""

    def __init__(self, arg: argparse.Namespace, others: Sequence['Processor'] = ()) -> None:
        self.arg, self.is_first, self.others, self.windows = arg, distributed.rank() == 0, others, None
        admit(arg.allow_imports)
        self.devices, self.device_warning = distributed.choose_devices(arg.device)
        self.device = self.devices[0]
        distributed.set_precision(arg.tf32, arg.deterministic)
        arguments.check(arg, len(self.devices), distributed.world_size())
        engines.check(arg, self.devices)
        deploy.check(arg)
        self.work_dir = workdir.WorkDir.of(arg, loss_weights(arg.lambda_refine, arg.lambda_align))
        self.log = Log(arg.work_dir, arg.print_log and arg.phase in ('train', 'test'), quiet=not self.is_first)
        self.tensorboard = TensorBoard(arg.work_dir, quiet=not self.is_first)
        self.json_log, self.clock = JsonLog(arg.work_dir, arg.log_json and self.is_first), Clock()
        self.epoch, self.global_step, self.best, self.history = arg.start_epoch, 0, None, []
        self.scorer, self.within = None, WithinEpoch(arg.checkpoint_minutes, self.save_within)
        init_seed(arg.seed)
        self.build_data()
        self.build_model()

    def build_data(self) -> None:
        """Make the feeders of the phase and their loaders."""
        arg, self.feeders, self.loaders = self.arg, {}, {}
        options = arg.num_worker, self.device.type == 'cuda', distributed.rank(), distributed.world_size()
        for part, args in arguments.feeder_arguments(arg).items():
            train = part == 'train'
            cls = checked_class(arg.feeder, args, f'{"train" if train else "test"}_feeder_args', kind=Feeder)
            if arg.phase in ('train', 'test'):
                distributed.on_first(lambda cls=cls, args=args: cls.prepare_data(args))
            elif arg.input and cls.takes_store:
                expected = arguments.layout(arg.model_args), *description.facts_of_training(arg.weights)
                self.windows = windows.of_input(arg, *expected)
                args['data_path'] = self.windows.store
            feeder = arguments.make_feeder(cls, args, arg, self.device)
            arguments.check_fit(arg.model_args, feeder, part, labelled=arg.phase in ('train', 'test'))
            size = arg.batch_size if train else arg.test_batch_size
            self.feeders[part], self.loaders[part] = feeder, make_loader(feeder, size, train, *options)

    def build_model(self) -> None:
        """Make the model, load its weights, put it on the devices, and make its optimiser."""
        arg, data = self.arg, self.feeders.get('train', self.feeders.get('test'))
        args, where = arguments.model_arguments(arg.model_args, data.feature_width if data else {})
        self.model: SkeletonModel = instantiate(arg.model, args, where, kind=SkeletonModel)
        if arg.phase == 'train':
            self.model.set_statistics(data.feature_statistics)
        self.model.to(self.device)
        if arg.weights:
            left_out = checkpoint.load_weights(self.model, arg.weights, arg.ignore_weights)
            self.weights_line = description.weights_line(arg.weights, left_out)
        if arg.compile:
            self.model.compile()
        self.parallel = distributed.wrap(self.model, self.devices, arg.phase == 'train')
        if arg.phase == 'train':
            settings, scale_loss = optim.settings(arg), arg.amp == 'fp16'
            self.optimizer = optim.Optimizer(self.model.parameters(), self.device, scale_loss=scale_loss, **settings)

    def start(self) -> None:
        """Do what --phase asks for."""
        if self.is_first:
            others = [description.compare(each.arg, each.feeders.get('test')) for each in (self, *self.others)]
            idle = self.arg.phase == 'train' and optim.without_effect(self.arg)
            note = self.windows and self.windows.note
            arguments.warn(self.arg, self.feeders, self.device_warning, idle, note, *others)
        with contextlib.ExitStack() as locks:
            if self.arg.phase in ('train', 'test'):
                lock = self.work_dir.locked(shared=self.arg.phase == 'test')
                distributed.on_first(lambda: locks.enter_context(lock))
            getattr(self, self.arg.phase)()

    def train(self) -> None:
        """Train all epochs, evaluating each and writing its files, then score the test clips with the best one."""
        self.begin()
        with interruption.deferred():
            while self.epoch < self.arg.num_epoch:
                number, previous_best = self.epoch + 1, self.best
                row = {'epoch': number, 'train': self.train_epoch(number)}
                if number % self.arg.eval_interval == 0 or number == self.arg.num_epoch:
                    row['val'] = self.validate(number)
                self.history.append(row)
                self.epoch, self.within.state = number, None
                if self.is_first:
                    self.work_dir.save_epoch_files(self.model.student, self.state(), previous_best)
                distributed.barrier()
        self.finish()

    def begin(self) -> None:
        """Resume a run from its checkpoint, or take the work directory for a new one."""
        arg = self.arg
        resumed = distributed.from_first(lambda: self.work_dir.checkpoint_to_resume(arg.resume))
        self.work_dir.description = description.describe(arg, self.feeders['train'])
        lines = [self.restore(resumed)] if resumed else []
        run = resumed, self.best, arg, self.model, self.log, self.state
        distributed.on_first(lambda: self.work_dir.begin(*run, arguments.session(arg, self.devices)))
        lines += [deploy.describe(self.model, self.devices), *arguments.describe(self.feeders)]
        self.log(*lines, *([self.weights_line] if arg.weights else []))
        self.json_log.start(self.global_step)
        self.clock.start(self.epoch + self.within.done / len(self.loaders['train']), arg.num_epoch)

    def train_epoch(self, number: int) -> dict[str, float]:
        """Train epoch `number`, from 1; return the means of the loss terms, the accuracy and the learning rate."""
        arg, steps, done, size = self.arg, len(self.loaders['train']), self.within.done, self.arg.batch_size
        self.log(f'Training epoch: {number}')
        init_seed(arg.seed, self.epoch)
        self.feeders['train'].set_epoch(arg.seed, self.epoch)
        self.loaders['train'].batch_sampler.set_epoch(arg.seed, self.epoch, done)
        self.parallel.train()
        kept = f'{self.work_dir.checkpoint} is as it was last written'
        logs, self.json_log.epoch = (self.tensorboard, self.json_log), number
        values = TrainingValues(number, logs, f'the step was not taken, and {kept}; try a lower --base-lr')
        self.within.begin(values, seed=arg.seed, batch_size=size, clips=len(self.feeders['train']))
        batches = Progress(self.loaders['train'], f'epoch {number}/{arg.num_epoch}', quiet=not self.is_first)
        lr = self.optimizer.set_epoch(self.epoch + max(done - 1, 0) / steps)
        for step, batch in enumerate(on_device(batches, self.device), done + 1):
            lr = self.optimizer.set_epoch(self.epoch + (step - 1) / steps)
            terms = self.train_step(batch)
            self.global_step += 1
            values.add(self.global_step, len(batch.label), lr, terms)
            if step % arg.log_interval == 0 or step == steps or batches.due():
                loss = values.read()['loss']
                batches.show(values.means.result(), (step - done) * size, self.clock.left(self.epoch + step / steps))
            if step % arg.log_interval == 0:
                self.log(f'\tBatch({step}/{steps}) done. Loss: {loss:.4f}  lr: {lr:.6f}')
            self.within.after_step(step, steps, values)
        result = {**values.means.result(distributed.gather), 'lr': lr}
        self.log('\tMean training ' + ', '.join(f'{name}: {value:.4g}' for name, value in result.items()))
        self.log(f'\tTime: {batches.timing((steps - done) * size)}')
        return result

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Take one step of the optimiser; return the loss terms, the loss and the accuracy of the batch."""
        features = {kind: value for kind, value in (('video', batch.video), ('text', batch.text)) if value is not None}
        with distributed.autocast(self.device, self.arg.amp):
            output = self.parallel(batch.skeleton, **features)
        terms = loss_terms(output, batch.label, self.arg.label_smoothing)
        terms['loss'] = total_loss(terms, self.arg.lambda_refine, self.arg.lambda_align)
        terms['top1'] = (output.logits.argmax(1) == batch.label).float().mean()
        self.optimizer.backward(terms['loss'])
        self.optimizer.step()
        return terms

    @torch.no_grad()
    def evaluate(self, part: str, feature: bool = False) -> metrics.Evaluation:
        """Score every clip of a part with only the student (with --refine also with the FRM); `feature`: keep it."""
        distributed.share_buffers(self.model)
        self.scorer = engines.scorer(self.model, self.devices, self.arg, self.scorer)
        found = []
        for batch in on_device(Progress(self.loaders[part], part, quiet=not self.is_first), self.device):
            with distributed.autocast(self.device, self.arg.amp):
                output = self.scorer(batch.skeleton, **({} if batch.text is None else {'text': batch.text}))
            found.append({'index': batch.index, **output.scored(feature)})
            self.within.stop_if_asked()
        scores, feeder = distributed.gather_in_order(found), self.feeders[part]
        classes = description.class_names(self.arg, feeder, scores['scores'].shape[1])
        return metrics.Evaluation.of(feeder.name, feeder.label, classes=classes, **scores)

    def report(self, result: metrics.Evaluation, part: str, epoch: int, save_score: bool) -> None:
        """Log an evaluation and write its tables; `epoch` counts from 1."""
        self.log(*(f'\t{line}' for line in result.lines(part, self.arg.show_topk, 'with the FRM')))
        if self.is_first:
            results.write_evaluation(self.work_dir.path, result, part, epoch, save_score)

    def validate(self, epoch: int) -> dict[str, float]:
        """Evaluate an epoch, counted from 1, on the clips that choose the best; return the loss and the accuracies."""
        part = 'val' if 'val' in self.feeders else 'test'
        self.log(f'Eval epoch: {epoch}')
        result = self.evaluate(part)
        self.report(result, part, epoch, self.arg.save_score)
        values = {'loss': result.loss, **{f'top{k}': result.top(k) for k in sorted({1, *self.arg.show_topk})}}
        for log in (self.tensorboard, self.json_log):
            log.add('val', self.global_step, **values)
        if metrics.improves(values, self.best, self.history):
            self.best = {'accuracy': values['top1'], 'epoch': epoch, 'step': self.global_step}
        return values

    def state(self) -> dict[str, Any]:
        """Return the checkpoint: everything that is needed to resume."""
        run = {'epoch': self.epoch, 'global_step': self.global_step, 'best': self.best, 'history': self.history}
        model, arg = checkpoint.plain_state(self.model), vars(self.arg)
        return {'model': model, **run, 'within': self.within.state, 'arg': arg, **self.optimizer.state_dict()}

    def save_within(self, place: str) -> None:
        """Write a checkpoint inside an epoch."""
        distributed.on_first(lambda: self.work_dir.save_checkpoint(self.state()))
        self.log(f'Checkpoint: {self.work_dir.checkpoint}, {place} of epoch {self.epoch + 1}')

    def restore(self, path: Path) -> str:
        """Continue from a checkpoint; return a line for the log."""
        state = checkpoint.read_checkpoint(path, self.model)
        self.optimizer.load_state_dict(state)
        self.epoch, self.global_step, self.within.state = state['epoch'], state['global_step'], state.get('within')
        self.best, self.history = state['best'], state['history']
        place = f'step {self.within.done} of epoch {self.epoch + 1}' if self.within.state else f'epoch {self.epoch}'
        changed = config.changes(state['arg'], vars(self.arg))
        return f'Resumed {path} after {place}' + (f'; changed: {changed}' if changed else '')

    def finish(self) -> None:
        """Score the test clips with the weights of the best epoch, and close the log."""
        weights = self.work_dir.weights(self.best['epoch'], self.best['step'])
        checkpoint.load_weights(self.model, weights)
        result = self.score_test_clips(weights, save_score=True)
        run = self.arg, self.work_dir, self.best
        self.log(*summary.closing_lines(*run, result, self.model, self.clock.seconds))
        if self.is_first:
            record.finish(self.work_dir.path, top1=result.top(1), clips=len(result.label), epoch=self.best['epoch'])

    def test(self) -> None:
        """Score the test clips with the given weights."""
        self.log(self.weights_line, engines.describe(self.arg))
        self.score_test_clips(self.arg.weights, self.arg.save_score)
        self.log(f'Results: {self.work_dir.path}')

    def score_test_clips(self, weights: str | Path, save_score: bool) -> metrics.Evaluation:
        """Evaluate the test clips and write the tables and lists that belong to these weights."""
        result = self.evaluate('test', feature=True)
        self.report(result, 'test', 1, save_score)
        if self.is_first:
            results.write_verdicts(self.work_dir.path, weights, result, self.arg.pictures)
        if self.is_first and self.arg.pictures:
            inspection.draw(self.work_dir.path, self.model, **examples.choose(self.feeders, self.device))
            model = deploy.describe(self.model, self.devices)
            run_report.write(self.arg, get_parser(), self.feeders, self.devices, model, weights, result, self.history)
        self.tensorboard.close(self.global_step)
        return result

    def predict(self) -> None:
        """Print or write the most probable classes of each clip in --input, by the scores of all streams; draw it."""
        arg, feeder = self.arg, self.feeders['test']
        windows.check(self.windows, arg.window, arg.figure)
        found = [stream.evaluate('test') for stream in (self, *self.others)]
        if self.is_first:
            name, frames = (self.windows.name, self.windows.frames) if self.windows else (feeder.name, None)
            scores, classes = np.mean([each.scores for each in found], axis=0), found[0].classes
            Ranking.of(name, scores, arg.topk, classes, frames).write(arg.output)
            if arg.figure:
                draw_prediction(arg.figure, self.windows, Ranking.of(name, scores, None, classes, frames), feeder)

    def export(self) -> None:
        """Write the student as a program that says what it is, once its scores of clips are those of the student."""
        material = exports.material(self.arg, self.feeders.get('test'), deploy.noise_clips(self.arg, 'cpu'))
        self.log(export.export(self.model.student, self.arg.output, *material))

    def model_size(self) -> None:
        """Log the parameters and multiply-accumulates of the student."""
        parameters, macs = deploy.model_size(self.model.student, deploy.noise_clips(self.arg, self.device))
        self.log(f'Parameters: {parameters:,}; multiply-accumulates per clip: {macs / 1e9:.2f} G')


def run(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and do what it asks for."""
    with distributed.process_group():
        settings, *others = description.settings_of_each(get_parser, argv, CONFIGS)
        Processor(settings, [Processor(other) for other in others]).start()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status, see torchlight.command.run_command."""
    return command.run_command(run, argv, 'continue from the last checkpoint with --resume auto')


if __name__ == '__main__':
    sys.exit(main())
