"""A stack of linear layers with ReLU between them, read from tensors with the names of an `nn.Sequential`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from extract.networks.disk import Shape, Shapes


@dataclass(frozen=True, slots=True)
class ReluStack:
    """Linear layers (weight, bias or none) with ReLU between, none after the last."""

    layers: tuple[tuple[Tensor, Tensor | None], ...]

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs (batch, out) for inputs (batch, in)."""
        for index, (weight, bias) in enumerate(self.layers):
            x = functional.linear(torch.relu(x) if index else x, weight, bias)
        return x


def layer_names(found: Mapping[str, Shape], name: str) -> list[str]:
    """The layers of stack `name` present in a file: `name` alone for a single `Linear`, else `name.0`, `name.2`, ..."""
    if f"{name}.weight" in found:
        return [name]
    numbers = [int(m[1]) for key in found if (m := re.fullmatch(rf"{re.escape(name)}\.(\d{{1,4}})\.weight", key))]
    return [f"{name}.{2 * k}" for k in range(max(numbers, default=0) // 2 + 1)]


def stack_shapes(found: Mapping[str, Shape], name: str, before: int, after: int) -> tuple[Shapes, Shapes]:
    """Required and optional tensors of stack `name` from width `before` to `after`; inner widths are as found."""
    names = layer_names(found, name)
    required: Shapes = {}
    optional: Shapes = {}
    for layer in names:
        shape = found.get(f"{layer}.weight", ())
        width = after if layer == names[-1] else (shape[0] if len(shape) == 2 else before)
        required[f"{layer}.weight"] = (width, before)
        optional[f"{layer}.bias"] = (width,)
        before = width
    return required, optional


def read_stack(tensors: Mapping[str, Tensor], name: str) -> ReluStack:
    """The stack `name`, once its shapes are known to be right."""
    names = layer_names({key: tuple(t.shape) for key, t in tensors.items()}, name)
    return ReluStack(tuple((tensors[f"{layer}.weight"], tensors.get(f"{layer}.bias")) for layer in names))
