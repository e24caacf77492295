"""Vectorised semantics: terms and machines over whole batches, in numpy, exactly (`dsl.columns` says how).

This module and `dsl.columns` are the only ones of `dsl` that need numpy; import them by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dsl import ranges
from dsl.columns import BATCH, Array, BatchAlgebra, Column, as_array, as_column, column_of, shape_of
from dsl.errors import EvaluationError, Unsupported
from dsl.programs import Machine
from dsl.semantics import interpret
from dsl.terms import Term
from dsl.types import BoolType, RealType, RegisterType, Type

__all__ = [
    "BATCH",
    "BatchAlgebra",
    "as_column",
    "evaluate_batch",
    "initial_batch",
    "run_machine_batch",
    "step_batch",
]


def evaluate_batch(term: Term, env: Mapping[str, Any]) -> Any:
    """The values of a term over a batch: an array with the batch axes of `env`, a tuple of arrays for a register.

    `env` holds arrays (truth values, integers, or `object` arrays of integers or fractions), tuples of arrays for
    registers, or what `as_column` made of them (worth doing once when many terms are evaluated).
    """
    columns = {name: as_column(value) for name, value in env.items()}
    shape = np.broadcast_shapes(*map(shape_of, columns.values()))
    return as_array(interpret(term, columns, BATCH), shape)


def run_machine_batch(machine: Machine, inputs: Array) -> Array:
    """Outputs (batch, time, outputs) for integer inputs (batch, time, arity); truth values are 0 and 1.

    64-bit integers, or an `object` array where an output is a fraction or needs more than 64 bits.
    Raises `EvaluationError` for inputs outside the declared types.
    """
    batch, length, arity = inputs.shape
    columns = _symbols(machine, np.ascontiguousarray(inputs.reshape(-1, arity).T), batch, length)
    state: dict[str, Any] = {s.name: BATCH.constant(s.initial) for s in machine.states}
    outputs = np.empty((len(machine.outputs), length, batch), dtype=np.int64)
    for time in range(length):
        state, out = _step(machine, state, {name: column[time] for name, column in columns.items()})
        for k, column in enumerate(out):
            if column.exact and outputs.dtype != object:
                outputs = outputs.astype(object)
            outputs[k, time] = column.data
    return np.ascontiguousarray(outputs.transpose(2, 1, 0))


def initial_batch(machine: Machine, batch: int) -> dict[str, Any]:
    """The state before the first step: per state variable an array (batch,), a tuple of arrays for a register."""
    return {s.name: as_array(BATCH.constant(s.initial), (batch,)) for s in machine.states}


def step_batch(machine: Machine, state: Mapping[str, Any], symbols: Array) -> tuple[dict[str, Any], Array]:
    """One step of a batch: (new state, outputs (batch, outputs)) for inputs (batch, arity). Arguments are kept."""
    batch, _ = symbols.shape
    columns = _symbols(machine, symbols.T, batch, 1)
    after, out = _step(machine, {n: as_column(v) for n, v in state.items()}, {n: c[0] for n, c in columns.items()})
    outputs = np.empty((batch, len(out)), dtype=object if any(c.exact for c in out) else np.int64)
    for k, column in enumerate(out):
        outputs[:, k] = column.data
    return {name: as_array(value, (batch,)) for name, value in after.items()}, outputs


def _symbols(machine: Machine, rows: Array, batch: int, length: int) -> dict[str, list[Column]]:
    """Per input variable one column a time step, from `rows` (arity, batch * time), checked against the types."""
    if len(rows) != len(machine.inputs):
        raise EvaluationError(f"expected {len(machine.inputs)} inputs a step, got {len(rows)}")
    columns: dict[str, list[Column]] = {}
    for var, row in zip(machine.inputs, rows, strict=True):
        whole = column_of(row)
        _check(var.type, whole, var.name)
        data = whole.data != 0 if isinstance(var.type, BoolType) else whole.data
        steps = np.ascontiguousarray(data.reshape(batch, length).T)
        columns[var.name] = [Column(step, whole.low, whole.high) for step in steps]
    return columns


def _check(kind: Type, column: Column, name: str) -> None:
    """Raises `EvaluationError` unless all values belong to the type; 0 and 1 stand for truth values."""
    if isinstance(kind, RegisterType):
        raise Unsupported(f"expected inputs that are numbers or truth values, got type {kind} ({name})")
    if not column.data.size or (isinstance(kind, BoolType) and column.data.dtype == bool):
        return
    low, high = (0, 1) if isinstance(kind, BoolType) else ranges.ends(kind)
    least, most = (column.data.min(), column.data.max()) if column.exact else (column.low, column.high)
    whole = not column.exact or isinstance(kind, RealType) or all(isinstance(v, int) for v in column.data)
    if column.data.dtype == bool or not whole or least < low or most > high:
        raise EvaluationError(f"expected {name} in {kind}, got values in {least}..{most}")


def _step(machine: Machine, state: Mapping[str, Any], symbol: Mapping[str, Any]) -> tuple[dict[str, Any], list[Column]]:
    env = {**state, **symbol}
    for name, term in machine.lets:
        env[name] = interpret(term, env, BATCH)
    after = {s.name: interpret(s.update, env, BATCH) for s in machine.states}
    env.update((name + "'", value) for name, value in after.items())
    outputs = [interpret(term, env, BATCH) for term in machine.outputs]
    if not all(isinstance(out, Column) for out in outputs):
        raise Unsupported("expected outputs that are numbers or truth values, got a register")
    return after, outputs
