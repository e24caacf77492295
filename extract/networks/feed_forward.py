"""A feed-forward network behind the protocol of `verify.subject`: any module whose forward pass torch.fx can read.

Every step of its input is an input of its own, and its domain says so. Sites are the graph's nodes with one vector per
input, named as the module names its layers (`net.0`, `net.1`, ...), then the read-out `logits` and the input `x`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from extract.networks.coding import InputCoding, OutputCoding, OutputRanges
from extract.networks.layers import graph_of
from extract.networks.symbols import check_forced, checked_symbols
from verify.domain import Domain, IntArray
from verify.graph import Graph
from verify.subject import FloatArray, Forced, Site, Trace

ROWS = 16_384  # inputs computed at once, so that memory stays bounded


class Watched(fx.Interpreter):
    """Runs a graph node by node, with values overwritten and recorded under the names of sites."""

    def __init__(self, module: fx.GraphModule, now: Mapping[str, Tensor]) -> None:
        super().__init__(module, garbage_collect_values=True)
        self.now = now
        self.seen: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        """The value of a node, or what it was forced to."""
        name = site_name(n)
        value = self.now[name] if name in self.now else super().run_node(n)
        if isinstance(value, Tensor) and n.op not in ("placeholder", "output"):
            self.seen[name] = value
        return value


def site_name(node: fx.Node) -> str:
    """The name of a node: the layer's path for a module, else the graph's own name."""
    return str(node.target) if node.op == "call_module" else node.name


@dataclass(frozen=True, eq=False)
class FeedForwardNetwork:
    """A `verify.subject.Subject` over single inputs: domain and codings around a graph of torch layers."""

    name: str
    domain: Domain
    input_coding: InputCoding
    output_coding: OutputCoding
    graph: fx.GraphModule
    weights_hash: str
    description: Mapping[str, Any]
    tensors: Mapping[str, FloatArray]

    @property
    def output_ranges(self) -> OutputRanges:
        """Lowest and highest value of each output component, where they are known."""
        return self.output_coding.ranges

    @property
    def output_units(self) -> tuple[float, ...]:
        """What one step of each output stands for, where outputs are real numbers; else nothing."""
        return self.output_coding.units

    @property
    def sites(self) -> tuple[Site, ...]:
        """The layers in order of computation, then the logits and the input."""
        return self._sites

    @cached_property
    def _sites(self) -> tuple[Site, ...]:
        lowest = np.array([[low for low, _ in self.domain.ranges]] * 2)
        with torch.inference_mode():
            seen = self._forward(lowest, {})
        inner = [Site(n, v.shape[1]) for n, v in seen.items() if n not in ("x", "logits") and v.shape[:-1] == (2,)]
        return (*inner, Site("logits", self.output_coding.width), Site("x", self.domain.arity))

    def layers(self) -> Graph:
        """The computation as numpy operations. Raises `Unsupported` for layers without such a reading."""
        return self._layers

    @cached_property
    def _layers(self) -> Graph:
        return graph_of(self.graph, self.input_coding)

    @property
    def decoding(self) -> str:
        """How the read-out becomes whole numbers."""
        return self.output_coding.decoding

    def run(self, inputs: IntArray) -> IntArray:
        """Outputs (batch time arity) for inputs (batch time arity), every step on its own."""
        return self.run_forced(inputs, ())

    def run_forced(self, inputs: IntArray, forced: Sequence[Forced]) -> IntArray:
        """As `run`, with activations overwritten at one step; other steps are not touched by it."""
        return self._compute(inputs, forced, {})

    def trace(self, inputs: IntArray) -> Trace:
        """As `run`, with the activations (batch time width) at every site."""
        batch, time, _ = inputs.shape
        kept = {site.name: np.empty((batch, time, site.width), np.float32) for site in self.sites}
        outputs = self._compute(inputs, (), kept)
        return Trace(inputs, outputs, kept)

    def _compute(self, inputs: IntArray, forced: Sequence[Forced], kept: Mapping[str, FloatArray]) -> IntArray:
        batch, time, _ = inputs.shape
        if forced:
            check_forced(forced, {site.name: site.width for site in self.sites}, batch, time, self.name)
        outputs = np.empty((batch, time, len(self.output_ranges)), np.int64)
        with torch.inference_mode():
            for rows in _chunks(batch):
                for t in range(time):
                    now = {f.site: torch.from_numpy(f.value[rows]) for f in forced if f.time == t}
                    seen = self._forward(inputs[rows, t], now)
                    outputs[rows, t] = self.output_coding.decode(seen["logits"]).numpy()
                    for name, activations in kept.items():
                        activations[rows, t] = seen[name].numpy()
        return outputs

    def _forward(self, symbols: IntArray, now: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Activations at every node, with those in `now` in place of what would be computed."""
        read = torch.round(now["x"]).long().numpy() if "x" in now else symbols
        checked = checked_symbols(read, self.domain, self.name)
        watched = Watched(self.graph, now)
        computed = watched.run(self.input_coding.encode(checked))
        return {"x": checked.float(), **watched.seen, "logits": now.get("logits", computed)}


def _chunks(batch: int) -> Iterator[slice]:
    return (slice(start, min(start + ROWS, batch)) for start in range(0, batch, ROWS))
