"""Candidate features: small recurrent variables, proposed by enumeration, kept when the network carries them.

A *recurrence* is `s' = u(s, inputs, other recurrences)` from an initial value. Update terms come from the bank
in order of cost; all are simulated on the recorded words at once; those stay whose values can be decoded from the
hidden state (`extract.abstract.evidence`). This is the step in which the network's inside guides the search:
undecodable recurrences, nearly all, are never looked at again; a few of the cheapest stay, at a higher price,
because a state can be there in a way that the test does not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dsl.terms import Term, Var, variables
from dsl.types import INT
from extract.abstract.evidence import Evidence
from extract.search.simulate import simulate
from extract.search.updates import enumerate_updates
from verify.budget import Deadline
from verify.domain import IntArray

OWN = "s"
CHEAP = 400
"""So many of the cheapest updates are kept in view even when the evidence is against them."""
VARIANTS = 2
"""So many recurrences may differ by their initial value or an affine map alone."""
SETTLED = 2
"""Streams that are constant from this step on tell the first steps apart and nothing else: they are left out."""
OUTSIDE = 300
"""So many of the cheapest updates are simulated one by one when they leave the range of the tables."""


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A simulated variable: values before (`old`) and after (`new`) each step, both of shape (words, time).

    `update` is over the variable itself (`name`), the inputs, and the recurrences it `needs` (`name` for their old
    value, `name'` for their new one). `cost` is in bits, without that of `needs`.
    """

    name: str
    update: Term
    initial: int
    old: IntArray
    new: IntArray
    cost: float
    needs: tuple[Recurrence, ...] = ()
    decodable: float = 1.0

    def closure(self) -> tuple[Recurrence, ...]:
        """The recurrence after everything it needs, each once."""
        found: dict[str, Recurrence] = {}
        for need in self.needs:
            for item in need.closure():
                found[item.name] = item
        found[self.name] = self
        return tuple(found.values())


THRESHOLD = 0.9
"""A stream decoded at least this well counts as present in the hidden state."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """How far to enumerate: bank size and cost, constants and initial values to try, range of the state tables.

    Enumeration stops at the deadline. `keep` recurrences are kept, and `keep_undecoded` of those not decoded, at
    `undecoded_bits` more.
    """

    max_cost: int
    limit: int
    constants: tuple[int, ...]
    initials: tuple[int, ...]
    state_low: int
    state_high: int
    deadline: Deadline
    keep: int = 40
    max_rows: int = 64
    keep_undecoded: int = 10
    undecoded_bits: float = 8.0


Found = tuple[Callable[[], Term], int, IntArray, IntArray, float, float]
"""An update on demand, its initial value, the values before and after each step, bits, and how well it is decoded."""


def propose(
    columns: dict[str, IntArray], proposal: Proposal, evidence: Evidence, *, prefix: str,
    needs: tuple[Recurrence, ...] = (), taken: Iterable[Recurrence] = (), rng: np.random.Generator,
) -> list[Recurrence]:
    """Decodable recurrences over the given columns (name -> (words, time)), cheapest first, distinct in values."""
    names = list(columns)
    points = np.stack([columns[n].ravel() for n in names], axis=1)
    rows, inverse = np.unique(points, axis=0, return_inverse=True)
    shape = next(iter(columns.values())).shape
    if len(rows) <= proposal.max_rows:
        found = _by_table(names, rows, inverse.reshape(shape), proposal, evidence)
    else:
        found = _direct(names, rows, columns, proposal, evidence, rng)
    return distinct(found, columns, proposal, prefix=prefix, needs=needs, taken=taken)


def distinct(
    found: Iterable[Found], columns: dict[str, IntArray], proposal: Proposal, *, prefix: str,
    needs: tuple[Recurrence, ...] = (), taken: Iterable[Recurrence] = (),
) -> list[Recurrence]:  # fmt: skip
    """The first of those found that differ from each other, from the columns and from those taken, as recurrences."""
    known = {_shape_key(r.old) for r in taken} | {_shape_key(c) for c in columns.values()}
    alike: dict[bytes, int] = {}
    kept: list[Recurrence] = []
    undecoded = 0
    for update, initial, old, new, cost, score in found:
        key, twin = _shape_key(old), _shape_key(new)
        decoded = score >= THRESHOLD
        if key in known or alike.get(twin, 0) >= VARIANTS or (not decoded and undecoded >= proposal.keep_undecoded):
            continue
        known.add(key)
        alike[twin] = alike.get(twin, 0) + 1
        undecoded += not decoded
        name = f"{prefix}{len(kept)}"
        price = cost if decoded else cost + proposal.undecoded_bits
        kept.append(Recurrence(name, _rename(update(), name), initial, old, new, price, needs, score))
        if len(kept) >= proposal.keep + undecoded:
            break
    return kept


def _by_table(
    names: list[str], rows: IntArray, index: NDArray[np.int64], proposal: Proposal, evidence: Evidence
) -> list[Found]:
    """Few input combinations: every update is a table over (state, row), and all are stepped at once."""
    span = np.arange(proposal.state_low, proposal.state_high + 1)
    grid = [np.repeat(span, len(rows)), *(np.tile(rows[:, k], len(span)) for k in range(rows.shape[1]))]
    terms = [Var(OWN, INT), *(Var(n, INT) for n in names)]
    updates = enumerate_updates(terms, grid, proposal.constants, max_cost=proposal.max_cost, limit=proposal.limit)
    tables = updates.values.reshape(len(updates), len(span), len(rows))
    driven = (tables != tables[:, :, :1]).any(axis=(1, 2))  # updates that depend on an input
    recursive = (tables != tables[:, :1]).any(axis=(1, 2))  # and on the state; else a delay, of an input only
    driven = np.flatnonzero(driven & (recursive | updates.plain))
    found: list[Found] = []
    chunk = max(1, 4_000_000 // index.size)
    columns = {n: rows[index, k] for k, n in enumerate(names)}
    for number, initial in enumerate(proposal.initials):
        if not proposal.state_low <= initial <= proposal.state_high:
            continue
        for start in range(0, len(driven), chunk):
            if proposal.deadline.passed:
                break
            part = driven[start : start + chunk]
            old, new = (np.empty((len(part), *index.shape), dtype=np.int64) for _ in range(2))
            inside, moving = (np.empty(len(part), dtype=bool) for _ in range(2))
            _step_tables(tables[part], index, initial, proposal.state_low, old, new, inside, moving)
            if start == 0 and number < 2:
                outside = [(updates.term(k), float(updates.cost[k])) for k in part[~inside][:OUTSIDE]]
                found += _simulated(outside, initial, columns, evidence)
            live = np.flatnonzero(inside & moving)
            if not len(live):
                continue
            scores = evidence.score(new[live])
            cheap = (scores >= THRESHOLD) | (live + start < CHEAP)
            for k, score in zip(live[cheap], scores[cheap], strict=True):
                term = partial(updates.term, int(part[k]))
                found.append((term, initial, old[k], new[k], float(updates.cost[part[k]]), float(score)))
    return sorted(found, key=lambda f: (f[4], abs(f[1])))


@njit(cache=True, nogil=True)
def _step_tables(
    tables: IntArray, index: IntArray, initial: int, low: int, old: IntArray, new: IntArray,
    inside: NDArray[np.bool_], moving: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Trajectories (candidates words time) of all tables; which never leave the state range, and which go on moving."""
    words, time = index.shape
    size = tables.shape[1]
    start = min(SETTLED, time - 1)
    for k in range(len(tables)):
        inside[k], moving[k] = True, False
        first = 0
        for w in range(words):
            state = initial
            for t in range(time):
                old[k, w, t] = state
                state = tables[k, state - low, index[w, t]]
                new[k, w, t] = state
                if w == 0 and t == start:
                    first = state
                elif t >= start and state != first:
                    moving[k] = True
                if state < low or state >= low + size:
                    inside[k] = False
                    break
            if not inside[k]:
                break


def _direct(
    names: list[str], rows: IntArray, columns: dict[str, IntArray], proposal: Proposal, evidence: Evidence,
    rng: np.random.Generator,
) -> list[Found]:
    """Many input combinations: candidates are told apart on a random grid and simulated one by one."""
    points = 192
    sample = rows[rng.integers(0, len(rows), size=points)]
    states = np.concatenate([
        rows[rng.integers(0, len(rows), size=points // 2), rng.integers(0, rows.shape[1], size=points // 2)],
        rng.integers(proposal.state_low, proposal.state_high + 1, size=points - points // 2),
    ])  # fmt: skip
    grid = [states, *(sample[:, k] for k in range(sample.shape[1]))]
    terms = [Var(OWN, INT), *(Var(n, INT) for n in names)]
    updates = enumerate_updates(terms, grid, proposal.constants, max_cost=proposal.max_cost, limit=proposal.limit)
    every = [(updates.term(k), float(updates.cost[k])) for k in range(len(updates))]
    entries = [(t, c) for t, c in every if variables(t) - {OWN} and (OWN in variables(t) or isinstance(t, Var))]
    found: list[Found] = []
    for start in range(0, len(entries), 256):
        if proposal.deadline.passed:
            break
        for k, initial in enumerate(proposal.initials):
            part = [(t, c) for t, c in entries[start : start + 256] if k == 0 or OWN in variables(t)]
            good = _simulated(part, initial, columns, evidence)
            found += [f for f in good if f[5] >= THRESHOLD or start == 0]
    found.sort(key=lambda f: (f[4], abs(f[1])))
    return found


def _simulated(
    terms: Sequence[tuple[Term, float]], initial: int, columns: dict[str, IntArray], evidence: Evidence
) -> list[Found]:
    """Each update simulated on its own, for states without bounds."""
    runs = [(term, cost, simulate(term, OWN, initial, columns)) for term, cost in terms]
    moving = [(t, cost, run) for t, cost, run in runs if run is not None and _moves(run[1])]
    if not moving:
        return []
    scores = evidence.score(np.stack([run[1] for _, _, run in moving]))
    scored = zip(moving, scores, strict=True)
    return [(partial(_same, t), initial, *run, cost, float(score)) for (t, cost, run), score in scored]


def _moves(new: IntArray) -> bool:
    """Whether values still differ after the first few steps."""
    late = new[:, min(SETTLED, new.shape[1] - 1) :]
    return bool((late != late[:1, :1]).any())


def _same(term: Term) -> Term:
    return term


def _shape_key(values: IntArray) -> bytes:
    """Equal for streams that differ by an affine map: they carry the same information."""
    flat = values.ravel() - values.min()
    flat = flat // (int(np.gcd.reduce(flat)) or 1)
    return min(flat.tobytes(), (flat.max() - flat).tobytes())


def _rename(term: Term, name: str) -> Term:
    from dsl.terms import substitute

    return substitute(term, {OWN: Var(name, INT)})


def delays(columns: dict[str, IntArray], evidence: Evidence, *, most: int) -> list[Recurrence]:
    """Chains of delays of each input, starting from 0, as long as the network remembers."""
    chains: list[Recurrence] = []
    for name, column in columns.items():
        source, value, needs = Var(name, INT), column, ()
        for depth in range(1, most + 1):
            old = np.concatenate([np.zeros_like(value[:, :1]), value[:, :-1]], axis=1)
            score = float(evidence.score(value[None])[0])
            if score < THRESHOLD:
                break
            chains.append(Recurrence(f"{name}_{depth}", source, 0, old, value, 3.0, needs, score))
            source, value, needs = Var(chains[-1].name, INT), old, (chains[-1],)
    return chains


def refreshed(pool: Sequence[Recurrence], columns: dict[str, IntArray]) -> list[Recurrence]:
    """The same recurrences simulated on other words; those that overflow are left out."""
    done: dict[str, Recurrence] = {}
    for r in (item for member in pool for item in member.closure()):
        if r.name in done:
            continue
        if any(n.name not in done for n in r.needs):
            continue
        known = available(columns, [done[n.name] for n in r.needs])
        run = simulate(r.update, r.name, r.initial, known)
        if run is not None:
            needs = tuple(done[n.name] for n in r.needs)
            done[r.name] = replace(r, old=run[0], new=run[1], needs=needs)
    return [done[r.name] for r in pool if r.name in done]


def available(columns: dict[str, IntArray], recurrences: Sequence[Recurrence]) -> dict[str, IntArray]:
    """The columns with the recurrences' old (`name`) and new (`name'`) values added."""
    extended = dict(columns)
    for r in recurrences:
        extended[r.name] = r.old
        extended[r.name + "'"] = r.new
    return extended
