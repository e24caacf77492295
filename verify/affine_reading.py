"""One step of a machine read over a box of whole numbers, where it is affine there.

A *cell* is a box of values of the state variables (registers element by element, truth values as 0 and 1) and inputs.
The reading interprets the program's terms, by the reference semantics, on affine functions of these; a comparison, a
division or a table that does not come out alike on the whole cell raises `Undecided`, which says where to cut it. Cut
often enough every cell is one point, where the reading is plain evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.algebra import PythonAlgebra
from dsl.errors import Unsupported
from dsl.programs import Machine
from dsl.semantics import initial_state, interpret
from dsl.types import BoolType, IntType, RegisterType, Type

Whole = tuple[int, ...]
Ends = tuple[Whole, Whole]
"""Lowest and highest value of each variable, both included."""


class Undecided(Exception):
    """The cell is to be cut at `variable`: values up to `at`, and those above."""

    def __init__(self, variable: int, at: int) -> None:
        super().__init__(variable, at)
        self.variable, self.at = variable, at


@dataclass(frozen=True, slots=True)
class Affine:
    """`constant + factors . variables` on a cell; never constant (those are plain integers)."""

    factors: Whole
    constant: int
    cell: Ends

    def ends(self) -> tuple[int, int]:
        """The least and the largest value."""
        pairs = [(f * low, f * high) for f, low, high in zip(self.factors, *self.cell)]
        return self.constant + sum(map(min, pairs)), self.constant + sum(map(max, pairs))

    def cut(self, threshold: int | None = None) -> Undecided:
        """Where to cut: by the threshold, if one variable decides; else the one that matters most, in the middle."""
        low, high = self.cell
        spans = [abs(f) * (high[k] - low[k]) for k, f in enumerate(self.factors)]
        k = int(np.argmax(spans))
        at = (low[k] + high[k]) // 2
        if threshold is not None and sum(span > 0 for span in spans) == 1:
            rest = self.constant + sum(f * low[j] for j, f in enumerate(self.factors) if j != k)
            # values on one side of the threshold stay together: below it for a rising function, from it for a falling
            factor = self.factors[k]
            edge = -((rest - threshold) // factor) - 1 if factor > 0 else (threshold - rest) // factor
            at = min(max(edge, low[k]), high[k] - 1)
        return Undecided(k, at)

    def _with(self, other: Any, sign: int) -> Any:
        if isinstance(other, Affine):
            factors = tuple(a + sign * b for a, b in zip(self.factors, other.factors))
            return _affine(factors, self.constant + sign * other.constant, self.cell)
        return Affine(self.factors, self.constant + sign * int(other), self.cell)

    def __add__(self, other: Any) -> Any:
        return self._with(other, 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._with(other, -1)

    def __rsub__(self, other: Any) -> Any:
        return (self * -1) + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Affine):
            raise other.cut()
        return _affine(tuple(f * int(other) for f in self.factors), self.constant * int(other), self.cell)

    __rmul__ = __mul__

    def __lt__(self, other: Any) -> bool:
        return _below(self - other, 0)

    def __le__(self, other: Any) -> bool:
        return _below(self - other, 1)

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other


def _affine(factors: Whole, constant: int, cell: Ends) -> Affine | int:
    """Constants are plain integers; a variable that is fixed on the cell is one too."""
    if any(f and low < high for f, low, high in zip(factors, *cell)):
        return Affine(factors, constant, cell)
    return constant + sum(f * low for f, low in zip(factors, cell[0]))


def _below(value: Any, threshold: int) -> bool:
    """Whether a value is less than the threshold, on the whole cell."""
    if not isinstance(value, Affine):
        return bool(value < threshold)
    low, high = value.ends()
    if low < threshold <= high:
        raise value.cut(threshold)
    return high < threshold


def _fixed(*values: Any) -> None:
    """Raise `Undecided` for the first value that is not constant."""
    for value in values:
        if isinstance(value, Affine):
            raise value.cut()


class _CellAlgebra(PythonAlgebra):
    """Python's own reading, except where an affine function has to be decided."""

    def eq(self, a: Any, b: Any) -> Any:
        if isinstance(a, tuple):
            return all(self.eq(*pair) for pair in zip(a, b, strict=True))
        if not isinstance(a, Affine) and not isinstance(b, Affine):
            return a == b
        rest = a - b
        return not _below(rest, 0) and _below(rest, 1)

    def floordiv(self, a: Any, b: Any) -> Any:
        _fixed(b)
        if not isinstance(a, Affine) or not b:
            return super().floordiv(a, b)
        low, high = (end // b for end in a.ends())
        if low != high:
            raise a.cut(b * (low + 1) if b > 0 else None)
        return low

    def mod(self, a: Any, b: Any) -> Any:
        return a - b * self.floordiv(a, b)

    def truediv(self, a: Any, b: Any) -> Any:
        raise Unsupported("expected whole numbers in the program, got a rational quotient")

    def bitand(self, a: Any, b: Any) -> Any:
        _fixed(a, b)
        return super().bitand(a, b)

    def bitor(self, a: Any, b: Any) -> Any:
        _fixed(a, b)
        return super().bitor(a, b)

    def bitxor(self, a: Any, b: Any) -> Any:
        _fixed(a, b)
        return super().bitxor(a, b)

    def shift_left(self, a: Any, b: Any) -> Any:
        _fixed(a, b)
        return super().shift_left(a, b)

    def select(self, register: Any, index: Any) -> Any:
        _fixed(index)
        return register[index]


CELL = _CellAlgebra()


@dataclass(frozen=True)
class Reading:
    """On a cell `low..high` of states and inputs: the next state is `update @ values + shift`, and so are the outputs.

    Shapes: `update` (state, state + inputs), `outputs` (outputs, state + inputs).
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    update: NDArray[np.float64]
    shift: NDArray[np.float64]
    outputs: NDArray[np.float64]
    output_shift: NDArray[np.float64]


def flat_start(machine: Machine) -> Whole:
    """The initial state, one whole number a variable."""
    return tuple(_flat(initial_state(machine)))


def read(machine: Machine, cell: Ends) -> Reading:
    """One step on a cell of states and inputs. Raises `Undecided`, or `Unsupported` for rationals."""
    variables: Iterator[int] = iter(range(len(cell[0])))
    env = {s.name: _value(s.type, cell, variables) for s in machine.states}
    env |= {v.name: _value(v.type, cell, variables) for v in machine.inputs}
    for name, term in machine.lets:
        env[name] = interpret(term, env, CELL)
    after = {s.name: interpret(s.update, env, CELL) for s in machine.states}
    env.update((name + "'", value) for name, value in after.items())
    update, shift = _matrix(_flat(tuple(after.values())), len(cell[0]))
    outputs, output_shift = _matrix(_flat(tuple(interpret(term, env, CELL) for term in machine.outputs)), len(cell[0]))
    low, high = (np.array(ends, dtype=np.float64) for ends in cell)
    return Reading(low, high, update, shift, outputs, output_shift)


def _value(kind: Type, cell: Ends, variables: Iterator[int]) -> Any:
    if isinstance(kind, RegisterType):
        return tuple(_value(kind.element, cell, variables) for _ in range(kind.length))
    if not isinstance(kind, BoolType | IntType):
        raise Unsupported(f"expected whole numbers in the program, got type {kind}")
    k = next(variables)
    low, high = cell[0][k], cell[1][k]
    if isinstance(kind, BoolType):
        if low < high:
            raise Undecided(k, low)
        return bool(low)
    return _affine(tuple(int(j == k) for j in range(len(cell[0]))), 0, cell)


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield int(value) if isinstance(value, bool) else value


def _matrix(values: Iterator[Any], width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    found = list(values)
    factors = [v.factors if isinstance(v, Affine) else (0,) * width for v in found]
    constants = [v.constant if isinstance(v, Affine) else v for v in found]
    return np.array(factors, dtype=np.float64).reshape(len(found), width), np.array(constants, dtype=np.float64)
