"""Columns: arrays with bounds, the values of the vectorised reading, and its algebra.

A *column* is an array with its bounds. Arithmetic runs in 64-bit words while the bounds prove that nothing can
overflow; where they do not, they are recomputed from the data, and where that does not help either, the operation
runs on Python's unlimited integers (`object` arrays) and returns to words as soon as the values fit again.
Rationals are `object` arrays of fractions. Registers are tuples of columns; constant tables are arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl import ranges
from dsl.algebra import MAX_SHIFT
from dsl.errors import EvaluationError, Unsupported

Array = NDArray[Any]
WORD = np.iinfo(np.int64)
LOW, HIGH = int(WORD.min), int(WORD.max)
MAX_BITS = 1 << 16


class Column:
    """Truth values, 64-bit integers within `low`..`high`, or exact objects (then without bounds)."""

    __slots__ = ("data", "high", "low")

    def __init__(self, data: Array, low: int = 0, high: int = 0) -> None:
        self.data, self.low, self.high = data, low, high

    @property
    def exact(self) -> bool:
        """Whether the values are Python objects rather than 64-bit words."""
        return self.data.dtype == object

    def tighten(self) -> None:
        """Bounds from the data."""
        if self.data.dtype == np.int64 and self.data.size:
            self.low, self.high = int(self.data.min()), int(self.data.max())

    def __add__(self, other: Column) -> Column:
        return _arithmetic(np.add, lambda a, b: (a[0] + b[0], a[1] + b[1]), self, other)

    def __sub__(self, other: Column) -> Column:
        return _arithmetic(np.subtract, lambda a, b: (a[0] - b[1], a[1] - b[0]), self, other)

    def __mul__(self, other: Column) -> Column:
        return _arithmetic(np.multiply, ranges.product, self, other)

    def __neg__(self) -> Column:
        return _scalar(0) - self

    def __lt__(self, other: Column) -> Column:
        if not self.exact and not other.exact:
            if self.high < other.low:
                return TRUE
            if self.low >= other.high:
                return FALSE
        return Column(np.asarray(np.less(self.data, other.data)))

    def __le__(self, other: Column) -> Column:
        if not self.exact and not other.exact:
            if self.high <= other.low:
                return TRUE
            if self.low > other.high:
                return FALSE
        return Column(np.asarray(np.less_equal(self.data, other.data)))

    def __gt__(self, other: Column) -> Column:
        return other < self

    def __ge__(self, other: Column) -> Column:
        return other <= self


class Table(Sequence[Any]):
    """A constant register (of registers), read through a flat `offset` once outer indices are chosen."""

    __slots__ = ("_bounds", "_depth", "_offset", "_values")

    def __init__(self, values: Array, bounds: tuple[int, int], offset: Column | None = None, depth: int = 0) -> None:
        self._values, self._bounds, self._offset, self._depth = values, bounds, offset, depth

    def __len__(self) -> int:
        return self._values.shape[self._depth]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self.at(_scalar(i)) for i in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.at(_scalar(index % len(self)))

    def at(self, index: Column) -> Any:
        """The element at each index: a column, or a table when registers are nested."""
        offset = index if self._offset is None else self._offset * _scalar(len(self)) + index
        if self._depth + 1 < self._values.ndim:
            return Table(self._values, self._bounds, offset, self._depth + 1)
        found = np.asarray(self._values.reshape(-1).take(offset.data.astype(np.int64, copy=False), mode="clip"))
        return Column(found, *self._bounds)


def _scalar(value: Any) -> Column:
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, int) and LOW <= value <= HIGH:
        return Column(np.array(value, dtype=np.int64), value, value)
    return Column(np.array(value, dtype=object))


TRUE = Column(np.array(True))
FALSE = Column(np.array(False))


def column_of(data: Array) -> Column:
    """A column of the narrowest representation that holds the array's values."""
    if data.dtype == bool:
        return Column(data)
    if data.dtype.kind in "iu" and data.dtype != np.uint64:
        column = Column(data.astype(np.int64, copy=False))
        column.tighten()
        return column
    if data.dtype.kind not in "Ou":
        raise EvaluationError(f"expected an array of truth values, integers or fractions, got {data.dtype}")
    objects = data.astype(object, copy=False)
    values = objects.reshape(-1).tolist()
    if not values:
        return Column(objects.astype(np.int64))
    if all(isinstance(value, bool | np.bool_) for value in values):
        return Column(objects.astype(bool))
    if all(isinstance(value, int) for value in values):
        low, high = min(values), max(values)
        if low >= LOW and high <= HIGH:
            return Column(objects.astype(np.int64), low, high)
    return Column(objects)


def _objects(operation: Callable[..., Any], *columns: Column) -> Column:
    """The operation on Python's own numbers, up to `MAX_BITS`: squares of squares soon hold more than memory does."""
    values = np.asarray(operation(*(c.data.astype(object, copy=False) for c in columns)), dtype=object)
    if any(isinstance(v, int) and v.bit_length() > MAX_BITS for v in values.reshape(-1).tolist()):
        raise Unsupported(f"expected integers of at most {MAX_BITS:,} bits in a batch, got larger ones")
    return column_of(values)


def _arithmetic(operation: Any, bounds: Callable[[Any, Any], tuple[int, int]], a: Column, b: Column) -> Column:
    """The operation in 64-bit words where the result must fit, else on Python's integers."""
    if a.exact or b.exact:
        return _objects(operation, a, b)
    low, high = bounds((a.low, a.high), (b.low, b.high))
    if low < LOW or high > HIGH:
        a.tighten()
        b.tighten()
        low, high = bounds((a.low, a.high), (b.low, b.high))
        if low < LOW or high > HIGH:
            return _objects(operation, a, b)
    return Column(np.asarray(operation(a.data, b.data)), low, high)


_fraction = np.frompyfunc(lambda a, b: Fraction(a) / b if b else Fraction(0), 2, 1)


class BatchAlgebra:
    """The reading of `dsl.algebra` in columns; every operation is elementwise over broadcast batch axes."""

    def __init__(self) -> None:
        self._tables: dict[int, tuple[Any, Table]] = {}

    def constant(self, value: Any) -> Any:
        return self._table(value) if isinstance(value, tuple) else _scalar(value)

    def _table(self, value: tuple[Any, ...]) -> Table:
        if id(value) not in self._tables:
            if len(self._tables) >= 1000:
                self._tables.clear()
            entries = column_of(np.array(value, dtype=object))
            self._tables[id(value)] = (value, Table(entries.data, (entries.low, entries.high)))  # keeps the id alive
        return self._tables[id(value)][1]

    def ite(self, condition: Column, then: Any, otherwise: Any) -> Any:
        if not condition.data.ndim:
            return then if condition.data else otherwise
        if then is otherwise:
            return then
        if not isinstance(then, Column):
            return tuple(self.ite(condition, a, b) for a, b in zip(then, otherwise, strict=True))
        if then.exact or otherwise.exact:
            return column_of(np.where(condition.data, then.data, otherwise.data))
        chosen = np.where(condition.data, then.data, otherwise.data)
        return Column(chosen, min(then.low, otherwise.low), max(then.high, otherwise.high))

    def conj(self, a: Column, b: Column) -> Column:
        return Column(np.asarray(a.data & b.data))

    def disj(self, a: Column, b: Column) -> Column:
        return Column(np.asarray(a.data | b.data))

    def neg(self, a: Column) -> Column:
        return Column(np.asarray(~a.data))

    def floordiv(self, a: Column, b: Column) -> Column:
        return _arithmetic(np.floor_divide, ranges.floor_quotient, a, self._divisor(b))

    def mod(self, a: Column, b: Column) -> Column:
        return _arithmetic(np.remainder, ranges.remainder, a, self._divisor(b))

    def _divisor(self, b: Column) -> Column:
        """The divisor with its zeros, whose results nobody uses, replaced by ones."""
        if not b.exact and (b.low > 0 or b.high < 0):
            return b
        return self.ite(self.eq(b, _scalar(0)), _scalar(1), b)

    def truediv(self, a: Column, b: Column) -> Column:
        return _objects(_fraction, a, b)

    def bitand(self, a: Column, b: Column) -> Column:
        return _arithmetic(np.bitwise_and, ranges.bitwise_and, a, b)

    def bitor(self, a: Column, b: Column) -> Column:
        return _arithmetic(np.bitwise_or, ranges.bitwise, a, b)

    def bitxor(self, a: Column, b: Column) -> Column:
        return _arithmetic(np.bitwise_xor, ranges.bitwise, a, b)

    def shift_left(self, a: Column, b: Column) -> Column:
        if b.exact or b.low < 0 or b.high > MAX_SHIFT:
            low, high = _scalar(0), _scalar(MAX_SHIFT)
            b = self.ite(b < low, low, self.ite(high < b, high, b))
        return _arithmetic(np.left_shift, ranges.shifted_left, a, b)

    def eq(self, a: Any, b: Any) -> Column:
        if not isinstance(a, Column):
            same = TRUE
            for x, y in zip(a, b, strict=True):
                same = self.conj(same, self.eq(x, y))
            return same
        if a.data.dtype == b.data.dtype == np.int64 and (a.high < b.low or b.high < a.low):
            return FALSE
        return Column(np.asarray(np.equal(a.data, b.data)))

    def register(self, elements: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(elements)

    def elements(self, register: Any) -> Any:
        return register

    def select(self, register: Any, index: Column) -> Any:
        if isinstance(register, Table):
            return register.at(index)
        if not index.data.ndim:
            return register[int(index.data)]
        found = register[0]
        for position, element in enumerate(register[1:], 1):
            found = self.ite(self.eq(index, _scalar(position)), element, found)
        return found


BATCH = BatchAlgebra()


def as_column(value: Any) -> Any:
    """An array, a Python value, or a tuple of these, ready to be an `env` entry; bounds come from the data."""
    if isinstance(value, Column | Table):
        return value
    if isinstance(value, tuple):
        return tuple(map(as_column, value))
    return column_of(value) if isinstance(value, np.ndarray) else _scalar(value)


def as_array(value: Any, shape: tuple[int, ...] | None = None) -> Any:
    """The array in a column, a tuple of arrays for a register; broadcast to `shape` when given."""
    if not isinstance(value, Column):
        return tuple(as_array(element, shape) for element in value)
    return value.data if shape is None or value.data.shape == shape else np.broadcast_to(value.data, shape).copy()


def shape_of(value: Any) -> tuple[int, ...]:
    """The batch axes of a column, or those that a register's columns share."""
    if isinstance(value, Column):
        return value.data.shape
    return () if isinstance(value, Table) else np.broadcast_shapes(*map(shape_of, value))
