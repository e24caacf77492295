"""What a proof needs to know of a network: its cell, its tensors, and how integers become features and back.

The extract layer's networks carry their description (`network.json`) and tensors; nothing here runs them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dsl.errors import Unsupported
from verify.domain import Domain
from verify.subject import FloatArray, RecurrentSubject

Matrix = NDArray[np.float64]
CELLS = ("rnn_tanh", "rnn_relu", "gru", "lstm", "mlp")


@runtime_checkable
class WithWeights(Protocol):
    """A network that shows its description and its tensors by torch's names."""

    @property
    def domain(self) -> Domain: ...

    @property
    def output_ranges(self) -> tuple[tuple[int | None, int | None], ...]: ...

    @property
    def description(self) -> Mapping[str, Any]: ...

    @property
    def tensors(self) -> Mapping[str, FloatArray]: ...


class OpenNetwork(WithWeights, RecurrentSubject, Protocol):
    """A recurrent network that shows its weights."""


@dataclass(frozen=True)
class Weights:
    """A recurrent network as arrays; `features` (symbol_count, columns) is what it reads for each input symbol."""

    cell: str
    hidden: int
    layers: int
    tensors: Mapping[str, Matrix]
    features: Matrix
    decoding: str
    outputs: tuple[tuple[int | None, int | None], ...]
    initial: Matrix

    def stack(self, name: str) -> list[tuple[Matrix, Matrix]]:
        """Weights and biases of a stack of linear maps, first to last."""
        found = [n for n in self.tensors if n.startswith(name + ".") and n.endswith("weight")]
        order = sorted(found, key=lambda n: int(n.split(".")[1]) if n.count(".") == 2 else 0)
        return [(self.tensors[n], self._bias(n.removesuffix("weight") + "bias", len(self.tensors[n]))) for n in order]

    def layer(self, index: int) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """Input weights, hidden weights, input bias, hidden bias of a layer."""
        into, back = (self.tensors[f"rnn.weight_{kind}_l{index}"] for kind in ("ih", "hh"))
        into_bias, back_bias = (self._bias(f"rnn.bias_{kind}_l{index}", len(into)) for kind in ("ih", "hh"))
        return into, back, into_bias, back_bias

    def _bias(self, name: str, size: int) -> Matrix:
        return self.tensors.get(name, np.zeros(size))


def weights_of(network: WithWeights, initial: FloatArray) -> Weights:
    """The weights of a network whose state before the first step is `initial` (width). Raises `Unsupported`."""
    described = network.description
    cell = str(described.get("cell"))
    if cell not in CELLS:
        raise Unsupported(f"expected a cell among {', '.join(CELLS)}, got {cell}")
    return Weights(
        cell=cell,
        hidden=int(described["hidden_size"]),
        layers=int(described.get("layers", 1)),
        tensors={name: np.asarray(tensor, dtype=np.float64) for name, tensor in network.tensors.items()},
        features=_features(network.domain, str(described["input"]["encoding"])),
        decoding=str(described["output"]["decoding"]),
        outputs=network.output_ranges,
        initial=np.asarray(initial, dtype=np.float64),
    )


def _features(domain: Domain, encoding: str) -> Matrix:
    symbols = domain.symbols()
    if encoding == "integer":
        return symbols.astype(np.float64)
    if encoding == "one_hot_joint":
        return np.eye(len(symbols))
    blocks = [np.eye(high - low + 1)[symbols[:, k] - low] for k, (low, high) in enumerate(domain.ranges)]
    return np.concatenate(blocks, axis=1)


def weights_hash(tensors: Mapping[str, FloatArray]) -> str:
    """SHA-256 over names, shapes and float32 bytes, in the order of names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(tensors[name], dtype="<f4").tobytes())
    return digest.hexdigest()
