"""Any `torch.nn.Module` as a network. Over streams it is recurrent: it needs `step(state, inputs)` and
`readout(state)`. Over single inputs (`Domain.single`) it is feed-forward: its forward pass is read by torch.fx.

States are float32 of shape (batch, width). The first state is the module's `initial_state(batch)` if it has one,
else zeros of the width given. The module is copied: the caller's own stays as it is, in its mode.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, fx, nn

from dsl.errors import BadInput
from extract.networks.coding import DECODINGS, ENCODINGS, REAL, TOKEN, InputCoding, OutputCoding, OutputRanges
from extract.networks.feed_forward import FeedForwardNetwork
from extract.networks.recurrent import RecurrentNetwork
from verify.domain import Domain
from verify.weights import weights_hash


@dataclass(frozen=True, slots=True)
class ModuleBody:
    """A module, and the state it starts from."""

    module: Any
    initial: Tensor

    @property
    def parts(self) -> Mapping[str, tuple[int, ...]]:
        return {}

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        return self.module.step(state, inputs)

    def readout(self, state: Tensor) -> Tensor:
        return self.module.readout(state)


def from_module(
    module: nn.Module,
    *,
    domain: Domain,
    output_ranges: OutputRanges,
    encoding: str = "one_hot",
    decoding: str = "argmax",
    units: tuple[float, ...] = (),
    output_units: tuple[float, ...] = (),
    state_width: int | None = None,
    name: str = "module",
) -> RecurrentNetwork | FeedForwardNetwork:
    """The module as a network over `domain`. Raises `BadInput` where it does not fit the declaration.

    `units` goes with the encoding `real`, `output_units` with the decoding `real`: what one step of each component
    stands for.
    """
    encodings = ENCODINGS if domain.streams else (*ENCODINGS, TOKEN, REAL)
    decodings = DECODINGS if domain.streams else (*DECODINGS, REAL)
    for kind, allowed, got in (("encoding", encodings, encoding), ("decoding", decodings, decoding)):
        if got not in allowed:
            raise BadInput(f"expected {' or '.join(allowed)}, got {got} ({kind} of {name})")
    if decoding == "argmax" and any(low is None or high is None for low, high in output_ranges):
        raise BadInput(f"expected bounded outputs for argmax, got {output_ranges} (output_ranges of {name})")
    _check_units("input", units, domain.arity if encoding == REAL else 0, name)
    _check_units("output", output_units, len(output_ranges) if decoding == REAL else 0, name)
    reads = InputCoding(encoding, domain.ranges, units)
    writes = OutputCoding(decoding, output_ranges, output_units)
    own = copy.deepcopy(module).to(device="cpu", dtype=torch.float32).eval().requires_grad_(False)
    tensors = {key: tensor.numpy() for key, tensor in own.state_dict().items()}
    for key, array in tensors.items():
        if not torch.isfinite(torch.from_numpy(array)).all():
            raise BadInput(f"expected finite weights, got NaN or an infinite value (tensor {key} of {name})")
    names: Any = (weights_hash(tensors), MappingProxyType({}), MappingProxyType(tensors))
    if not domain.streams:
        return FeedForwardNetwork(name, domain, reads, writes, _graph(own, reads, writes, name), *names)
    with torch.inference_mode(False), torch.no_grad():
        body = ModuleBody(own, _initial(own, state_width, name).clone())
        _check(body, reads, writes, name)
    return RecurrentNetwork(name, domain, reads, writes, body, *names)


def _check_units(side: str, units: tuple[float, ...], count: int, name: str) -> None:
    if len(units) != count or not all(unit > 0 for unit in units):
        raise BadInput(f"expected a positive unit per component of a real {side} and none else, got {units} ({name})")


def _graph(module: nn.Module, reads: InputCoding, writes: OutputCoding, name: str) -> fx.GraphModule:
    """The forward pass as a graph, once it gives logits of the right shape."""
    try:
        graph = fx.symbolic_trace(module)
    except Exception as error:  # whatever the module's own code raises on symbols
        raise BadInput(f"expected a forward pass that torch.fx can read, got {error} ({name})") from None
    lowest = torch.tensor([[low for low, _ in reads.ranges]] * 2)
    with torch.no_grad():
        logits = graph(reads.encode(lowest))
    if not isinstance(logits, Tensor) or logits.shape != (2, writes.width):
        got = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise BadInput(f"expected logits of shape {[2, writes.width]}, got {got} (forward of {name})")
    return graph


def _initial(module: Any, state_width: int | None, name: str) -> Tensor:
    for method in ("step", "readout"):
        if not callable(getattr(module, method, None)):
            raise BadInput(f"expected a module with a method {method}, got none ({name})")
    if callable(getattr(module, "initial_state", None)):
        return module.initial_state(1)[0].float()
    if state_width is None:
        raise BadInput(f"expected a method initial_state or a state_width, got neither ({name})")
    return torch.zeros(state_width)


def _check(body: ModuleBody, reads: InputCoding, writes: OutputCoding, name: str) -> None:
    symbols = torch.tensor([[low for low, _ in reads.ranges]] * 2)
    state = body.initial.expand(2, -1)
    after = body.step(state, reads.encode(symbols))
    if after.shape != state.shape:
        raise BadInput(f"expected a state of shape {list(state.shape)}, got {list(after.shape)} (step of {name})")
    logits = body.readout(after)
    if logits.shape != (2, writes.width):
        raise BadInput(f"expected logits of shape {[2, writes.width]}, got {list(logits.shape)} (readout of {name})")
