"""A bank of small terms, distinct in meaning on a grid of example values, in order of cost.

Bottom-up enumeration with observational equivalence: of all terms with the same values on the examples only
the cheapest is kept. Whole (operator, left bucket, right bucket) tiles are evaluated at once in numpy; a term
object is built only for what is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.ops import BY_NAME, apply
from dsl.terms import Const, Term, Var, constant

Columns = NDArray[Any]
MAGNITUDE = 1 << 40  # larger values are of no use as features, and products of two stay within 64 bits
TILE_CELLS = 4_000_000


def _quotient(a: Columns, b: Columns) -> Columns:
    return np.where(b == 0, 0, a // np.where(b == 0, 1, b))


def _remainder(a: Columns, b: Columns) -> Columns:
    return np.where(b == 0, a, a % np.where(b == 0, 1, b))


INTEGER_KERNELS: dict[str, Callable[[Columns, Columns], Columns]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "div": _quotient, "mod": _remainder,
    "min": np.minimum, "max": np.maximum,
}  # fmt: skip
COMPARISON_KERNELS: dict[str, Callable[[Columns, Columns], Columns]] = {
    "==": np.equal, "<": np.less, "<=": np.less_equal,
}  # fmt: skip
TRUTH_KERNELS: dict[str, Callable[[Columns, Columns], Columns]] = {"and": np.logical_and, "or": np.logical_or}


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept term with its values on the grid and its cost in bits."""

    term: Term
    values: Columns
    cost: float


@dataclass
class Bank:
    """Distinct terms by kind (`int` or `bool`) and cost bucket; `entries` lists them cheapest first."""

    limit: int
    buckets: dict[str, dict[int, list[Entry]]] = field(default_factory=lambda: {"int": {}, "bool": {}})
    seen: dict[str, set[bytes]] = field(default_factory=lambda: {"int": set(), "bool": set()})
    count: int = 0

    @property
    def full(self) -> bool:
        return self.count >= self.limit

    def entries(self, kind: str) -> list[Entry]:
        """All kept terms of a kind, cheapest first."""
        return [e for cost in sorted(self.buckets[kind]) for e in self.buckets[kind][cost]]

    def offer(self, kind: str, term: Callable[[], Term], values: Columns, cost: int) -> None:
        """Keep a term unless one with the same values is known."""
        key = values.tobytes()
        if key in self.seen[kind] or self.full:
            return
        self.seen[kind].add(key)
        self.buckets[kind].setdefault(cost, []).append(Entry(term(), values, float(cost)))
        self.count += 1


def constant_cost(value: int) -> int:
    """Bits for a literal in the bank: small numbers are cheap."""
    return 2 + abs(value).bit_length()


def enumerate_bank(
    variables: Sequence[Var], columns: Sequence[Columns], constants: Sequence[int], *, max_cost: int, limit: int,
    variable_cost: int = 2, with_if: bool = True,
) -> Bank:
    """All distinct terms up to `max_cost` over the variables, whose values on the grid are `columns` (each of shape
    (grid,)), and the constants; at most `limit` of them."""
    bank = Bank(limit)
    size = len(columns[0])
    for var, column in zip(variables, columns, strict=True):
        bank.offer("int", lambda v=var: v, column.astype(np.int64), variable_cost)
    for value in sorted(constants, key=lambda v: (abs(v), v)):
        bank.offer("int", lambda v=value: constant(v), np.full(size, value, dtype=np.int64), constant_cost(value))
    for cost in range(1, max_cost + 1):
        _binary(bank, "int", "int", INTEGER_KERNELS, cost)
        _binary(bank, "int", "bool", COMPARISON_KERNELS, cost)
        _binary(bank, "bool", "bool", TRUTH_KERNELS, cost)
        _unary(bank, cost)
        if with_if:
            _conditional(bank, cost)
        if bank.full:
            break
    return bank


def _stack(entries: list[Entry]) -> Columns:
    return np.stack([e.values for e in entries])


def _binary(bank: Bank, source: str, target: str, kernels: dict[str, Any], cost: int) -> None:
    for name, kernel in kernels.items():
        op = BY_NAME[name]
        budget = cost - int(op.cost)
        for left in sorted(bank.buckets[source]):
            right = budget - left
            if right not in bank.buckets[source] or (op.commutative and right < left):
                continue
            a, b = bank.buckets[source][left], bank.buckets[source][right]
            b_values = _stack(b)
            rows = max(1, TILE_CELLS // b_values.size)
            for start in range(0, len(a), rows):
                part = a[start : start + rows]
                tile = kernel(_stack(part)[:, None, :], b_values[None, :, :])
                _keep(bank, target, tile, lambda i, j, p=part, n=name, b=b: _apply(n, p[i].term, b[j].term), cost)
                if bank.full:
                    return


def _keep(bank: Bank, kind: str, tile: Columns, term: Callable[[int, int], Term], cost: int) -> None:
    """Offer the rows of a tile (left right grid) that vary over the grid and stay small."""
    varies = (tile != tile[..., :1]).any(axis=-1)
    if kind == "int":
        varies &= (np.abs(tile) < MAGNITUDE).all(axis=-1)
    for i, j in zip(*np.nonzero(varies), strict=True):
        bank.offer(kind, lambda i=i, j=j: term(int(i), int(j)), np.ascontiguousarray(tile[i, j]), cost)


def _unary(bank: Bank, cost: int) -> None:
    for e in list(bank.buckets["bool"].get(cost - int(BY_NAME["int"].cost), ())):
        bank.offer("int", lambda e=e: apply("int", (e.term,)), e.values.astype(np.int64), cost)
    for e in list(bank.buckets["int"].get(cost - int(BY_NAME["abs"].cost), ())):
        bank.offer("int", lambda e=e: apply("abs", (e.term,)), np.abs(e.values), cost)
    for e in list(bank.buckets["bool"].get(cost - int(BY_NAME["not"].cost), ())):
        bank.offer("bool", lambda e=e: apply("not", (e.term,)), ~e.values, cost)


def _conditional(bank: Bank, cost: int) -> None:
    budget = cost - int(BY_NAME["if"].cost)
    conditions, integers = bank.buckets["bool"], bank.buckets["int"]
    for c_cost in sorted(conditions):
        for a_cost in sorted(integers):
            b_cost = budget - c_cost - a_cost
            if b_cost not in integers:
                continue
            b_values = _stack(integers[b_cost])
            for c in conditions[c_cost]:
                a_entries = integers[a_cost]
                tile = np.where(c.values, _stack(a_entries)[:, None, :], b_values[None, :, :])
                _keep(bank, "int", tile,
                      lambda i, j, c=c, a=a_entries, b=integers[b_cost]: apply("if", (c.term, a[i].term, b[j].term)),
                      cost)
                if bank.full:
                    return


def _apply(name: str, a: Term, b: Term) -> Term:
    """The application, with the literal on the right of a commutative operator."""
    if BY_NAME[name].commutative and isinstance(a, Const):
        a, b = b, a
    return apply(name, (a, b))
