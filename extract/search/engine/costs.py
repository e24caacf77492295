"""Costs in whole bits: the code of `dsl.cost` with each leaf rounded, so that costs are small integer levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsl import cost
from dsl.terms import Var, constant


def whole(bits: float) -> int:
    """A cost as a level of the search: at least 1."""
    return max(round(bits), 1)


def variable_bits(variables: Sequence[Var], given: Sequence[float] | None) -> dict[str, int]:
    """The cost of each variable: as given, else that of a choice among them."""
    bits = [cost.term_bits(v, len(variables)) for v in variables] if given is None else given
    return {v.name: whole(b) for v, b in zip(variables, bits, strict=True)}


def constant_bits(value: Any) -> int:
    """The cost of a literal."""
    return whole(cost.term_bits(constant(value), 1))
