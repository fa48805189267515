"""How the cost of our student's evaluation grows with clips, frames and persons, and how much memory it takes.

Time is per clip, per 64 frames and per person: the "plain" of a row is the smallest size of its kind, so a ratio of 1
means linear growth. The memory cases have no time; their ratio is the peak of a plain process to that of one of
ours, the interpreter and PyTorch included.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import torch

from tests.benchmarks import networks, train_step
from tests.benchmarks.measure import Row, alternate, clock, peak_memory, row

SIZES = {  # kind: the sizes, and the batch of one
    'batch': [(n, {'batch': n}) for n in (4, 8, 16)],
    'frames': [(t / 64, {'batch': 4, 'frames': t}) for t in (32, 64, 128, 256)],
    'persons': [(m, {'batch': 4, 'persons': m}) for m in (1, 2, 4)],
}
ROUNDS = 3  # or fewer, if the command line asks for fewer
EVALUATED, TRAINED = 256, 8  # clips of the batches whose memory is measured
GIGABYTE = 1e9


def growth(kind, options):
    """The rows of a kind of size: seconds per unit against the smallest."""
    functions, device = {}, options.device
    for units, sizes in SIZES[kind]:
        model = networks.student(persons=sizes.get('persons', 2)).to(device)
        functions[units] = clock(networks.inference(model, networks.skeletons(**sizes).to(device)), device)
    seconds = alternate(functions, min(options.rounds, ROUNDS), warm_up=1)
    (smallest, first), *others = SIZES[kind]
    clips = 1 if kind == 'batch' else first['batch']
    for units, sizes in others:
        case = f'{kind}_{sizes[kind]}'
        yield row('scaling', case, seconds[smallest] / smallest, seconds[units] / units, clips)


def evaluate_ours(device):
    """Score a large batch; like the functions below, for a process of its own."""
    networks.inference(networks.student().to(device), networks.skeletons(EVALUATED).to(device))()


def evaluate_plainly(device):
    """The same by the plain network."""
    plain = networks.plain_student(networks.student()).to(device)
    networks.plain_inference(plain, networks.skeletons(EVALUATED).to(device))()


def train(name, device):
    """Take two steps."""
    model = train_step.make_models(device)[name]
    step = train_step.make_step(name, model, train_step.make_batch(TRAINED, device), device)
    step(), step()


def train_ours(device):
    """Take two steps of the student."""
    train('student', device)


def train_plainly(device):
    """Take two steps of the plain student."""
    train('plain', device)


def peak_of(function, device):
    """The most bytes that a call of one of these functions takes in a process of its own, or on its GPU."""
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        return pool.submit(_peak_here, function, device, torch.get_num_threads()).result()


def _peak_here(function, device, threads):
    torch.set_num_threads(threads)
    function(device)
    return torch.cuda.max_memory_allocated(device) if device.type == 'cuda' else peak_memory()


def memory(case, plain, ours, device):
    """The row of a comparison of peaks."""
    before, after = peak_of(plain, device), peak_of(ours, device)
    note = f'plain {before / GIGABYTE:.2f} GB, ours {after / GIGABYTE:.2f} GB'
    return Row('scaling', case, None, None, before / after, before / after, before / after, None, note)


def run(options):
    """The rows of the three kinds of size, then those of memory."""
    for kind in SIZES:
        yield from growth(kind, options)
    yield memory(f'memory_eval_{EVALUATED}', evaluate_plainly, evaluate_ours, options.device)
    yield memory(f'memory_train_{TRAINED}', train_plainly, train_ours, options.device)
