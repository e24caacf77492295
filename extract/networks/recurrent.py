"""The recurrent family: a network that consumes its input step by step through a state.

Computation is float32 torch in inference mode; the edge is numpy. Sites, in the order they act within a step:
`x` (the integers read), `h` (the state after the step; parts of it under their own names), `logits` (the read-out
before decoding). A forced value replaces the site's own before anything later in the step sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from extract.networks.coding import InputCoding, OutputCoding, OutputRanges
from extract.networks.symbols import check_forced, checked_symbols
from verify.domain import Domain, IntArray
from verify.subject import FloatArray, Forced, Site, Trace

ROWS = 65_536  # examples computed at once, so that memory stays bounded


class Body(Protocol):
    """The part of a recurrent network between encoded input and logits."""

    @property
    def initial(self) -> Tensor:
        """The state (width,) before the first step."""
        ...

    @property
    def parts(self) -> Mapping[str, tuple[int, ...]]:
        """Columns of the state by the name of the site they make."""
        ...

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """The next state (batch, width) for encoded inputs (batch, features)."""
        ...

    def readout(self, state: Tensor) -> Tensor:
        """Logits (batch, columns) of states (batch, width)."""
        ...


@dataclass(frozen=True, eq=False)
class RecurrentNetwork:
    """A `verify.subject.RecurrentSubject`: domain and codings around a body."""

    name: str
    domain: Domain
    input_coding: InputCoding
    output_coding: OutputCoding
    body: Body
    weights_hash: str
    description: Mapping[str, Any]
    tensors: Mapping[str, FloatArray]

    @property
    def output_ranges(self) -> OutputRanges:
        """Lowest and highest value of each output component, where they are known."""
        return self.output_coding.ranges

    @property
    def sites(self) -> tuple[Site, ...]:
        """The state first, then its parts, the logits and the input."""
        parts = [Site(name, len(columns)) for name, columns in self.body.parts.items()]
        return (Site("h", self.width), *parts, Site("logits", self.output_coding.width), Site("x", self.domain.arity))

    @property
    def width(self) -> int:
        """Width of the state."""
        return len(self.body.initial)

    def initial_state(self, batch: int) -> FloatArray:
        """The state before the first step, repeated `batch` times."""
        return np.repeat(self.body.initial.numpy()[None], batch, axis=0)

    def step(self, state: FloatArray, symbols: IntArray) -> tuple[FloatArray, IntArray]:
        """New state and outputs (batch, arity) for symbols (batch, arity)."""
        states, outputs = (
            np.empty_like(state, dtype=np.float32),
            np.empty((len(state), len(self.output_ranges)), np.int64),
        )
        checked = checked_symbols(symbols, self.domain, self.name)
        with torch.inference_mode():
            for rows in _chunks(len(state)):
                new = self.body.step(_tensor(state[rows]), self.input_coding.encode(checked[rows]))
                states[rows] = new.numpy()
                outputs[rows] = self.output_coding.decode(self.body.readout(new)).numpy()
        return states, outputs

    def readout(self, state: FloatArray) -> FloatArray:
        """Logits (batch, columns) of states (batch, width)."""
        logits = np.empty((len(state), self.output_coding.width), np.float32)
        with torch.inference_mode():
            for rows in _chunks(len(state)):
                logits[rows] = self.body.readout(_tensor(state[rows])).numpy()
        return logits

    def run(self, inputs: IntArray) -> IntArray:
        """Outputs (batch time arity) for inputs (batch time arity)."""
        return self.run_forced(inputs, ())

    def run_forced(self, inputs: IntArray, forced: Sequence[Forced]) -> IntArray:
        """As `run`, with activations overwritten; later steps continue from the overwritten values."""
        return self._compute(inputs, forced, {})

    def trace(self, inputs: IntArray) -> Trace:
        """As `run`, with the activations (batch time width) at every site."""
        batch, time, _ = inputs.shape
        kept = {site.name: np.empty((batch, time, site.width), np.float32) for site in self.sites}
        outputs = self._compute(inputs, (), kept)
        return Trace(inputs, outputs, kept)

    def _compute(self, inputs: IntArray, forced: Sequence[Forced], kept: Mapping[str, FloatArray]) -> IntArray:
        """Run all examples, writing outputs and, where asked for, activations."""
        batch, time, _ = inputs.shape
        check_forced(forced, {site.name: site.width for site in self.sites}, batch, time, self.name)
        outputs = np.empty((batch, time, len(self.output_ranges)), np.int64)
        with torch.inference_mode():
            for rows in _chunks(batch):
                state = self.body.initial.expand(len(outputs[rows]), -1)
                for t in range(time):
                    now = {f.site: _tensor(f.value[rows]) for f in forced if f.time == t}
                    seen = self._step_forced(state, inputs[rows, t], now)
                    state = seen["h"]
                    outputs[rows, t] = self.output_coding.decode(seen["logits"]).numpy()
                    for name, activations in kept.items():
                        activations[rows, t] = seen[name].numpy()
        return outputs

    def _step_forced(self, state: Tensor, symbols: IntArray, now: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Activations at every site after one step."""
        read = torch.round(now["x"]).long().numpy() if "x" in now else symbols
        checked = checked_symbols(read, self.domain, self.name)
        new = now.get("h", self.body.step(state, self.input_coding.encode(checked)))
        for name, columns in self.body.parts.items():
            if name in now:
                new = new.clone()
                new[:, columns] = now[name]
        seen = {"x": checked.float(), "h": new, **{name: new[:, c] for name, c in self.body.parts.items()}}
        seen["logits"] = now.get("logits", self.body.readout(new))
        return seen


def _tensor(array: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _chunks(batch: int) -> Iterator[slice]:
    return (slice(start, min(start + ROWS, batch)) for start in range(0, batch, ROWS))
