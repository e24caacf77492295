"""A function task: what a feed-forward network was asked to compute, stated twice.

Its *truth* is a vectorised numpy function on arrays `batch arity`, written independently of its *reference*, the
shortest DSL function known for it. Training data come from the truth; the reference is the yardstick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Range = tuple[int, int]
Truth = Callable[[IntArray], IntArray]


@dataclass(frozen=True)
class FunctionTask:
    """One function over integer ranges: `truth` maps (batch, arity) to (batch, outputs)."""

    name: str
    description: str
    inputs: tuple[Range, ...]
    outputs: tuple[Range, ...]
    reference: str
    truth: Truth


def single(truth: Callable[..., NDArray[Any]]) -> Truth:
    """The truth of a task with one output, from a function that takes one array (batch,) per input."""
    return lambda inputs: np.asarray(truth(*inputs.T)).astype(np.int64)[:, None]


def several(truth: Callable[..., tuple[NDArray[Any], ...]]) -> Truth:
    """The truth of a task with several outputs, from a function that takes one array (batch,) per input."""
    return lambda inputs: np.stack(truth(*inputs.T), axis=1).astype(np.int64)


def header(name: str, letters: Iterable[str], inputs: Iterable[Range], outputs: Iterable[Range]) -> str:
    """The declaration of a reference program, up to its `=`."""
    pairs = zip(letters, inputs, strict=True)
    declared = ", ".join(f"{letter}: {low}..{high}" for letter, (low, high) in pairs)
    return f"function {name}({declared}) -> {', '.join(f'{low}..{high}' for low, high in outputs)} ="


def by_name(tasks: Iterable[FunctionTask]) -> dict[str, FunctionTask]:
    """A table of tasks; two tasks of one name are a mistake."""
    table: dict[str, FunctionTask] = {}
    for task in tasks:
        assert task.name not in table, f"two tasks named {task.name}"
        table[task.name] = task
    return table
