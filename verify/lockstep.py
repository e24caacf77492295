"""A network and a program advanced together, row by row of a batch, on the same inputs.

A *pair* is what both remember after a prefix: the network's float32 state and the program's state variables.
Two prefixes with bit-identical pairs have the same future, which is what exact closure (`verify.exhaustive`) uses.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.batch import initial_batch, run_machine_batch, step_batch
from dsl.errors import TypeMismatch
from dsl.programs import Machine
from dsl.semantics import run_machine
from dsl.types import BoolType, IntType, fits
from verify.domain import Domain, IntArray
from verify.subject import FloatArray, RecurrentSubject, Subject
from verify.verdict import Counterexample

BoolArray = NDArray[np.bool_]
Word = tuple[tuple[int, ...], ...]

MAX_ROWS = 1 << 14
"""Rows evaluated in one call, so that memory stays bounded whatever the number of inputs."""


Columns = Mapping[str, Any]
"""Per state variable of a program an array with first axis `batch`; a tuple of them (nested) for a register."""


@dataclass(frozen=True, slots=True)
class Pair:
    """State of the network (batch width) and state variables of the program, row by row."""

    network: FloatArray
    program: Columns

    @property
    def rows(self) -> int:
        """Number of prefixes."""
        return self.network.shape[0]

    def take(self, index: Any) -> Pair:
        """The rows at `index`, in that order."""
        return Pair(self.network[index], take(self.program, index))

    def keys(self) -> list[Hashable]:
        """One hashable per row, equal exactly where network bits and program values are equal."""
        columns = [column for value in self.program.values() for column in leaves(value)]
        fixed = [np.ascontiguousarray(c)[:, None].view(np.uint8) for c in columns if c.dtype != object]
        raw = np.hstack([np.ascontiguousarray(self.network).view(np.uint8), *fixed])
        keys: list[Hashable] = [b""] * self.rows
        if raw.shape[1]:
            keys = np.ascontiguousarray(raw).view(f"V{raw.shape[1]}").ravel().tolist()
        exact = [c.tolist() for c in columns if c.dtype == object]
        return list(zip(keys, *exact, strict=True)) if exact else keys


def leaves(value: Any) -> list[NDArray[Any]]:
    """The arrays that make up a state variable, in order."""
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, tuple) else [value]


def take(columns: Columns, index: Any) -> Columns:
    """The rows at `index` of every state variable."""

    def pick(value: Any) -> Any:
        return tuple(map(pick, value)) if isinstance(value, tuple) else value[index]

    return {name: pick(value) for name, value in columns.items()}


def concatenate(pairs: list[Pair]) -> Pair:
    """The rows of several pairs, in order."""

    def joined(parts: tuple[Any, ...]) -> Any:
        if isinstance(parts[0], tuple):
            return tuple(joined(part) for part in zip(*parts, strict=True))
        return np.concatenate(parts)

    program = {name: joined(tuple(pair.program[name] for pair in pairs)) for name in pairs[0].program}
    return Pair(np.concatenate([pair.network for pair in pairs]), program)


def start(network: RecurrentSubject, machine: Machine, rows: int = 1) -> Pair:
    """The pair before the first step."""
    return Pair(np.asarray(network.initial_state(rows), dtype=np.float32), initial_batch(machine, rows))


def advance(network: RecurrentSubject, machine: Machine, pair: Pair, symbols: IntArray) -> tuple[Pair, BoolArray]:
    """One step of both on symbols (batch arity): the pairs after it, and the rows on which outputs differ."""
    state, actual = network.step(pair.network, symbols)
    program, expected = step_batch(machine, pair.program, symbols)
    return Pair(np.asarray(state, dtype=np.float32), program), differing(expected, actual)


def differing(expected: Any, actual: IntArray) -> BoolArray:
    """Rows (all axes but the last) in which outputs differ."""
    wrong: BoolArray = np.asarray(np.asarray(expected) != np.asarray(actual), dtype=np.bool_)
    return np.asarray(wrong.any(axis=-1))


def first_failures(network: Subject, machine: Machine, words: IntArray) -> IntArray:
    """For words (batch time arity): the first step at which outputs differ, or -1."""
    wrong = differing(run_machine_batch(machine, words), network.run(words))
    return np.where(wrong.any(axis=1), wrong.argmax(axis=1), -1)


def replay(network: Subject, machine: Machine, word: IntArray) -> Counterexample | None:
    """The word up to its first failing step, if one shows up with a batch of 1 and in the reference interpreter."""
    symbols: Word = tuple(tuple(int(v) for v in symbol) for symbol in word)
    actual = tuple(tuple(int(v) for v in out) for out in network.run(np.asarray(word, dtype=np.int64)[None])[0])
    expected = outputs_of(machine, symbols)
    for t, (want, got) in enumerate(zip(expected, actual, strict=True)):
        if want != got:
            return Counterexample(symbols[: t + 1], expected[: t + 1], actual[: t + 1])
    return None


def outputs_of(machine: Machine, symbols: Word) -> tuple[tuple[Any, ...], ...]:
    """The reference interpreter's outputs, truth values as 0 and 1, on integer inputs."""
    truth = [isinstance(var.type, BoolType) for var in machine.inputs]
    values = [tuple(bool(v) if t else v for v, t in zip(symbol, truth, strict=True)) for symbol in symbols]
    outputs = run_machine(machine, values)
    return tuple(tuple(int(v) if isinstance(v, bool) else v for v in out) for out in outputs)


def check_compatible(domain: Domain, outputs: int, machine: Machine) -> None:
    """Raise `TypeMismatch` unless the machine accepts every input of the domain and has as many outputs."""
    if len(machine.inputs) != domain.arity:
        raise TypeMismatch(f"expected {domain.arity} inputs per step as the network has, got {len(machine.inputs)}")
    if len(machine.outputs) != outputs:
        raise TypeMismatch(f"expected {outputs} outputs per step as the network has, got {len(machine.outputs)}")
    for var, (low, high) in zip(machine.inputs, domain.ranges, strict=True):
        accepted = IntType(0, 1) if isinstance(var.type, BoolType) else var.type
        if not fits(IntType(low, high), accepted):
            raise TypeMismatch(f"expected an input type that holds {low}..{high}, got {var.name}: {var.type}")


def chunks(total: int, size: int) -> Iterator[slice]:
    """Slices that cover `range(total)`."""
    for first in range(0, total, size):
        yield slice(first, min(first + size, total))
