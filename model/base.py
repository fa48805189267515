"""The contracts of a model and of a student, their output, and the outer network that the students share.

Axis orders, and where they change (the letters mean the same in every file):

    (N, T, M, V, C)    in stores and feeders
    (N, C, T, V, M)    in batches, the input of a model: from feeders.transforms.to_model on
    (B, C, V, T)       inside a student, B = N · M: from SkeletonNet.normalise on; the K subsets of an adjacency
                       then aggregate in one matrix product
    (N, feature_dim)   the pooled feature of a clip: from SkeletonNet.features on
    (N, num_class)     class scores (logits)

N clips, T frames, M persons, V joints, C coordinates or channels, B bodies, K adjacency subsets, L levels of HD-GCN.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from graph.tools import SkeletonGraph
from model.inference import form_of, with_parts
from model.layers import BODIES_IN_CACHE, Block, MultiScaleTemporalConv, TemporalConv
from torchlight.errors import InputError
from torchlight.imports import instantiate

# (width as a multiple of base_channel, temporal stride) of the ten blocks l1 … l10
BLOCKS = [(1, 1)] * 4 + [(2, 2)] + [(2, 1)] * 2 + [(4, 2)] + [(4, 1)] * 2


class MMCLOutput(NamedTuple):
    """What a model computed from the inputs it was given.

    Attributes
    ----------
    logits : (N, num_class). Class scores from the skeleton only.
    refined_logits : (N, num_class). Class scores refined by the text feature (default None: no text was given).
    alignment : (N,). Contrastive loss of each clip with its video feature (default None: no video was given).
    feature : (N, feature_dim). What the student pooled each clip into (default None: the model is no student).
    """

    logits: Tensor
    refined_logits: Tensor | None = None
    alignment: Tensor | None = None
    feature: Tensor | None = None

    def scored(self, feature: bool) -> dict[str, Tensor]:
        """Return what an evaluation keeps: the scores and, if there are any, the refined ones; `feature`: it too."""
        found = {'scores': self.logits, 'refined': self.refined_logits, 'feature': self.feature if feature else None}
        return {name: value for name, value in found.items() if value is not None}


class Topology(NamedTuple):
    """How the graph convolutions of a student relate the joints, in each of them; no value is negative.

    Attributes
    ----------
    learned : (layers, V, V). How far training has moved the adjacency that all clips share, summed over its subsets:
        [u, v] is for what joint u receives from joint v.
    relation : (layers, V, V). How strongly one clip relates the joints by its own motion.
    """

    learned: Tensor
    relation: Tensor


class SkeletonModel(nn.Module):
    """The contract of a model: what main_MMCL.py needs to train, test and export it.

    A custom model derives from this class and is chosen by its dotted name, `model: my_models.Model`. The constructor
    receives `model_args` of the config, which must contain num_class, num_point and num_person, and in_channels if it
    is not 3; if the clips have video or text features, their widths are added as video_dim and text_dim. `forward`
    must be implemented; `student` and `set_statistics` have defaults for a model without branches:

        class Model(SkeletonModel):
            def __init__(self, num_class, num_point, num_person, in_channels=3):
                super().__init__()
                self.fc = nn.Linear(in_channels * num_point * num_person, num_class)

            def forward(self, skeleton, video=None, text=None):
                return MMCLOutput(self.fc(skeleton.mean(2).flatten(1)))
    """

    @property
    def student(self) -> nn.Module:
        """The module that is deployed: the submodule assigned as `self.student`, or the model itself without one.

        best.pt contains its weights, and an export computes `student(skeleton).logits`.
        """
        return self._modules.get('student', self)

    def set_statistics(self, statistics: Mapping[str, tuple[Any, Any]]) -> None:
        """Take the statistics of the training features, called once before training; by default do nothing.

        Parameters
        ----------
        statistics : {'video' or 'text': (mean, std)}. Two (D,) float32 arrays for each kind of feature, D wide.
        """

    def inference_form(self) -> 'SkeletonModel':
        """Return a model that computes the same output from the present weights, but only for inference.

        Evaluation, prediction and export use what this returns; by default the model itself. Later changes of the
        weights need not reach the returned model.
        """
        return self

    def forward(self, skeleton: Tensor, video: Tensor | None = None, text: Tensor | None = None) -> MMCLOutput:
        """Classify clips.

        Training passes the features that the clips have, by keyword; testing passes the skeleton only, and also the
        text with --refine. The logits must not depend on the features nor, in evaluation mode, on the other clips.

        Parameters
        ----------
        skeleton : (N, C, T, V, M) float32. An empty person slot is all zeros.
        video : (N, video_dim) float32.
        text : (N, text_dim) float32.
        """
        raise NotImplementedError


class Student(SkeletonModel):
    """The contract of a student: a model that pools a clip into one feature and classifies that feature.

    This is what model.MMCL.Model trains together with FAM and FRM, `model_args: {backbone: my_models.Student}`. The
    constructor receives the `model_args` that model.MMCL.Model does not take itself, and num_class.

    Attributes
    ----------
    feature_dim : int. Width of the pooled feature; the constructor sets it.
    graph : graph.tools.SkeletonGraph or None (default). The skeleton, for pictures.
    """

    feature_dim: int
    graph: SkeletonGraph | None = None

    def forward(self, skeleton: Tensor, video: Tensor | None = None, text: Tensor | None = None) -> MMCLOutput:
        """Classify clips (N, C, T, V, M) by their skeletons; a student has no use for the features."""
        feature = self.features(skeleton)
        return MMCLOutput(self.classify(feature), feature=feature)

    def features(self, skeleton: Tensor) -> Tensor:
        """Pool clips: (N, C, T, V, M) → (N, feature_dim)."""
        raise NotImplementedError

    def classify(self, features: Tensor) -> Tensor:
        """Return the logits of pooled features: (N, feature_dim) → (N, num_class)."""
        raise NotImplementedError

    def topology(self, skeleton: Tensor) -> Topology | None:
        """Return how the joints of person 0 of a clip (1, C, T, V, M) are related; None (default) without a graph."""


class SkeletonNet(Student):
    """Input normalisation, ten blocks of graph and temporal convolutions, pooling and a linear classifier.

    A subclass implements `make_gcn`, and may set `temporal_conv`, the class of the temporal convolutions. The names and
    shapes of the parameters are those of the public CTR-GCN and HD-GCN checkpoints.

    Parameters
    ----------
    num_class, num_point, num_person : int. Classes, joints V and persons M.
    graph : str. Dotted name of a graph class, see graph.tools.SkeletonGraph.
    graph_args : dict. Arguments of the graph (default: none).
    in_channels : int. Coordinates C of a joint (default 3).
    drop_out : float. Dropout rate before the classifier, from 0 (default) to 1.
    adaptive : bool. Train the adjacency (default) instead of keeping the graph's.
    base_channel : int. Width of the first four blocks, a multiple of 8 (default 64, as published).

    Raises
    ------
    InputError
        If the graph has another number of joints, or `drop_out` or `base_channel` is out of range.
    """

    temporal_conv: type[nn.Module] = TemporalConv

    def __init__(
        self,
        num_class: int,
        num_point: int,
        num_person: int,
        graph: str,
        graph_args: dict | None = None,
        in_channels: int = 3,
        drop_out: float = 0,
        adaptive: bool = True,
        base_channel: int = 64,
    ) -> None:
        super().__init__()
        self.graph = make_graph(graph, graph_args, num_point)
        if not 0 <= drop_out <= 1 or base_channel < 8 or base_channel % 8:
            raise InputError(
                f'drop_out is {drop_out} and base_channel {base_channel}; expected a share from 0 to 1 and '
                'a positive multiple of 8'
            )
        self.num_class, self.num_point, self.num_person = num_class, num_point, num_person
        self.in_channels = in_channels
        self.data_bn = nn.BatchNorm1d(num_person * num_point * in_channels)
        width = in_channels
        self.block_names = [f'l{number}' for number in range(1, len(BLOCKS) + 1)]
        for number, (name, (multiple, stride)) in enumerate(zip(self.block_names, BLOCKS)):
            before, width, first = width, base_channel * multiple, number == 0
            gcn = self.make_gcn(self.graph, adaptive, before, width, first)
            tcn = MultiScaleTemporalConv(width, stride, self.temporal_conv)
            self.add_module(name, Block(gcn, tcn, before, width, stride, residual=not first))
        self.feature_dim = width
        self.drop_out = nn.Dropout(drop_out)
        self.fc = nn.Linear(width, num_class)
        nn.init.normal_(self.fc.weight, 0, math.sqrt(2 / num_class))

    def make_gcn(
        self, graph: SkeletonGraph, adaptive: bool, in_channels: int, out_channels: int, first: bool
    ) -> nn.Module:
        """Make the graph convolution of a block: (B, in_channels, V, T) → (B, out_channels, V, T).

        If it has a method `topology(x, graph)`, that returns both (V, V) matrices of a Topology for one body x, and
        the links that are learned can be drawn.

        Parameters
        ----------
        graph : graph.tools.SkeletonGraph.
        adaptive : bool. Train the adjacency.
        in_channels, out_channels : int.
        first : bool. Whether the block is the first one.
        """
        raise NotImplementedError

    @torch.no_grad()
    def inference_form(self) -> 'SkeletonNet':
        """Return a copy whose blocks are in the form for inference, see model/inference.py."""
        blocks = {name: form_of(getattr(self, name)) for name in self.block_names}
        return with_parts(self, **blocks).requires_grad_(False)

    def features(self, skeleton: Tensor) -> Tensor:
        """Average the last block's output over time, joints and persons: (N, C, T, V, M) → (N, feature_dim)."""
        bodies = self.normalise(skeleton)
        if self.training or torch.compiler.is_compiling():
            pooled = self.encode(bodies)
        else:
            pooled = self.encode_present(bodies, skeleton)
        return pooled.unflatten(0, (-1, self.num_person)).mean(1)

    def classify(self, features: Tensor) -> Tensor:
        """Return the logits of pooled features: (N, feature_dim) → (N, num_class)."""
        return self.fc(self.drop_out(features))

    @torch.no_grad()
    def topology(self, skeleton: Tensor) -> Topology | None:
        """Return how the graph convolutions of the blocks relate one clip's joints; None if they do not tell."""
        x, layers = self.normalise(skeleton)[:1], []
        for block in map(self.get_submodule, self.block_names):
            if not hasattr(block.gcn1, 'topology'):
                return None
            layers.append(block.gcn1.topology(x, self.graph))
            x = block(x)
        return Topology(*map(torch.stack, zip(*layers)))

    def normalise(self, skeleton: Tensor) -> Tensor:
        """Scale each coordinate of each joint and person on its own: (N, C, T, V, M) → (B, C, V, T)."""
        n, c, t, v, m = skeleton.shape
        x = skeleton.permute(0, 4, 3, 1, 2).reshape(n, m * v * c, t)
        return self.data_bn(x).view(n * m, v, c, t).transpose(1, 2).contiguous()

    def encode(self, x: Tensor) -> Tensor:
        """Run the blocks and pool over joints and time: (B, C, V, T) → (B, feature_dim)."""
        for name in self.block_names:
            x = getattr(self, name)(x)
        return x.mean((2, 3))

    def encode_present(self, bodies: Tensor, skeleton: Tensor) -> Tensor:
        """Do what `encode` does, for evaluation: all clips whose person m is empty share one computation.

        Without batch statistics an all-zero slot m always gives the same feature; most NTU clips have one.
        """
        empty = ~skeleton.permute(0, 4, 1, 2, 3).flatten(2).any(2)  # (N, M)
        slot = torch.arange(self.num_person, device=empty.device)
        index = torch.arange(len(bodies), device=empty.device).view_as(empty)
        first_empty = torch.where(empty, index, len(bodies)).amin(0)  # (M,)
        source = torch.where(empty, first_empty[slot], index).flatten()
        needed, place = source.unique(return_inverse=True)
        size = BODIES_IN_CACHE if bodies.device.type == 'cpu' else len(bodies)
        parts = bodies[needed].tensor_split(max(round(len(needed) / size), 1))  # of nearly equal size
        return torch.cat([self.encode(part) for part in parts])[place]


def make_graph(graph: str, graph_args: dict | None, num_point: int) -> SkeletonGraph:
    """Make the graph of this dotted name, a graph.tools.SkeletonGraph.

    Raises
    ------
    InputError
        If the name or the arguments are wrong, or the graph does not have `num_point` joints.
    """
    skeleton_graph = instantiate(graph, graph_args or {}, 'graph_args', kind=SkeletonGraph)
    if skeleton_graph.A.shape[-1] != num_point:
        raise InputError(f'{graph} has {skeleton_graph.A.shape[-1]} joints, but model_args has num_point {num_point}')
    return skeleton_graph
