"""What a machine with finitely many states amounts to: values per state variable, and tables of what depends on what.

A *target* is anything computed in a step: the new value of a state variable, or one output. Its table has a row for
each
combination of the state variables it depends on and a column for each input symbol.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.batch import step_batch
from dsl.errors import BadInput
from dsl.programs import Machine
from dsl.terms import Term, substitute, variables
from dsl.types import BoolType, IntType
from verify.domain import Domain, IntArray

MOST_STATES = 512
MOST_COMBINATIONS = 4_096
OUTPUT = "output"
Key = Any
"""A value as a hashable: a whole number, or a tuple of them for a register."""


@dataclass(frozen=True)
class Target:
    """A new value (`name` of a state variable) or an output (`output 0`, ...), as positions in `values`.

    `table` (combinations of `reads`, symbols) is -1 where the combination leads to no known value; position 0 is the
    value that needs no unit: the initial one of a variable, the commonest of an output.
    """

    name: str
    reads: tuple[str, ...]
    values: tuple[Key, ...]
    table: IntArray

    @property
    def is_output(self) -> bool:
        """Whether this is an output, which no later step reads."""
        return self.name.startswith(OUTPUT)


@dataclass(frozen=True)
class FiniteProgram:
    """A machine with its values (initial one first), its reachable states as positions, and its targets."""

    machine: Machine
    domain: Domain
    values: Mapping[str, tuple[Key, ...]]
    reachable: IntArray
    targets: tuple[Target, ...]

    def combinations(self, names: Sequence[str]) -> IntArray:
        """All combinations (rows, names) of positions of values, the last name fastest."""
        sizes = [range(len(self.values[name])) for name in names]
        combos = list(itertools.product(*sizes))
        return np.array(combos, dtype=np.int64).reshape(len(combos), len(names))


def domain_of(machine: Machine, length: int) -> Domain:
    """All inputs the machine's types allow. Raises `BadInput` for inputs without bounds."""
    ranges = []
    for var in machine.inputs:
        kind = IntType(0, 1) if isinstance(var.type, BoolType) else var.type
        if not isinstance(kind, IntType) or kind.low is None or kind.high is None:
            raise BadInput(f"expected inputs with bounds, got {var.name}: {var.type} ({machine.name})")
        ranges.append((kind.low, kind.high))
    domain = Domain(tuple(ranges), length)
    if domain.symbol_count > MOST_COMBINATIONS:
        raise BadInput(
            f"expected at most {MOST_COMBINATIONS} inputs a step, got {domain.symbol_count} ({machine.name})"
        )
    return domain


def finite_program(machine: Machine, domain: Domain) -> FiniteProgram:
    """The tables of a machine. Raises `BadInput` when it keeps no state or reaches more than `MOST_STATES` states."""
    if not machine.states:
        raise BadInput("expected a machine with state variables, got none (a network for it would remember nothing)")
    values, reachable = _reached(machine, domain)
    program = FiniteProgram(machine, domain, values, reachable, ())
    inlined = _inlined(machine)
    targets = []
    for name, term in inlined.items():
        targets.append(_target(program, name, tuple(n for n in values if n in variables(term))))
    return FiniteProgram(machine, domain, values, reachable, tuple(targets))


def _inlined(machine: Machine) -> dict[str, Term]:
    """Every update and output as a term over inputs and old values."""
    known: dict[str, Term] = {}
    for name, term in machine.lets:
        known[name] = substitute(term, known)
    updates = {s.name: substitute(s.update, known) for s in machine.states}
    fresh = {**known, **{f"{name}'": term for name, term in updates.items()}}
    return {**updates, **{f"{OUTPUT} {k}": substitute(term, fresh) for k, term in enumerate(machine.outputs)}}


def _reached(machine: Machine, domain: Domain) -> tuple[dict[str, tuple[Key, ...]], IntArray]:
    """Values of each variable in the order met, and the reachable states (states, variables) as positions."""
    names = [s.name for s in machine.states]
    symbols = domain.symbols()
    start = tuple(_key(s.initial) for s in machine.states)
    known, frontier = {start: None}, [start]
    while frontier:
        wide = [state for state in frontier for _ in symbols]
        after, _ = step_batch(machine, columns(machine, names, wide), np.tile(symbols, (len(frontier), 1)))
        fresh = dict.fromkeys(zip(*(keys(after[n]) for n in names), strict=True))
        frontier = [state for state in fresh if state not in known]
        known.update(dict.fromkeys(frontier))
        if len(known) > MOST_STATES:
            raise BadInput(f"expected a machine that reaches at most {MOST_STATES} states, got more ({machine.name})")
    values = {name: tuple(dict.fromkeys(state[k] for state in known)) for k, name in enumerate(names)}
    places = [{value: i for i, value in enumerate(values[name])} for name in names]
    return values, np.array([[p[v] for p, v in zip(places, state, strict=True)] for state in known], dtype=np.int64)


def _target(program: FiniteProgram, name: str, reads: tuple[str, ...]) -> Target:
    machine, symbols = program.machine, program.domain.symbols()
    combos = program.combinations(reads)
    if len(combos) * len(symbols) > MOST_COMBINATIONS:
        raise BadInput(
            f"expected at most {MOST_COMBINATIONS} combinations of values and inputs, got "
            f"{len(combos) * len(symbols)} ({name} of {machine.name})"
        )
    names = list(program.values)
    states = [
        tuple(program.values[n][combo[reads.index(n)] if n in reads else 0] for n in names)
        for combo in combos.tolist()
        for _ in symbols
    ]
    after, outputs = step_batch(machine, columns(machine, names, states), np.tile(symbols, (len(combos), 1)))
    if name in program.values:
        values = program.values[name]
        place = {value: i for i, value in enumerate(values)}
        found = [place.get(value, -1) for value in keys(after[name])]
        return Target(name, reads, values, np.array(found).reshape(len(combos), -1))
    column = outputs[:, int(name.removeprefix(OUTPUT))].astype(np.int64)
    met, place, count = np.unique(column, return_inverse=True, return_counts=True)
    order = np.argsort(-count, kind="stable")
    table = np.argsort(order)[place.ravel()].reshape(len(combos), -1)
    return Target(name, reads, tuple(met[order].tolist()), table)


def columns(machine: Machine, names: Sequence[str], states: Sequence[tuple[Key, ...]]) -> dict[str, Any]:
    """States, one tuple of values each, as the columns that `dsl.batch` steps."""
    return {name: _column([state[k] for state in states]) for k, name in enumerate(names)}


def _column(values: Sequence[Key]) -> Any:
    if isinstance(values[0], tuple):
        return tuple(_column([value[k] for value in values]) for k in range(len(values[0])))
    return np.array(values)


def keys(column: Any) -> list[Key]:
    """The values of a state variable (an array, or a tuple of them) as hashables."""
    if isinstance(column, tuple):
        return list(zip(*map(keys, column), strict=True))
    flat: NDArray[Any] = np.asarray(column)
    return flat.tolist()


def _key(value: Any) -> Key:
    return tuple(map(_key, value)) if isinstance(value, tuple) else value
