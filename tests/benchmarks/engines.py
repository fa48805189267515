"""Our student in PyTorch, and its .onnx export in ONNX Runtime and OpenVINO, against the plain student in PyTorch.

Clips of two persons, on the CPU; every engine gets as many threads as PyTorch. An engine whose package is missing is
left out, with a line that says so.
"""

import tempfile
from pathlib import Path

import torch

from model import export
from tests.benchmarks import networks
from tests.benchmarks.measure import alternate, clock, close, row

BATCHES = {16: 1, 1: 4}  # clips: how many times the rounds


def onnxruntime_engine(path, x):
    """A function that scores a batch in ONNX Runtime."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, settings, providers=['CPUExecutionProvider'])
    inputs = {session.get_inputs()[0].name: x.numpy()}
    return lambda: session.run(None, inputs)[0]


def openvino_engine(path, x):
    """A function that scores a batch in OpenVINO."""
    import openvino

    settings = {'INFERENCE_NUM_THREADS': torch.get_num_threads(), 'INFERENCE_PRECISION_HINT': 'f32'}
    model, inputs = openvino.Core().compile_model(path, 'CPU', settings), [x.numpy()]
    return lambda: model(inputs)[0]


ENGINES = {'onnxruntime': onnxruntime_engine, 'openvino': openvino_engine}


def exported(model, folder):
    """The path of the .onnx file of a student, or None, with a line that says why."""
    path = str(Path(folder) / 'student.onnx')
    try:
        import onnxscript  # noqa: F401 (it does the export)
    except ImportError as error:
        print(f'engines: no .onnx export: {error}')
        return None
    Path(path).write_bytes(export.onnx_file(export.trace(model, networks.skeletons(2).shape, any_length=False)))
    return path


def engines(model, path, x):
    """{name: function that scores a batch} of the engines there are."""
    found = {'torch': networks.inference(model, x)}
    for name, make in ENGINES.items() if path else ():
        try:
            found[name] = make(path, x)
        except ImportError as error:
            print(f'engines: without {name}: {error}')
    return found


def run(options):
    """A row for each batch size and engine."""
    model, cpu = networks.student(), torch.device('cpu')
    plain = networks.plain_student(model)
    flops = networks.flops_of_a_clip(plain, cpu)
    with tempfile.TemporaryDirectory() as folder:
        path = exported(model, folder)
        for batch, more in BATCHES.items():
            x = networks.skeletons(batch)
            functions = {'plain': networks.plain_inference(plain, x), **engines(model, path, x)}
            expected = functions['plain']()
            for function in functions.values():
                close(function(), expected)
            clocks = {name: clock(function) for name, function in functions.items()}
            seconds = alternate(clocks, more * options.rounds)
            for name in list(functions)[1:]:
                yield row('engines', f'{name}_{batch}', seconds['plain'], seconds[name], batch, flops, cpu)
