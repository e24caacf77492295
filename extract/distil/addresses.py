"""Multiplexers: a few address inputs choose, for each of their values, an input, a negated input or a constant."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
MOST_ADDRESS = 4
TRIED = 7
Choice = bool | tuple[int, bool]
"""A constant, or an input and whether it is taken as it is."""


@dataclass(frozen=True)
class Addressed:
    """`choices[a]` for the address a, a number whose least significant bit is the input `address[0]`."""

    address: tuple[int, ...]
    choices: tuple[Choice, ...]


def addressed(truth: BoolArray) -> Addressed | None:
    """The function as a choice by the fewest address inputs, or None. Addresses are sought among influential inputs."""
    axes = range(truth.ndim)
    influence = [float((np.take(truth, 0, axis=k) != np.take(truth, 1, axis=k)).mean()) for k in axes]
    ranked = sorted(axes, key=lambda k: -influence[k])[:TRIED]
    for size in range(1, MOST_ADDRESS + 1):
        for chosen in combinations(sorted(ranked), min(size, len(ranked))):
            choices = _choices(truth, chosen)
            if choices is not None:
                return Addressed(chosen, choices)
    return None


def _choices(truth: BoolArray, address: tuple[int, ...]) -> tuple[Choice, ...] | None:
    rest = [k for k in range(truth.ndim) if k not in address]
    found: list[Choice] = []
    for number in range(1 << len(address)):
        index: list[int | slice] = [slice(None)] * truth.ndim
        for position, k in enumerate(address):
            index[k] = number >> position & 1
        choice = _literal(truth[tuple(index)], rest)
        if choice is None:
            return None
        found.append(choice)
    return tuple(found)


def _literal(part: BoolArray, names: list[int]) -> Choice | None:
    if part.all() or not part.any():
        return bool(part.flat[0])
    for axis, name in enumerate(names):
        low, high = np.take(part, 0, axis=axis), np.take(part, 1, axis=axis)
        if high.all() and not low.any():
            return name, True
        if low.all() and not high.any():
            return name, False
    return None
