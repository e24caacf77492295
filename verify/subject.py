"""What verification asks of a network: run, run with a value forced at a site, advance step by step.

A *site* is a named place where activations can be read and forced. Arrays have axes `batch time width`;
inputs and outputs are integers with axes `batch time arity`. No torch here: networks translate at their edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from verify.domain import Domain, IntArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Site:
    """A named place with activations of the given width per time step."""

    name: str
    width: int


@dataclass(frozen=True, slots=True)
class Forced:
    """The order to overwrite, at one time step, the activations of a site: `value` has shape (batch, width)."""

    site: str
    time: int
    value: FloatArray


@dataclass(frozen=True, slots=True)
class Trace:
    """Inputs and outputs (batch time arity) and the activations (batch time width) at each site, after each step."""

    inputs: IntArray
    outputs: IntArray
    activations: Mapping[str, FloatArray]


@runtime_checkable
class Subject(Protocol):
    """A network as verification sees it. `sites[0]` of a recurrent network is its state `h`, after the step."""

    @property
    def domain(self) -> Domain: ...

    @property
    def output_ranges(self) -> tuple[tuple[int | None, int | None], ...]: ...

    @property
    def sites(self) -> tuple[Site, ...]: ...

    def run(self, inputs: IntArray) -> IntArray:
        """Outputs (batch time arity) for inputs (batch time arity)."""
        ...

    def trace(self, inputs: IntArray) -> Trace:
        """As `run`, with the activations at every site."""
        ...

    def run_forced(self, inputs: IntArray, forced: Sequence[Forced]) -> IntArray:
        """As `run`, with activations overwritten; later steps continue from the overwritten values."""
        ...


@runtime_checkable
class RecurrentSubject(Subject, Protocol):
    """A network that consumes its input step by step through a state of shape (batch, width)."""

    def initial_state(self, batch: int) -> FloatArray:
        """The state before the first step, repeated `batch` times."""
        ...

    def step(self, state: FloatArray, symbols: IntArray) -> tuple[FloatArray, IntArray]:
        """New state and outputs (batch, arity) for symbols (batch, arity)."""
        ...
