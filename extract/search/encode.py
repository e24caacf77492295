"""Encodings for a learned Mealy machine whose states have no names yet.

A *labelling* gives every state an integer (or one integer per state variable). Labellings are proposed by cheap
updates that hold on most transitions, by breadth-first order, and by what the outputs tell about a state; for each,
next state and output become one-step synthesis problems. A table of states is the last resort.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.ops import apply
from dsl.programs import Machine
from dsl.rewrites import normalise
from dsl.terms import Const, Term, Var
from dsl.types import INT, Type, type_of
from extract.abstract.mealy import Mealy
from extract.search.assemble import STATE_NAMES, input_names, typed
from extract.search.constants import with_labels
from extract.search.select import fit_term
from extract.search.updates import enumerate_updates
from verify.domain import Domain, IntArray

Labels = NDArray[np.int64]
ENCODE_EFFORT = 1_500_000


@dataclass(frozen=True, slots=True)
class Labelling:
    """One column of integers per state variable, of shape (states, variables), telling all states apart."""

    labels: Labels
    misfits: int = 0


def propose_labellings(machine: Mealy, domain: Domain, constants: tuple[int, ...]) -> list[Labelling]:
    """Labellings of all states, the most promising first, without repeats."""
    singles = [Labelling(np.arange(machine.size)[:, None], machine.size)]
    singles += _by_updates(machine, domain, constants)
    pairs = _by_pairs(machine)
    ordered = sorted(singles, key=lambda c: c.misfits)[:10] + pairs[:8]
    seen: set[bytes] = set()
    return [c for c in ordered if not (c.labels.tobytes() in seen or seen.add(c.labels.tobytes()))]


def _by_updates(machine: Mealy, domain: Domain, constants: tuple[int, ...]) -> list[Labelling]:
    """Run a cheap update from the start state; transitions on which it fails are exceptions to be explained later."""
    symbols = domain.symbols()
    span = np.arange(-2, machine.size + 3)
    if len(symbols) * len(span) > 2048:
        return []
    names = input_names(domain.arity)
    grid = [np.repeat(span, len(symbols)), *(np.tile(symbols[:, k], len(span)) for k in range(domain.arity))]
    small = [c for c in constants if abs(c) <= 3]
    updates = enumerate_updates([Var("s", INT), *(Var(n, INT) for n in names)], grid, small, max_cost=18, limit=1500)
    found: list[Labelling] = []
    for table in updates.values.reshape(len(updates), len(span), len(symbols)):
        for initial in (0, 1):
            labels, misfits = _propagate(machine, table, -2, initial)
            if labels is not None and misfits < machine.size * len(symbols) // 2:
                found.append(Labelling(labels[:, None], misfits))
    return sorted(found, key=lambda c: c.misfits)[:12]


def _propagate(machine: Mealy, table: IntArray, low: int, initial: int) -> tuple[Labels | None, int]:
    """Labels along a breadth-first walk; states never reached by a fitting transition get fresh labels."""
    labels: dict[int, int] = {0: initial}
    used = {initial}
    queue: deque[int] = deque([0])
    waiting: list[int] = []
    while queue or waiting:
        if not queue:
            state = waiting.pop(0)
            if state in labels:
                continue
            fresh = max(used) + 1 if max(used) + 1 - low < len(table) else min(used) - 1
            labels[state] = fresh
            used.add(fresh)
            queue.append(state)
        state = queue.popleft()
        row = labels[state] - low
        if not 0 <= row < len(table):
            return None, 0
        for symbol in range(machine.next.shape[1]):
            after, label = int(machine.next[state, symbol]), int(table[row, symbol])
            if after in labels:
                continue
            if label in used:
                waiting.append(after)
            else:
                labels[after] = label
                used.add(label)
                queue.append(after)
    if len(labels) < machine.size:
        return None, 0
    column = np.array([labels[q] for q in range(machine.size)])
    rows = column - low
    if rows.min() < 0 or rows.max() >= len(table):
        return None, 0
    return column, int((table[rows] != column[machine.next]).sum())


def _by_pairs(machine: Mealy) -> list[Labelling]:
    """Two or three small variables that together tell the states apart: outputs on a symbol, now or one step later."""
    columns: dict[bytes, Labels] = {}
    for k in range(machine.output.shape[2]):
        for s in range(machine.output.shape[1]):
            direct = machine.output[:, s, k]
            for column in (direct, *(machine.output[machine.next[:, t], s, k] for t in range(machine.next.shape[1]))):
                if len(np.unique(column)) > 1:
                    columns.setdefault(column.tobytes(), column)
        if len(columns) > 12:
            break
    found = []
    for width in (1, 2, 3):
        for chosen in itertools.combinations(list(columns.values())[:10], width):
            labels = np.stack(chosen, axis=1)
            if len(np.unique(labels, axis=0)) == machine.size:
                found.append(Labelling(labels))
        if found:
            break
    return found


def encodings(
    machine: Mealy, domain: Domain, kinds: tuple[Type, ...], constants: tuple[int, ...], deadline: float
) -> Iterator[Machine]:
    """Readable machines equal to the learned one, for the labellings on which synthesis succeeds."""
    for labelling in propose_labellings(machine, domain, constants):
        left = deadline - time.monotonic()
        if left <= 0:
            return
        found = _fit(machine, labelling.labels, domain, kinds, constants, min(left, 8.0))
        if found is not None:
            yield found


def _fit(
    machine: Mealy, labels: Labels, domain: Domain, kinds: tuple[Type, ...], constants: tuple[int, ...],
    timeout_s: float,
) -> Machine | None:
    """One-step synthesis of all updates and outputs under a labelling."""
    deadline = time.monotonic() + timeout_s
    symbols = domain.symbols()
    states, count = machine.next.shape
    inputs = {n: np.tile(symbols[:, k], states) for k, n in enumerate(input_names(domain.arity))}
    names = [n for n in STATE_NAMES if n not in inputs][: labels.shape[1]]
    before = {n: np.repeat(labels[:, k], count) for k, n in enumerate(names)}
    after = {n: labels[machine.next.ravel(), k] for k, n in enumerate(names)}
    known = with_labels(constants, labels)
    updates: dict[str, Term] = {}
    for n in names:
        left = deadline - time.monotonic()
        term = fit_term(inputs | before, after[n], known, left, effort=ENCODE_EFFORT, max_cost=200.0)
        if term is None:
            return None
        updates[n] = term
    outputs: list[Term] = []
    for k in range(machine.output.shape[2]):
        columns = inputs | before | {n + "'": v for n, v in after.items()}
        target = machine.output[:, :, k].ravel()
        left = max(0.3, deadline - time.monotonic())
        term = fit_term(columns, target, known, left, effort=ENCODE_EFFORT, max_cost=200.0)
        if term is None:
            return None
        outputs.append(term)
    initials = {n: int(labels[0, k]) for k, n in enumerate(names)}
    found = normalise(typed(domain, kinds, initials, updates, outputs, name="lifted"))
    assert isinstance(found, Machine)
    return found


def state_table(machine: Mealy, domain: Domain, kinds: tuple[Type, ...]) -> Machine:
    """The machine as tables over (state, symbol): always right, never readable."""
    symbol = symbol_term(domain)
    q = Var("q", INT)

    def lookup(table: Sequence[Sequence[int]]) -> Term:
        rows = tuple(tuple(int(v) for v in row) for row in table)
        return apply("index", (apply("index", (Const(rows, type_of(rows)), q)), symbol))

    outputs = [lookup(machine.output[:, :, k].tolist()) for k in range(machine.output.shape[2])]
    return typed(domain, kinds, {"q": 0}, {"q": lookup(machine.next.tolist())}, outputs, name="table")


def symbol_term(domain: Domain) -> Term:
    """The index of the present input among all symbols, first component most significant."""
    from extract.search.assemble import input_variables

    term: Term | None = None
    for var, (low, high) in zip(input_variables(domain), domain.ranges, strict=True):
        shifted: Term = var if low == 0 else apply("-", (var, Const(low, type_of(low))))
        if term is None:
            term = shifted
        else:
            size = high - low + 1
            term = apply("+", (apply("*", (term, Const(size, type_of(size)))), shifted))
    assert term is not None
    return term
