"""From torch's graph of a forward pass to the operations that bounds and encodings are computed from (`verify.graph`).

The input coding is folded into the first linear layer: a table per input component, whatever the coding.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from dsl.errors import Unsupported
from extract.networks.coding import REAL, TOKEN, InputCoding
from verify.graph import Affine, Array, Concatenate, Graph, Lookup, Node, Operation, Pointwise, Sum

MODULES: dict[Any, Any] = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.GELU: "gelu", nn.Sigmoid: "sigmoid"}
FUNCTIONS: dict[Any, Any] = {
    torch.relu: "relu", functional.relu: "relu", torch.tanh: "tanh", functional.gelu: "gelu", torch.sigmoid: "sigmoid",
    "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid",
}  # fmt: skip
SAME = (nn.Identity, nn.Dropout, nn.Flatten)
FLATTEN = ("flatten", torch.flatten)


class Features:
    """The encoded input, or the vectors looked up for its tokens: not yet a node, for the next layer takes it in.

    `tables[k]` (size, width) is what component k contributes to the features.
    """

    def __init__(self, tables: tuple[Array, ...]) -> None:
        self.tables = tables


def features_of(coding: InputCoding) -> Features:
    """The features that each symbol of each component makes."""
    sizes = [high - low + 1 for low, high in coding.ranges]
    tables = []
    for k, (low, high) in enumerate(coding.ranges):
        if coding.encoding == "one_hot":
            table = np.zeros((sizes[k], sum(sizes)))
            table[:, sum(sizes[:k]) : sum(sizes[: k + 1])] = np.eye(sizes[k])
        elif coding.encoding in ("integer", REAL):
            unit = coding.units[k] if coding.encoding == REAL else 1.0
            table = np.zeros((sizes[k], len(sizes)))
            table[:, k] = (np.arange(low, high + 1) * unit).astype(np.float32)
        elif coding.encoding == "one_hot_joint" and len(sizes) == 1:
            table = np.eye(sizes[k])
        else:
            raise Unsupported(f"expected an input of separate components, got {coding.encoding}")
        tables.append(table)
    return Features(tuple(tables))


def graph_of(module: fx.GraphModule, coding: InputCoding) -> Graph:
    """The graph. Raises `Unsupported` for operations without a reading."""
    return _Reader(module, coding).graph()


class _Reader:
    def __init__(self, module: fx.GraphModule, coding: InputCoding) -> None:
        self.module, self.coding = module, coding
        self.nodes: list[Node] = []
        self.values: dict[fx.Node, int | Features] = {}

    def graph(self) -> Graph:
        for node in self.module.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = Features(()) if self.coding.encoding == TOKEN else features_of(self.coding)
            elif node.op == "output":
                last = self.values[node.args[0]]
                if last != len(self.nodes) - 1:
                    raise Unsupported("expected the last layer to be the read-out")
            else:
                self.values[node] = self._read(node)
        return Graph(tuple(self.nodes), tuple(low for low, _ in self.coding.ranges))

    def _read(self, node: fx.Node) -> int | Features:
        sources = [self.values[arg] for arg in node.all_input_nodes]
        layer = self.module.get_submodule(str(node.target)) if node.op == "call_module" else node.target
        if isinstance(layer, SAME) or layer in FLATTEN:
            return sources[0]
        if isinstance(layer, nn.Embedding):
            return self._looked_up(layer.weight)
        if isinstance(layer, nn.Linear):
            return self._linear(sources[0], _array(layer.weight), layer.bias)
        kind = MODULES.get(type(layer)) or (FUNCTIONS.get(layer) if node.op != "call_module" else None)
        if kind == "gelu" and "tanh" in (getattr(layer, "approximate", ""), node.kwargs.get("approximate", "")):
            kind = None
        if kind is not None and isinstance(sources[0], int):
            return self._add(Pointwise(kind), (sources[0],), self.nodes[sources[0]].width)
        nodes = [s for s in sources if isinstance(s, int)]
        if len(nodes) == len(sources):
            if layer in (operator.add, torch.add) and len(nodes) == 2 and not node.kwargs:
                return self._add(Sum(), tuple(nodes), self.nodes[nodes[0]].width)
            if layer is torch.cat and (*node.args[1:], *node.kwargs.values()) in ((1,), (-1,)):
                return self._add(Concatenate(), tuple(nodes), sum(self.nodes[n].width for n in nodes))
        raise Unsupported(f"expected a common layer, got {node.format_node()}")

    def _add(self, operation: Operation, sources: tuple[int, ...], width: int) -> int:
        self.nodes.append(Node(operation, sources, width))
        return len(self.nodes) - 1

    def _looked_up(self, weight: Tensor) -> Features:
        sizes = [high - low + 1 for low, high in self.coding.ranges]
        width = weight.shape[1]
        tables = []
        for k, size in enumerate(sizes):
            table = np.zeros((size, width * len(sizes)))
            table[:, k * width : (k + 1) * width] = _array(weight)[:size]
            tables.append(table)
        return Features(tuple(tables))

    def _linear(self, source: int | Features, weight: Array, bias: Tensor | None) -> int:
        offset = np.zeros(len(weight)) if bias is None else _array(bias)
        if isinstance(source, int):
            return self._add(Affine(weight, offset), (source,), len(weight))
        tables = tuple(table @ weight.T for table in source.tables)
        sizes = tuple(np.abs(table) @ np.abs(weight).T for table in source.tables)
        return self._add(Lookup(tables, sizes, offset, weight.shape[1]), (), len(weight))


def _array(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()
