"""A feed-forward network read from its directory: an embedding, if the file holds one, and a stack of linear layers."""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor, fx, nn

from dsl.errors import BadInput
from extract.networks.coding import (
    DECODINGS,
    DEFAULT_UNIT,
    ENCODINGS,
    REAL,
    TOKEN,
    InputCoding,
    read_input,
    read_output,
)
from extract.networks.disk import Stored, expect_shapes
from extract.networks.feed_forward import FeedForwardNetwork
from extract.networks.stack import layer_names, stack_shapes
from verify.domain import Domain
from verify.weights import weights_hash

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


class Embedded(nn.Module):
    """Tokens looked up, their vectors concatenated, and the stack over them."""

    def __init__(self, embedding: nn.Embedding, net: nn.Sequential) -> None:
        super().__init__()
        self.embedding, self.net = embedding, net

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, columns) of tokens (batch, arity)."""
        return self.net(self.embedding(tokens).flatten(1))


class Plain(nn.Module):
    """The stack alone."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor) -> Tensor:
        """Logits (batch, columns) of features (batch, width)."""
        return self.net(features)


def read_feed_forward(stored: Stored) -> FeedForwardNetwork:
    """The network that a directory describes. Raises `BadInput`."""
    fields = stored.fields
    activation = ACTIVATIONS[fields.choice("activation", list(ACTIVATIONS))]
    reads = read_input(fields.object("input"), (*ENCODINGS, REAL))
    unit = min(reads.units, default=DEFAULT_UNIT)
    writes = read_output(fields.object("output"), (*DECODINGS, REAL), unit=unit)
    table = stored.tensors.get("embedding.weight")
    embedded = {}
    features = reads.width
    if table is not None:
        if reads.encoding == REAL:
            raise BadInput(f"expected whole numbers for an embedding, got real ones ({stored.weights_path})")
        sizes = [high - low + 1 for low, high in reads.ranges]
        if table.dim() != 2 or len(table) < max(sizes):
            wanted = f"expected a table of at least {max(sizes)} vectors, got shape {list(table.shape)}"
            raise BadInput(f"{wanted} (tensor embedding.weight of {stored.weights_path})")
        reads = InputCoding(TOKEN, reads.ranges)
        embedded, features = {"embedding.weight": tuple(table.shape)}, table.shape[1] * len(sizes)
    required, optional = stack_shapes(stored.shapes, "net", features, writes.width)
    expect_shapes(stored, {**embedded, **required}, optional)

    net = _stack(stored.tensors, activation)
    module = Plain(net) if table is None else Embedded(nn.Embedding.from_pretrained(table, freeze=True), net)
    tensors = {key: tensor.numpy() for key, tensor in stored.tensors.items()}
    return FeedForwardNetwork(
        name=stored.directory.resolve().name,
        domain=Domain.single(reads.ranges),
        input_coding=reads,
        output_coding=writes,
        graph=fx.symbolic_trace(module.eval()),
        weights_hash=weights_hash(tensors),
        description=MappingProxyType(stored.description),
        tensors=MappingProxyType(tensors),
    )


def _stack(tensors: dict[str, Tensor], activation: type[nn.Module]) -> nn.Sequential:
    names = layer_names({key: tuple(t.shape) for key, t in tensors.items()}, "net")
    layers: list[nn.Module] = [_linear(tensors, names[0])]
    for _, name in pairwise(names):
        layers += [activation(), _linear(tensors, name)]
    return nn.Sequential(*layers)


def _linear(tensors: dict[str, Tensor], name: str) -> nn.Linear:
    weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer.requires_grad_(False)
