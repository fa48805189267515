"""A trained student as a file for others: a program for other engines, or its weights in half precision.

Programs are traced, checked against the student, and written; model/half.py writes weights.

.pt2 is the format of torch.export; .onnx is that of ONNX Runtime, OpenVINO and others. What a program says of itself is
in the `metadata_props` of an .onnx file, and as JSON in the extra file METADATA of a .pt2 file.

Legend: N clips, C coordinates, T frames, V joints, M persons.
"""

import contextlib
import copy
import importlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model import half
from torchlight.errors import InputError
from torchlight.files import write_bytes
from torchlight.imports import dotted_name

Program = Callable[[np.ndarray], np.ndarray]  # skeletons or a clip → logits

PROGRAMS = ('.pt2', '.onnx')
EXPORTS = (*PROGRAMS, half.ENDING)
METADATA = 'metadata.json'
LARGEST_DIFFERENCE = 1e-4  # of scores, between program and student
ONNX_PACKAGES = 'onnx', 'onnxscript', 'onnxruntime'
REMARKS = 'torch.onnx._internal.exporter._registration', 'onnxscript.optimizer._constant_folding'  # loggers
WARNINGS = r'`isinstance\(treespec, LeafSpec\)` is deprecated', 'No complete tensor found in the group'


class Logits(nn.Module):
    """A student as a plain function of skeletons."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student = student

    def forward(self, skeleton: Tensor) -> Tensor:
        """(N, C, T, V, M) → (N, num_class)."""
        return self.student(skeleton).logits


class LogitsOfClip(nn.Module):
    """A student and the preprocessing before it as a function of one clip, of any number of frames."""

    def __init__(self, preprocessing: nn.Module, student: nn.Module) -> None:
        super().__init__()
        self.preprocessing, self.student = preprocessing, student

    def forward(self, clip: Tensor) -> Tensor:
        """(T, V, C, M) → (num_class,)."""
        skeleton = self.preprocessing(clip).contiguous()  # exporters take another order in memory for this one
        return self.student(skeleton).logits[0]


def check_path(path: str | PathLike | None) -> Path:
    """Return `path` as a Path.

    Raises
    ------
    InputError
        If it does not end in one of EXPORTS, or if packages that the format needs are missing.
    """
    path = Path(path or '')
    if path.suffix not in EXPORTS:
        given = f', not {path}' if path.name else ''
        raise InputError(
            f'--phase export needs --output with a name that ends in {", ".join(PROGRAMS)} or {half.ENDING}{given}'
        )
    if path.suffix == '.onnx':
        require_packages('an .onnx export', *ONNX_PACKAGES)
    return path


def require_packages(what: str, *packages: str) -> None:
    """Raise InputError, saying what needs them, if packages cannot be imported."""
    try:
        for package in packages:
            importlib.import_module(package)
    except ImportError as error:
        raise InputError(f'{what} needs more packages: {error}; pip install {" ".join(packages)}') from error


def export(
    student: nn.Module,
    path: str | PathLike | None,
    skeleton: Tensor,
    clips: Sequence[Tensor] = (),
    origin: str = 'clips',
    preprocessing: nn.Module | None = None,
    about: Mapping[str, str] | None = None,
    description: Mapping[str, Any] | None = None,
) -> str:
    """Write a student as a program, if it gives the scores of the student, or its weights.

    Parameters
    ----------
    student : model.base.SkeletonModel. The program computes `student.inference_form()(skeleton).logits`.
    path : path. Its ending chooses the format, see EXPORTS.
    skeleton : (N, C, T, V, M) float32. What the program is checked on.
    clips : N tensors (T, V, C, M) float32. The same before `preprocessing` (default: none, without preprocessing).
    origin : str. Which clips they are, for messages (default 'clips').
    preprocessing : module or None. Export it too: the program then takes one clip (T, V, C, M) of any T (default None).
    about : {key: text} or None. What a program says of itself (default None: only what is known here,
        its 'model', 'input' and 'output').
    description : dict or None. What weights say of themselves (default None: nothing).

    Returns
    -------
    str. The line for the log.

    Raises
    ------
    InputError
        For another ending, if packages are missing, or if scores differ by more than LARGEST_DIFFERENCE; nothing is
        written then.
    """
    path, student = check_path(path), copy.deepcopy(student).cpu().eval()
    if path.suffix == half.ENDING:
        return half.write(student, path, skeleton, origin, description or {})
    with torch.no_grad():
        expected = student(skeleton).logits.numpy()
    traced = trace(student, skeleton.shape, preprocessing)
    name, shape = input_of(traced)
    taken = f'{name} ({", ".join(map(str, shape))}) float32'
    given = f'logits ({"classes" if clips else "batch, classes"}) float32'
    about = {**(about or {}), 'model': dotted_name(type(student)), 'input': taken, 'output': given}
    data, program, engine = packed(traced, about, path.suffix)
    scores = [program(x.numpy()) for x in clips] if preprocessing else program(skeleton.numpy())
    difference = np.abs(np.asarray(scores) - expected).max()
    if not difference <= LARGEST_DIFFERENCE:  # nan neither
        raise InputError(
            f'{path} is not written: run by {engine}, the scores of the program differ from those of the student by up '
            f'to {difference:.2g} on {origin}; at most {LARGEST_DIFFERENCE:g} is allowed'
        )
    write_bytes(path, data)
    return f'Exported to {path}: {taken}; checked by {engine} on {origin}: scores differ by at most {difference:.2g}'


def packed(traced: 'torch.export.ExportedProgram', about: Mapping[str, str], ending: str) -> tuple[bytes, Program, str]:
    """Return the file of a program for an ending of PROGRAMS, that file opened, and the engine that opened it."""
    if ending == '.onnx':
        file = onnx_file(traced, about)
        return file, open_onnxruntime(file), f'ONNX Runtime {version("onnxruntime")}'
    file = pt2_file(traced, about)
    return file, open_pt2(file), f'PyTorch {torch.__version__}'


def trace(
    student: nn.Module, shape: Sequence[int], preprocessing: nn.Module | None = None, any_length: bool = True
) -> 'torch.export.ExportedProgram':
    """Trace the inference form of a student, for any number of clips.

    Parameters
    ----------
    student : model.base.SkeletonModel, on the CPU.
    shape : (N, C, T, V, M) of what it takes.
    preprocessing : module or None. Trace it too, for one clip (T, V, C, M) (default None).
    any_length : bool. T may be any number that the student can take, if tracing it allows that (default True).
    """
    _, coordinates, _, joints, persons = shape
    form = student.inference_form()
    if preprocessing:
        module, example = LogitsOfClip(preprocessing, form), torch.zeros(64, joints, coordinates, persons)
        dims = {'clip': {0: torch.export.Dim.AUTO}}
    else:
        module, example = Logits(form), torch.zeros(2, *shape[1:])
        dims = {'skeleton': {0: torch.export.Dim('batch', min=1), **({2: torch.export.Dim.AUTO} if any_length else {})}}
    with quiet_exporter():
        return torch.export.export(module.eval(), (example,), dynamic_shapes=dims)


def input_of(traced: 'torch.export.ExportedProgram') -> tuple[str, list[int | str]]:
    """Return the name and the shape of what a program takes, with 'batch' and 'frames' for what may vary."""
    name = traced.graph_signature.user_inputs[0]
    shape = next(node.meta['val'].shape for node in traced.graph.nodes if node.name == name)
    names = {0: 'frames'} if name == 'clip' else {0: 'batch', 2: 'frames'}
    return name, [int(size) if str(size).isdigit() else names[axis] for axis, size in enumerate(shape)]


def onnx_file(traced: 'torch.export.ExportedProgram', about: Mapping[str, str] | None = None) -> bytes:
    """Return the .onnx file of a program, with `about` as its metadata_props."""
    name, shape = input_of(traced)
    axes = {name: {axis: size for axis, size in enumerate(shape) if isinstance(size, str)}}
    with quiet_exporter():
        program = torch.onnx.export(traced, dynamic_shapes=axes, output_names=['logits'], dynamo=True, verbose=False)
    program.model.metadata_props.update(about or {})
    return program.model_proto.SerializeToString()


def pt2_file(traced: 'torch.export.ExportedProgram', about: Mapping[str, str]) -> bytes:
    """Return the .pt2 file of a program, with `about` as JSON in its extra file METADATA."""
    file = io.BytesIO()
    with quiet_exporter():
        torch.export.save(traced, file, extra_files={METADATA: json.dumps(about, indent=1)})
    return file.getvalue()


def open_onnxruntime(program: bytes) -> Program:
    """Open an .onnx file in ONNX Runtime, with PyTorch's number of threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(program, options, providers=['CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def open_pt2(program: bytes) -> Program:
    """Open a .pt2 file in PyTorch."""
    module = torch.export.load(io.BytesIO(program)).module()
    return lambda x: module(torch.from_numpy(x)).detach().numpy()


@contextlib.contextmanager
def quiet_exporter() -> Iterator[None]:
    """Silence remarks of PyTorch's exporters that no user can act on, such as what they skip and outdated calls."""
    loggers = [logging.getLogger(name) for name in REMARKS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for remark in WARNINGS:
                warnings.filterwarnings('ignore', remark)
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
