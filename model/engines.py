"""The engines that score clips: PyTorch, or another one that runs the exported student on the CPU.

An engine is installed only by those who use it, and does all the computing; here it is only chosen, opened and called.
"""

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from model import export
from model.base import MMCLOutput, SkeletonModel
from model.export import Program
from torchlight import distributed
from torchlight.errors import InputError


def check(arg: argparse.Namespace, devices: Sequence[torch.device]) -> None:
    """Raise InputError if the engine is not installed, or cannot do what the other settings ask for.

    Parameters
    ----------
    arg : Namespace. All settings.
    devices : list of torch.device. The devices of this process.
    """
    engine = f'--engine {arg.engine}'
    if arg.engine == 'torch':
        if arg.engine_precision != 'fp32':
            raise InputError(f'--engine-precision {arg.engine_precision} is not for {engine}; use --amp bf16')
        return
    if arg.phase not in ('test', 'predict'):
        raise InputError(f'{engine} works in --phase test and predict, not in --phase {arg.phase}; use --engine torch')
    if arg.refine:
        raise InputError(f'{engine} runs the exported student, which has no FRM; use --engine torch for --refine')
    if arg.amp != 'no':
        raise InputError(f'--amp {arg.amp} is only for --engine torch; for {engine} there is --engine-precision')
    if arg.compile:
        raise InputError(f'--compile is only for --engine torch; leave it out for {engine}')
    if devices[0].type != 'cpu' or arg.device not in ([], ['cpu']):
        raise InputError(f'{engine} runs on the CPU; add --device cpu, or use --engine torch on a GPU')
    export.require_packages(engine, 'onnx', 'onnxscript', arg.engine)
    if arg.engine_precision == 'bf16' and not has_bf16(arg.engine):
        raise InputError(
            f'--engine-precision bf16: {arg.engine} has no bf16 on this CPU; use fp32, or openvino on a CPU with '
            'instructions for bf16 (AVX-512 BF16 or AMX)'
        )


def describe(arg: argparse.Namespace) -> str:
    """Return the line of the log that says what scores the clips."""
    if arg.engine == 'torch':
        return f'Engine: torch {torch.__version__}, {"fp32" if arg.amp == "no" else arg.amp}'
    version = importlib.import_module(arg.engine).__version__.partition('-')[0]  # openvino adds its build
    return f'Engine: {arg.engine} {version}, {arg.engine_precision}, on the exported student'


def scorer(
    model: SkeletonModel, devices: Sequence[torch.device], arg: argparse.Namespace, previous: Any = None
) -> Callable[..., MMCLOutput]:
    """Return a function that computes, from skeletons, what `model` computes now.

    Parameters
    ----------
    model : SkeletonModel.
    devices : list of torch.device. Where PyTorch computes.
    arg : Namespace. All settings; another engine than torch scores with only the student.
    previous : what this function returned for the same model before, to use again what was compiled (default None).
    """
    if arg.engine != 'torch':
        return ExportedStudent(model.student, arg.engine, arg.engine_precision)
    form = model.inference_form().eval()
    if form is not model and arg.compile:
        if previous is not None:
            previous.load_state_dict(form.state_dict())
            return previous
        form.compile()
    return distributed.wrap(form, devices, train=False)


class ExportedStudent:
    """A student that another engine runs; it is exported when the first clips show their shape.

    Parameters
    ----------
    student : model.base.SkeletonModel.
    engine : str. A key of ENGINES.
    precision : str. A key of PRECISIONS.
    """

    def __init__(self, student: nn.Module, engine: str, precision: str) -> None:
        self.student, self.engine, self.precision = student, engine, precision
        self.program: Program | None = None

    def __call__(self, skeleton: Tensor, text: Tensor | None = None) -> MMCLOutput:
        """Classify clips (N, C, T, V, M) by their skeletons; the student has no use for the text."""
        if self.program is None:
            traced = export.trace(self.student, skeleton.shape, any_length=False)
            self.program = ENGINES[self.engine](export.onnx_file(traced), self.precision)
        return MMCLOutput(torch.from_numpy(self.program(skeleton.numpy())))


def open_onnxruntime(file: bytes, precision: str) -> Program:
    """Open an .onnx file in ONNX Runtime; `precision` is always fp32."""
    return export.open_onnxruntime(file)


def open_openvino(file: bytes, precision: str) -> Program:
    """Open an .onnx file in OpenVINO, with PyTorch's number of threads; `precision` is a key of PRECISIONS.

    Raises
    ------
    InputError
        If OpenVINO computes in another number format on this CPU.
    """
    import openvino

    settings = {'INFERENCE_PRECISION_HINT': PRECISIONS[precision], 'INFERENCE_NUM_THREADS': torch.get_num_threads()}
    core = openvino.Core()
    program = core.compile_model(core.read_model(file), 'CPU', {**settings, 'PERFORMANCE_HINT': 'LATENCY'})
    used = program.get_property('INFERENCE_PRECISION_HINT').to_string()
    if used != PRECISIONS[precision]:
        other = next((name for name, theirs in PRECISIONS.items() if theirs == used), used)
        raise InputError(f'--engine-precision {precision}: openvino computes in {other} on this CPU; ask for that')
    return lambda skeleton: program(skeleton)[0]


def has_bf16(engine: str) -> bool:
    """Return whether an engine computes in bf16 on this CPU.

    Only OpenVINO can, where the CPU has instructions for it; elsewhere it would silently compute in float32.
    """
    if engine != 'openvino':
        return False
    import openvino

    return 'BF16' in openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')


PRECISIONS = {'fp32': 'f32', 'bf16': 'bf16'}  # our name of a number format: OpenVINO's
ENGINES = {'onnxruntime': open_onnxruntime, 'openvino': open_openvino}
