"""The cell whose next state is a ReLU stack of the old state and the input: `h' = hidden([h, x])`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from extract.networks.cells.cell import Sizes
from extract.networks.disk import Shape, Shapes
from extract.networks.stack import ReluStack, read_stack, stack_shapes


@dataclass(frozen=True, slots=True)
class MlpCell:
    """The stack `hidden`: keys `hidden.0.weight`, `hidden.0.bias`, `hidden.2.weight`, ..."""

    name: str = "mlp"
    most_layers: int = 1  # depth is in the stack

    def shapes(self, found: Mapping[str, Shape], sizes: Sizes) -> tuple[Shapes, Shapes]:
        """Weights of the stack are required, biases and the initial state optional."""
        required, optional = stack_shapes(found, "hidden", sizes.hidden + sizes.inputs, sizes.hidden)
        start = (sizes.hidden,) if len(found.get("h0", ())) == 1 else (1, sizes.hidden)
        return required, {**optional, "h0": start}

    def build(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> Mlp:
        """The cell with these weights."""
        initial = tensors.get("h0", torch.zeros(sizes.hidden)).reshape(sizes.hidden)
        return Mlp(read_stack(tensors, "hidden"), initial)


@dataclass(frozen=True, slots=True)
class Mlp:
    """The stack with its weights."""

    hidden: ReluStack
    initial: Tensor

    @property
    def width(self) -> int:
        return len(self.initial)

    @property
    def parts(self) -> Mapping[str, tuple[int, ...]]:
        return {}

    @property
    def visible(self) -> slice:
        return slice(0, self.width)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        return self.hidden(torch.cat([state, inputs], dim=1))


MLP = MlpCell()
