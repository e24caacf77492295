"""Costs in whole bits: the code of `dsl.cost` with each leaf rounded, so that costs are small integer levels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dsl.cost import TAG, value_bits
from dsl.terms import Var
from dsl.types import Value


def whole(bits: float) -> int:
    """A cost as a level of the search: at least 1."""
    return max(round(bits), 1)


def variable_bits(variables: Sequence[Var], given: Sequence[float] | None) -> dict[str, int]:
    """The cost of each variable: as given, else a tag and the choice among them."""
    default = TAG + math.log2(max(len(variables), 1))
    return {v.name: whole(default if given is None else given[i]) for i, v in enumerate(variables)}


def constant_bits(value: Value) -> int:
    """The cost of a literal."""
    return whole(TAG + value_bits(value))
