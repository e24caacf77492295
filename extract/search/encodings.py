"""State variables for a Mealy table whose states have no names: those with short updates, found by enumeration.

Updates are enumerated in order of cost and walked beside the table (`extract.search.joint`): alone, on top of variables
already found (a cascade, as in Krohn & Rhodes 1965), and as pairs that read each other. An *encoding* is a set of
variables that together determine the table's state.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from dsl.batch import evaluate_batch
from dsl.cost import value_bits
from dsl.terms import Term, Var, substitute, variables
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.assemble import input_names
from extract.search.joint import DECODABLE, DETERMINES, Forms, Rows, automata, walk_pairs, walk_products, walk_singles
from extract.search.sets import STATE_BITS
from extract.search.templates import Template, Test, conditional, templates, tests
from extract.search.updates import Updates, enumerate_updates
from verify.domain import Domain, IntArray

OWN, OTHER = "s", "t"
ALIKE = 4
"""So many variables may tell the same states apart; and so many where they tell all apart."""
COMPLETE_ALIKE = 12
MOST_COMPLETE = 24
MOST_UNFOLDED = 400
MOST_VALUES = 10
MOST_CLOSED, MOST_INNER = 1200, 40
MOST_KEPT = 300
MOST_SHOWN = 20
MOST_TABLE, MOST_CONDITIONAL = 4_000_000, 120_000


@dataclass(frozen=True, eq=False)
class Variable:
    """A state variable by its update over itself, the inputs and the variables it `needs`.

    `labels` (states) are its values where they are a function of the table's state.
    """

    name: str
    update: Term
    initial: int
    cost: float
    labels: Rows | None = None
    needs: tuple[Variable, ...] = ()

    def closure(self) -> tuple[Variable, ...]:
        """All it needs, then itself, each once."""
        found = {v.name: v for need in self.needs for v in need.closure()}
        return (*found.values(), self)


@dataclass(frozen=True, eq=False)
class Encoding:
    """Variables whose values determine the state of the table, and the bits of their updates."""

    variables: tuple[Variable, ...]
    cost: float

    def renamed(self, terms: Sequence[Term], other: Encoding) -> list[Term]:
        """Terms over this encoding's variables in those of another with the same values."""
        names: dict[str, Term] = {}
        for mine, theirs in zip(self.variables, other.variables, strict=True):
            names |= {mine.name: Var(theirs.name, INT), mine.name + "'": Var(theirs.name + "'", INT)}
        return [substitute(t, names) for t in terms]


def encoding(chosen: Sequence[Variable]) -> Encoding:
    """The encoding by some variables and all they need."""
    every = {v.name: v for member in chosen for v in member.closure()}
    return Encoding(tuple(every.values()), sum(v.cost + STATE_BITS for v in every.values()))


@dataclass(frozen=True)
class Unfolded:
    """The joint states reached: values by variable (joint), the table's state and the joint state after a symbol."""

    values: dict[str, IntArray]
    table: Rows
    after: Rows


def unfold(mealy: Mealy, domain: Domain, found: Encoding, *, most: int = 4096) -> Unfolded | None:
    """All joint values of an encoding beside the table, or None when there are more than `most`."""
    symbols = domain.symbols()
    inputs = {n: symbols[:, k] for k, n in enumerate(input_names(domain.arity))}
    names = [v.name for v in found.variables]
    start = (0, *(v.initial for v in found.variables))
    number, frontier, after = {start: 0}, [start], []
    order = [start]
    while frontier:
        rows = np.array(frontier)
        columns = {n: np.tile(c, len(rows)) for n, c in inputs.items()}
        columns |= {n: np.repeat(rows[:, k + 1], len(symbols)) for k, n in enumerate(names)}
        new = [np.broadcast_to(evaluate_batch(v.update, columns), (len(rows) * len(symbols),)) for v in found.variables]
        reached = np.stack([mealy.next[rows[:, 0]].ravel(), *new], axis=1)
        frontier = []
        for row in map(tuple, reached.tolist()):
            if row not in number:
                number[row] = len(number)
                frontier.append(row)
            after.append(number[row])
        order += frontier
        if len(number) > most:
            return None
    table = np.array(order)
    values = {n: np.ascontiguousarray(table[:, k + 1]) for k, n in enumerate(names)}
    return Unfolded(values, table[:, 0], np.array(after).reshape(len(order), -1))


@dataclass(frozen=True, eq=False)
class Candidates:
    """Updates as tables (candidate, own value, row) in order of cost, with their terms on demand."""

    tables: IntArray
    cost: Rows
    term: Callable[[int], Term]


@dataclass(frozen=True, eq=False)
class Frame:
    """What candidates are walked beside: a machine whose states know the bases' values, and the table's state.

    `rows` lists what an update can read besides its own value, `index` which row stands at (state, symbol).
    """

    bases: tuple[Variable, ...]
    after: Rows
    truth: Rows
    context: Rows
    rows: IntArray
    index: Rows
    values: tuple[Rows, ...]

    def told_by(self, labels: Sequence[Rows]) -> bool:
        """Whether labels of the states determine the table's state beside the bases, and follow by the symbols."""
        own = np.stack([self.context, *labels], axis=1)
        _, block = np.unique(own, axis=0, return_inverse=True)
        both = np.unique(np.stack([block.ravel(), self.truth], axis=1), axis=0)
        moved = np.unique(np.concatenate([block.reshape(-1, 1), block.ravel()[self.after]], axis=1), axis=0)
        return len(both) == len(moved) == int(block.max()) + 1


def visible(mealy: Mealy, frame: Frame) -> list[Rows]:
    """Labels of a frame's states read off the outputs: on one symbol, or with a base's value added or taken away."""
    columns: dict[bytes, Rows] = {}
    for k in range(mealy.output.shape[2]):
        for symbol in range(mealy.output.shape[1]):
            shown = mealy.output[frame.truth, symbol, k]
            later = mealy.output[frame.truth[frame.after[:, symbol]], symbol, k]
            for column in (shown, *(c for b in frame.values for c in (b - shown, shown - b, shown + b)), later):
                if (column != column[0]).any():
                    columns.setdefault(column.tobytes(), column)
    return list(columns.values())[:MOST_SHOWN]


@dataclass
class Proposer:
    """Variables found so far for one table, and the counts that bound the work."""

    mealy: Mealy
    domain: Domain
    constants: tuple[int, ...]
    initials: tuple[int, ...]
    low: int = -2
    tried: int = 0
    pool: list[Variable] = field(default_factory=list)
    closed: dict[int, tuple[Variable, Forms, int]] = field(default_factory=dict)
    alike: dict[bytes, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def frame(self, bases: Sequence[Variable]) -> Frame | None:
        """The table unfolded by the bases' values, or None when that is too large."""
        joint = unfold(self.mealy, self.domain, encoding(bases), most=MOST_UNFOLDED)
        if joint is None:
            return None
        symbols, size = self.domain.symbols(), len(joint.table)
        columns = [np.tile(symbols, (size, 1))]
        columns += [np.repeat(joint.values[b.name], len(symbols))[:, None] for b in bases]
        rows, index = np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)
        labels = [joint.values[b.name] for b in bases] or [np.zeros(size, dtype=np.int64)]
        _, context = np.unique(np.stack(labels, axis=1), axis=0, return_inverse=True)
        known = tuple(joint.values[b.name] for b in bases)
        return Frame(tuple(bases), joint.after, joint.table, context.ravel(), rows, index.reshape(size, -1), known)

    def singles(self, frame: Frame, *, high: int, max_cost: int, candidates: int) -> list[Encoding]:
        """Variables over the inputs and the bases; the encodings that they complete, cheapest first."""
        span = np.arange(self.low, high + 1)
        found: list[tuple[float, int, int, int, Rows, int]] = []
        sources = [self._enumerated(frame, span, max_cost, candidates), *self._templates(frame, span)]
        for number, source in enumerate(sources):
            for initial in self.initials:
                labels = np.empty((len(source.tables), len(frame.after)), dtype=np.int64)
                verdicts = np.zeros(len(source.tables), dtype=np.int64)
                walk_singles(
                    source.tables, frame.index, frame.context, frame.truth, frame.after, initial, self.low, labels,
                    verdicts,
                )  # fmt: skip
                self.tried += len(verdicts)
                moving = (verdicts != DECODABLE) | (labels != labels[:, :1]).any(axis=1)
                for k in np.flatnonzero((verdicts > 0) & moving).tolist():
                    found.append((float(source.cost[k]), number, k, initial, labels[k], int(verdicts[k])))
        if not frame.bases:
            self._collect(sources, frame)
        found.sort(key=lambda f: (f[0], f[1], f[2], abs(f[3])))
        enough = [f for f in found if f[5] & DETERMINES][:MOST_KEPT]
        partial = [f for f in found if not f[5] & DETERMINES][:MOST_KEPT]
        return self._keep(sources, [*enough, *partial], frame)

    def _enumerated(self, frame: Frame, span: IntArray, max_cost: int, candidates: int) -> Candidates:
        rows = frame.rows
        grid = [np.repeat(span, len(rows)), *(np.tile(c, len(span)) for c in rows.T)]
        names = [Var(OWN, INT), *self._names(frame.bases)]
        updates = enumerate_updates(
            names, grid, self.constants, max_cost=max_cost, limit=candidates, candidates=candidates
        )
        tables = updates.values.reshape(len(updates), len(span), len(rows))
        live = np.flatnonzero((tables != tables[:, :1, :1]).any(axis=(1, 2)))
        return Candidates(np.ascontiguousarray(tables[live]), updates.cost[live], lambda k: updates.term(int(live[k])))

    def _templates(self, frame: Frame, span: IntArray) -> Iterator[Candidates]:
        """Templates, and two of them joined by a test, in parts that fit in memory."""
        names = self._names(frame.bases)
        plain = templates(Var(OWN, INT), names, span, frame.rows)
        checks = tests(Var(OWN, INT), names, span, frame.rows)
        values, price = np.stack([t.values for t in plain]), np.array([t.cost for t in plain])
        yield Candidates(values, price, lambda k: plain[k].term)
        total = np.array([t[2] for t in checks])[:, None, None] + (price[:, None] + price)[None] + 5
        order = np.argsort(total, axis=None, kind="stable")[:MOST_CONDITIONAL]
        truth = np.stack([t[1] for t in checks])
        length = max(1, MOST_TABLE // values[0].size)
        for start in range(0, len(order), length):
            part = order[start : start + length]
            c, a, b = np.unravel_index(part, total.shape)
            tables = np.where(truth[c], values[a], values[b])
            term = functools.partial(_conditional, checks, plain, c, a, b)
            yield Candidates(tables, total.ravel()[part], term)

    def _collect(self, sources: Sequence[Candidates], frame: Frame) -> None:
        """The automata of closed updates, the cheapest update for each."""
        found: list[tuple[int, int, int, int, int, Forms, int]] = []
        for number, source in enumerate(sources):
            tables = np.ascontiguousarray(source.tables[:, :, frame.index[0]])
            for initial in self.initials:
                forms = np.empty((len(tables), MOST_VALUES, tables.shape[2]), dtype=np.int8)
                sizes, hashes = (np.empty(len(tables), dtype=np.int64) for _ in range(2))
                automata(tables, initial, self.low, MOST_VALUES, forms, sizes, hashes)
                _, first = np.unique(hashes, return_index=True)
                for k in first[sizes[first] > 0].tolist():
                    place = (int(source.cost[k]) + int(value_bits(initial)), number, k, initial, int(hashes[k]))
                    found.append((*place, forms[k], int(sizes[k])))
        found.sort(key=lambda f: f[:4])
        for cost, number, k, initial, key, form, size in found:
            if key not in self.closed and len(self.closed) < MOST_CLOSED:
                variable = self._variable(sources[number].term(k), initial, cost, None, ())
                self.closed[key] = (variable, form, size)

    def _variable(
        self, term: Term, initial: int, cost: float, labels: Rows | None, bases: Sequence[Variable]
    ) -> Variable:
        name, read = f"v{next(self.numbers)}", variables(term)
        needs = tuple(b for b in bases if b.name in read)
        return Variable(name, substitute(term, {OWN: Var(name, INT)}), initial, cost, labels, needs)

    def _keep(
        self, sources: Sequence[Candidates], found: list[tuple[float, int, int, int, Rows, int]], frame: Frame
    ) -> list[Encoding]:
        complete: list[Encoding] = []
        onto_table = len(frame.after) == self.mealy.size
        for cost, number, k, initial, labels, verdict in found:
            decodable = bool(verdict & DECODABLE) and onto_table
            if verdict & DECODABLE:
                key = _first_seen(labels).tobytes()
                if self.alike.get(key, 0) >= (COMPLETE_ALIKE if verdict & DETERMINES else ALIKE):
                    continue
                self.alike[key] = self.alike.get(key, 0) + 1
            elif len(complete) >= MOST_COMPLETE:
                continue
            ordered = labels if not onto_table or not decodable else labels[np.argsort(frame.truth)]
            term = sources[number].term(k)
            variable = self._variable(term, initial, cost, ordered if decodable else None, frame.bases)
            if frame.bases and not variable.needs:
                continue
            if decodable:
                self.pool.append(variable)
            if verdict & DETERMINES:
                complete.append(encoding([*frame.bases, variable]))
        return complete

    def products(self, most: int) -> list[Encoding]:
        """Sets of two or three variables, each closed by itself, that determine the state; cheapest first."""
        found = list(self.closed.values())
        if not found:
            return []
        sizes = np.array([size for _, _, size in found])
        forms = np.stack([form for _, form, _ in found])
        complete = []
        alone = np.zeros(len(forms), dtype=np.bool_)
        for width in (2, 3):
            hits = np.empty((most, 3), dtype=np.int64)
            count = walk_products(forms, sizes, self.mealy.next, width, MOST_INNER, alone, hits)
            for row in hits[:count].tolist():
                complete.append(encoding([found[k][0] for k in row if k >= 0]))
        return sorted(complete, key=lambda e: e.cost)

    def pairs(
        self, frame: Frame, *, high: int, candidates: int, max_cost: int, most_steps: int, most_hits: int = 40
    ) -> list[Encoding]:
        """Encodings by two variables that may read each other, besides decodable bases."""
        rows, bases = frame.rows, frame.bases
        span = np.arange(self.low, high + 1)
        first, second = (g.ravel() for g in np.meshgrid(span, span, indexing="ij"))
        grid = [np.repeat(first, len(rows)), np.repeat(second, len(rows))]
        grid += [np.tile(c, len(first)) for c in rows.T]
        given = [Var(OWN, INT), Var(OTHER, INT), *self._names(bases)]
        updates = enumerate_updates(
            given, grid, self.constants, max_cost=max_cost, limit=candidates, candidates=candidates
        )
        tables = updates.values.reshape(len(updates), len(span), len(span), len(rows))
        live = np.flatnonzero((tables != tables[:, :1, :1, :1]).any(axis=(1, 2, 3)))
        tables, cost = np.ascontiguousarray(tables[live]), updates.cost[live]
        starts = np.searchsorted(cost, np.arange(int(cost.max(initial=0)) + 2))
        complete: list[Encoding] = []
        for a, b in itertools.combinations_with_replacement(self.initials[:3], 2):
            hits = np.empty((most_hits, 3), dtype=np.int64)
            count, steps = walk_pairs(
                tables,
                starts,
                frame.index,
                frame.context,
                frame.truth,
                frame.after,
                (a, b),
                self.low,
                most_steps,
                2 * max_cost,
                hits,
            )
            self.tried += steps
            for i, j, _ in hits[:count].tolist():
                complete.append(self._pair(updates, (int(live[i]), int(live[j])), (a, b), bases))
        return sorted(complete, key=lambda e: e.cost)

    def _pair(
        self, updates: Updates, rows: tuple[int, int], initials: tuple[int, int], bases: Sequence[Variable]
    ) -> Encoding:
        names = [f"v{next(self.numbers)}", f"v{next(self.numbers)}"]
        found = []
        for k in (0, 1):
            renaming: dict[str, Term] = {OWN: Var(names[k], INT), OTHER: Var(names[1 - k], INT)}
            term = substitute(updates.term(rows[k]), renaming)
            found.append(Variable(names[k], term, initials[k], float(updates.cost[rows[k]])))
        return encoding([*bases, *found])

    def _names(self, bases: Sequence[Variable]) -> list[Var]:
        return [*(Var(n, INT) for n in input_names(self.domain.arity)), *(Var(b.name, INT) for b in bases)]

    def sets(self, most: int) -> list[Encoding]:
        """Sets of two or three decodable variables that tell all states apart, cheapest first."""
        found = []
        ranked = sorted(self.pool, key=lambda v: encoding([v]).cost)[:60]
        for width, ranking in ((2, ranked), (3, ranked[:24])):
            for chosen in itertools.combinations(ranking, width):
                made = encoding(chosen)
                if len(made.variables) == width:
                    found.append(made)
        found.sort(key=lambda e: e.cost)
        complete = (e for e in found if self._separates(e))
        return list(itertools.islice(complete, most))

    def _separates(self, made: Encoding) -> bool:
        key = np.zeros(self.mealy.size, dtype=np.int64)
        for v in made.variables:
            assert v.labels is not None
            key = key * 1009 + v.labels
        return len(np.unique(key)) == self.mealy.size


def _conditional(checks: Sequence[Test], plain: Sequence[Template], c: Rows, a: Rows, b: Rows, k: int) -> Term:
    return conditional(checks[c[k]], plain[a[k]], plain[b[k]])


def _first_seen(kernel: Rows) -> Rows:
    """Block numbers in order of first appearance."""
    _, first, inverse = np.unique(kernel, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.ravel()]
