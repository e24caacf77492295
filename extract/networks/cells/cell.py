"""What a recurrent cell is: the tensors it needs, and the transition they make.

The state is one flat vector per example. Its *parts* are the named sets of columns that deserve a site of their
own, such as the cell memory of an LSTM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from extract.networks.disk import Shape, Shapes


@dataclass(frozen=True, slots=True)
class Sizes:
    """Features per step, units per layer, layers."""

    inputs: int
    hidden: int
    layers: int


class Transition(Protocol):
    """A cell with its weights: the state's width, its parts, where it starts, and how it moves."""

    @property
    def width(self) -> int: ...

    @property
    def parts(self) -> Mapping[str, tuple[int, ...]]:
        """Columns of the state by the name of the site they make."""
        ...

    @property
    def initial(self) -> Tensor:
        """The state (width,) before the first step."""
        ...

    @property
    def visible(self) -> slice:
        """The columns of the state that the read-out sees."""
        ...

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """The next state (batch, width) for encoded inputs (batch, features)."""
        ...


class Cell(Protocol):
    """A kind of cell, as named in `network.json`."""

    @property
    def name(self) -> str: ...

    @property
    def most_layers(self) -> int: ...

    def shapes(self, found: Mapping[str, Shape], sizes: Sizes) -> tuple[Shapes, Shapes]:
        """Required and optional tensors by name; `found` tells inner widths that are free."""
        ...

    def build(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> Transition:
        """The cell with these weights, once their shapes are known to be right."""
        ...
