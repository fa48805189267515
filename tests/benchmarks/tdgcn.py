"""TD-GCN's evaluation of a batch of clips of two persons, 64 frames, and a training step of it."""

from tests.benchmarks import networks, train_step

BATCH = 16


def run(options):
    """The row of an evaluation, and those of a step."""
    yield networks.compare('tdgcn', 'two_persons', 'tdgcn', networks.skeletons(BATCH), options, options.rounds)
    ours = networks.student('tdgcn')
    models = {'plain': networks.plain_student(ours, 'tdgcn'), 'step': ours}
    models = {name: model.to(options.device).train() for name, model in models.items()}
    yield from train_step.compare('tdgcn', models, train_step.make_batch(train_step.BATCH, options.device), options)
