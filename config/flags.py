"""Every setting of main_MMCL.py: its flag, which is a key of YAML files too, and what --help says of it.

Nothing here imports PyTorch, so that --help is answered at once. The choices are those of the modules that a setting is
for, as tests/test_flags.py checks.
"""

import os
from pathlib import Path

from torchlight.command import SWITCH, WORD, Parser, count, device, filled, not_negative, positive, share
from torchlight.config import PAIRS

CONFIGS = Path(__file__).parent
PHASES = ('train', 'test', 'predict', 'export', 'model_size')
STREAMS = ('joint', 'bone', 'joint_motion', 'bone_motion')
DESCRIPTION = """\
Train, test and use skeleton-based action recognition with multi-modality
co-learning (MMCL, ACM MM 2024).

  python main_MMCL.py                      train on the embedded sample
  … --config config/ucla/joint.yaml        train on a data set
  … --phase test --weights best.pt         test weights
  … --phase predict --weights best.pt --input clip.skeleton
                                           classify a recording
  … --phase export --weights best.pt --output student.onnx
                                           export the student

Every flag but --allow-imports is also a key of YAML files, written with _.
The command line has priority over the file, and the file over the defaults."""


def get_parser() -> Parser:
    """Define every setting; each may be given in the YAML file too, under its name with underscores."""
    parser = Parser('main_MMCL.py', description=DESCRIPTION)
    for title, add_flags in SECTIONS.items():
        parser.section(title)
        add_flags(parser)
    return parser


# fmt: off
def _task(parser: Parser) -> None:
    add, sample = parser.add, os.path.relpath(CONFIGS / 'sample' / 'joint.yaml')
    add('--phase', choices=PHASES, default='train', help='What to do.')
    add('--config', default=sample, metavar='FILE',
        help='YAML file of settings. By default those that --weights carry; to train, or without weights, %(default)s.')
    add('--work-dir', type=filled, default='./work_dir/temp', metavar='DIR', help='Folder for the results of a run.')
    add('--seed', type=count, default=1, metavar='N', help='Seed of the weights, the order of clips and augmentation.')


def _data(parser: Parser) -> None:
    add = parser.add
    add('--stream', choices=STREAMS, help='Input of the network; sets bone and vel of both feeders (default: theirs).')
    add('--feeder', default='feeders.feeder_MMCL.Feeder', metavar='CLASS', help='Class that reads the clips.')
    add('--train-feeder-args', **PAIRS, help='Arguments of the feeder for training, merged into those of the file.')
    add('--test-feeder-args', **PAIRS, help='Arguments of the feeder for testing, merged into those of the file.')
    add('--held-out', type=not_negative, default=0.0, metavar='SHARE',
        help='Choose the best epoch on this share of the training clips instead of on the test clips.')
    add('--held-out-by', metavar='FIELD',
        help='Hold out whole subjects, views or whatever the names of the clips number; not clips one by one.')
    add('--batch-size', type=positive, default=256, metavar='N', help='Clips in a training step, on all devices.')
    add('--test-batch-size', type=positive, default=256, metavar='N', help='Clips in an evaluation batch.')
    add('--num-worker', type=count, default=0, metavar='N',
        help='Processes that load the data; with 0 the main process does.')
    add('--augment-on', choices=('worker', 'device'), default='worker',
        help='Where clips are resampled, rotated and made into the stream.')
    add('--preload', choices=('none', 'memory', 'device'), default='none',
        help='Read all frames first: into memory that the workers share, or onto the device, where clips are then '
        'augmented without workers.')
    add('--allow-imports', nargs='+', default=[], metavar='MODULE',
        help='Modules of your own that the feeder, the model and the graph may be from; a name admits what is below it '
        'too. Importing runs their code, so this is only for the command line.')


def _model(parser: Parser) -> None:
    add = parser.add
    add('--weights', nargs='+', metavar='FILE',
        help='Trained weights to test, predict with or export, or to start training from. With several files, one for '
        'each stream, --phase predict takes the mean of their scores.')
    add('--ignore-weights', nargs='+', default=[], metavar='NAME',
        help='Skip the weights whose names contain one of these, such as fc.')
    add('--model', default='model.MMCL.Model', metavar='CLASS', help='Class of the network.')
    add('--model-args', **PAIRS, help='Arguments of the network, merged into those of the file.')


def _training(parser: Parser) -> None:
    add = parser.add
    add('--num-epoch', type=count, default=80, metavar='N', help='Number of epochs in all.')
    add('--start-epoch', type=count, default=0, metavar='N', help='Epochs that --weights are trained for already.')
    add('--lambda-align', type=not_negative, default=0.1, metavar='X', help='Weight of the alignment loss (FAM).')
    add('--lambda-refine', type=not_negative, default=0.2, metavar='X', help='Weight of the refined loss (FRM).')
    add('--label-smoothing', type=share, default=0.0, metavar='SHARE',
        help='Share of each label that all classes divide among them in the cross entropies.')
    add('--optimizer', choices=('SGD', 'Adam'), default='SGD', help='Optimiser; SGD has momentum 0.9.')
    add('--nesterov', **WORD, default=False, help='Use Nesterov momentum with SGD.')
    add('--weight-decay', type=not_negative, default=0.0005, metavar='X', help='L2 penalty of every weight.')
    add('--clip-grad', type=not_negative, default=0.0, metavar='NORM',
        help='Scale the gradients down to this norm, taken over all weights; 0 leaves them as they are.')
    add('--base-lr', type=not_negative, default=0.1, metavar='X', help='Learning rate after the warm-up.')
    add('--warm_up_epoch', type=count, default=0, metavar='N', help='Epochs in which the learning rate rises first.')
    add('--lr-schedule', choices=('step', 'cosine'), default='step',
        help='How the learning rate falls: at the epochs of --step, or along a cosine.')
    add('--step', type=int, nargs='*', default=[], metavar='EPOCH', help='Epochs after which the learning rate falls.')
    add('--lr-decay-rate', type=not_negative, default=0.1, metavar='X',
        help='Factor by which it falls at each epoch of --step.')
    add('--min-lr', type=not_negative, default=0.0, metavar='X', help='Learning rate at the end of the cosine.')


def _run(parser: Parser) -> None:
    add = parser.add
    add('--resume', nargs='?', const='auto', metavar='FILE',
        help='Continue from this checkpoint.pt; auto, the word that may be left out, means that of the work directory, '
        'or a new run if there is none.')
    add('--assume-yes', **SWITCH, help='Replace the run in the work directory without asking.')
    add('--checkpoint-minutes', type=not_negative, default=0.0, metavar='MINUTES',
        help='Write a checkpoint inside the epoch whenever this time has passed; with 0 after each epoch only.')
    add('--eval-interval', type=positive, default=1, metavar='EPOCHS', help='Epochs between two evaluations.')
    add('--save-interval', type=positive, default=1, metavar='EPOCHS', help='Epochs between two weights files.')
    add('--save-epoch', type=int, default=30, metavar='N',
        help='Keep no weights of the first N epochs, except those of the best.')
    add('-model_saved_name', type=filled, default='runs', metavar='NAME',
        help='How the names of weights files begin: NAME-<epoch>-<step>.pt.')
    add('--save-score', **WORD, default=False, help='Write the scores of all clips at every evaluation.')
    add('--pictures', **WORD, default=True,
        help='Draw pictures and write report.html; without them a short run takes half the time.')
    add('--show-topk', type=positive, nargs='+', default=[1, 5], metavar='K', help='The top-K accuracies to show.')
    add('--print-log', **WORD, default=True, help='Write what is printed to log.txt too.')
    add('--log-json', **SWITCH,
        help='Write the values of every training step and evaluation to log.jsonl too, a line of JSON each.')
    add('--log-interval', type=positive, default=100, metavar='STEPS', help='Steps between two lines of the log.')


def _use(parser: Parser) -> None:
    add = parser.add
    add('--input', metavar='PATH',
        help='Clips to classify, or to check an export on: a recording (.skeleton, .json, .mat), an array (.npy: T×V×C '
        'or T×M×V×C), a folder of these, a store (.h5) or the test clips of a public .npz.')
    add('--window', type=positive, metavar='FRAMES',
        help='Classify windows of this length instead of whole clips (default: whole clips).')
    add('--stride', type=positive, metavar='FRAMES',
        help='Frames from one window to the next (default: half of --window).')
    add('--topk', type=positive, default=5, metavar='K', help='Number of classes to name for each clip.')
    add('--output', metavar='FILE',
        help='File for the predictions (.csv or .json; by default they are printed) or the exported student (.pt2 or '
        '.onnx, or .pt for its weights in half precision).')
    add('--with-preprocessing', **SWITCH,
        help='Export the preprocessing of clips with the student, which then takes one clip as it is.')
    add('--figure', metavar='FILE',
        help='Draw the clip in --input with its prediction: an animation (.gif) or a picture (.png) of its poses or, '
        'with --window, of the classes over time.')
    add('--refine', **SWITCH, help='Score with the FRM too, which needs text features of the test clips.')


def _machine(parser: Parser) -> None:
    add = parser.add
    add('--device', type=device, nargs='+', default=[], metavar='N',
        help='Numbers of GPUs, or cpu (default: the first GPU, or the CPU without one).')
    add('--amp', choices=('no', 'bf16', 'fp16'), default='no', help='Number format of automatic mixed precision.')
    add('--tf32', **WORD, default=True, help='Round float32 factors to TF32 on GPUs that can.')
    add('--deterministic', **SWITCH, help='Use only algorithms that give the same bits every time; slower on a GPU.')
    add('--compile', **SWITCH, help='Compile the network with torch.compile.')
    add('--engine', choices=('torch', 'onnxruntime', 'openvino'), default='torch',
        help='What computes the scores in --phase test and predict; all but torch run on the CPU.')
    add('--engine-precision', choices=('fp32', 'bf16'), default='fp32',
        help='Number format of onnxruntime and openvino; that of torch is --amp.')
# fmt: on


SECTIONS = {
    'what to do': _task,
    'clips': _data,
    'network': _model,
    'training': _training,
    'files and log of a run': _run,
    'testing, predicting and exporting': _use,
    'machine': _machine,
}
