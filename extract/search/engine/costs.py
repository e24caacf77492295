"""Costs in bits: what a leaf costs, and what a whole term costs. Operators cost what their row in `dsl.ops` says."""

from __future__ import annotations

from collections.abc import Mapping

from dsl.ops import BY_NAME
from dsl.terms import Apply, Const, Term, Var

VARIABLE_BITS = 2.0


def constant_bits(value: object) -> float:
    """A literal: two bits, and two for each binary digit beyond the first (Elias' gamma code, up to a bit)."""
    if isinstance(value, bool):
        return 2.0
    return 2.0 + 2.0 * max(abs(int(value)).bit_length() - 1, 0) + (value < 0) if isinstance(value, int) else 8.0  # type: ignore[operator]


def term_bits(term: Term, variable_bits: Mapping[str, float] | None = None) -> float:
    """Description length of a term; `variable_bits` overrides the cost of single variables."""
    if isinstance(term, Apply):
        return BY_NAME[term.op].cost + sum(term_bits(arg, variable_bits) for arg in term.args)
    if isinstance(term, Const):
        return constant_bits(term.value)
    return (variable_bits or {}).get(term.name, VARIABLE_BITS) if isinstance(term, Var) else 0.0
