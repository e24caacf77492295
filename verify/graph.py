"""A feed-forward network as a graph of numpy operations: what bounds and encodings are computed from.

The first operation reads the symbols themselves: whatever the input coding, the first linear layer is a sum of one
table per input component (`Lookup`), which is exact where a box of one-hot features would not be. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from verify.domain import IntArray
from verify.subject import Subject

Array = NDArray[np.float64]
Kind = Literal["relu", "tanh", "gelu", "sigmoid"]


@dataclass(frozen=True)
class Lookup:
    """`bias + sum of tables[k][x_k]` over the input components: tables (size, width), positions from the lowest symbol.

    `terms` is how many float32 summands the network adds for one coordinate; `sizes[k]` (size, width) the sum of their
    absolute values that component k contributes.
    """

    tables: tuple[Array, ...]
    sizes: tuple[Array, ...]
    bias: Array
    terms: int


@dataclass(frozen=True)
class Affine:
    """`weight @ x + bias` of one source."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Pointwise:
    """A function of each coordinate of one source."""

    kind: Kind


@dataclass(frozen=True)
class Sum:
    """The sum of two sources of one width."""


@dataclass(frozen=True)
class Concatenate:
    """The sources, one after the other."""


Operation = Lookup | Affine | Pointwise | Sum | Concatenate


@dataclass(frozen=True)
class Node:
    """An operation on earlier nodes, by position; a `Lookup` has none. `width` is that of its value."""

    operation: Operation
    sources: tuple[int, ...]
    width: int


@dataclass(frozen=True)
class Graph:
    """Nodes in order of computation, the read-out last; `lows` are the lowest symbols of the input components."""

    nodes: tuple[Node, ...]
    lows: tuple[int, ...]


@runtime_checkable
class Graphed(Subject, Protocol):
    """A network over single inputs whose computation can be read."""

    def layers(self) -> Graph:
        """The computation as a graph. Raises `Unsupported` where it cannot be read."""
        ...

    @property
    def decoding(self) -> str:
        """`argmax`, `round`, `sign` or `real`."""
        ...

    @property
    def output_units(self) -> tuple[float, ...]:
        """What one step of each output stands for, where outputs are real numbers; else nothing."""
        ...


def evaluate(graph: Graph, symbols: IntArray) -> Array:
    """The read-out (batch, width) in double precision, for symbols (batch, arity)."""
    from scipy.special import erf

    curves = {
        "relu": lambda x: np.maximum(x, 0),
        "tanh": np.tanh,
        "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
        "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
    }
    values: list[Array] = []
    for node in graph.nodes:
        given = [values[s] for s in node.sources]
        match node.operation:
            case Lookup(tables, _, bias, _):
                values.append(bias + sum(t[symbols[:, k] - graph.lows[k]] for k, t in enumerate(tables)))
            case Affine(weight, bias):
                values.append(given[0] @ weight.T + bias)
            case Pointwise(kind):
                values.append(curves[kind](given[0]))
            case Sum():
                values.append(given[0] + given[1])
            case Concatenate():
                values.append(np.concatenate(given, axis=1))
    return values[-1]
