"""From chosen recurrences and output terms to a typed machine that a person can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsl.ops import apply
from dsl.programs import Machine, State
from dsl.rewrites import normalise
from dsl.semantics import initial_state, step
from dsl.terms import Apply, Term, Var, substitute
from dsl.types import INT, IntType, Type, fits, join, join_all, type_of
from extract.search.recurrences import Recurrence
from verify.domain import Domain

STATE_NAMES = ("s", "t", "u", "v", "w", "p", "q", "r", "m", "n")
OUTPUT = "output{}"
LARGEST_VALUE = 1 << 40
"""States that hold more have no bound worth finding; squares soon hold more digits than memory does."""
REACHABLE_STEPS = 6_000
PATIENCE = 40


def input_names(arity: int) -> tuple[str, ...]:
    """`x`; `a, b`; or `x0, x1, ...`."""
    return {1: ("x",), 2: ("a", "b")}.get(arity) or tuple(f"x{k}" for k in range(arity))


def input_variables(domain: Domain) -> tuple[Var, ...]:
    """The typed input variables of programs over a domain."""
    names = input_names(domain.arity)
    return tuple(Var(n, IntType(low, high)) for n, (low, high) in zip(names, domain.ranges, strict=True))


def output_types(ranges: Sequence[tuple[int | None, int | None]]) -> tuple[Type, ...]:
    """Declared output types; an open range is `int`."""
    return tuple(IntType(low, high) for low, high in ranges)


def assemble(
    domain: Domain, kinds: tuple[Type, ...], chosen: Sequence[Recurrence], outputs: Sequence[Term], *,
    name: str = "lifted",
) -> Machine:
    """The machine with the chosen recurrences (and what they need) as state and the given outputs.

    An update that names `output0` stands for that output's own term: a state that remembers the last output.
    """
    recurrences: dict[str, Recurrence] = {}
    for r in chosen:
        for item in r.closure():
            recurrences[item.name] = item
    inputs = input_variables(domain)
    taken = {v.name for v in inputs}
    fresh = (n for n in (*STATE_NAMES, *(f"s{k}" for k in range(len(recurrences)))) if n not in taken)
    names = {r: next(fresh) for r in recurrences}
    updates = _expanded_updates(recurrences, outputs)
    renaming: dict[str, Term] = {r: Var(n, INT) for r, n in names.items()}
    primes: dict[str, Term] = {r + "'": Var(n + "'", INT) for r, n in names.items()}
    updates = {r: substitute(u, renaming) for r, u in updates.items()}
    named = {names[r]: u for r, u in updates.items()}
    final = [_prefer_primes(substitute(t, renaming | primes), named) for t in outputs]
    initials = {names[r]: item.initial for r, item in recurrences.items()}
    machine = normalise(typed(domain, kinds, initials, named, final, name=name))
    assert isinstance(machine, Machine)
    return machine


def typed(
    domain: Domain, kinds: tuple[Type, ...], initials: Mapping[str, int], updates: Mapping[str, Term],
    outputs: Sequence[Term], *, name: str,
) -> Machine:
    """The machine with its state types inferred: exact where the states are few, else by intervals."""
    inputs = input_variables(domain)

    def build(types: Mapping[str, Type]) -> Machine:
        scope: dict[str, Term] = {v.name: v for v in inputs}
        scope |= {n: Var(n, t) for n, t in types.items()} | {n + "'": Var(n + "'", t) for n, t in types.items()}
        states = tuple(State(n, types[n], initials[n], substitute(updates[n], scope)) for n in updates)
        return Machine(name, inputs, kinds, states, (), tuple(substitute(t, scope) for t in outputs))

    free = build(dict.fromkeys(updates, INT))
    return build(_reached_types(free, domain) or _interval_types(free))


def _expanded_updates(recurrences: Mapping[str, Recurrence], outputs: Sequence[Term]) -> dict[str, Term]:
    """Updates over old values only: a new value `r'` is replaced by r's own update."""
    done: dict[str, Term] = {}
    primes: dict[str, Term] = {}
    pending: list[str] = []
    for name, r in recurrences.items():
        if isinstance(r.update, Var) and r.update.name.startswith("output"):
            pending.append(name)
            continue
        done[name] = substitute(r.update, primes)
        primes[name + "'"] = done[name]
    for name in pending:
        index = int(recurrences[name].update.name.removeprefix("output"))  # type: ignore[union-attr]
        done[name] = substitute(outputs[index], primes)
    return {name: done[name] for name in recurrences}


def _prefer_primes(term: Term, updates: Mapping[str, Term]) -> Term:
    """The output with any sub-term that is a state's update replaced by the state's new value."""
    for name, update in updates.items():
        if update == term:
            return Var(name + "'", INT)
    if isinstance(term, Apply):
        return apply(term.op, tuple(_prefer_primes(a, updates) if isinstance(a, Apply) else a for a in term.args))
    return term


def _reached_types(machine: Machine, domain: Domain) -> dict[str, Type] | None:
    """Types of the values in reachable states, or None when there are too many."""
    if domain.symbol_count > 64:
        return None
    symbols = [tuple(int(v) for v in row) for row in domain.symbols()]
    start = initial_state(machine)
    seen, frontier, steps = {start}, [start], 0
    while frontier:
        found = []
        for state in frontier:
            for symbol in symbols:
                steps += 1
                after = step(machine, state, symbol)[0]
                if after not in seen:
                    seen.add(after)
                    found.append(after)
            if any(isinstance(v, int) and abs(v) > LARGEST_VALUE for state in found for v in state):
                return None
            if steps > REACHABLE_STEPS:
                return None
        frontier = found
    return {s.name: join_all(type_of(state[k]) for state in seen) for k, s in enumerate(machine.states)}


def _interval_types(machine: Machine) -> dict[str, Type]:
    """The least intervals closed under the updates, widened to an open end where they keep growing."""
    types: dict[str, Type] = {s.name: type_of(s.initial) for s in machine.states}
    for round_ in range(PATIENCE + 3):
        scope: dict[str, Term] = {v.name: v for v in machine.inputs}
        scope |= {n: Var(n, t) for n, t in types.items()}
        grown: dict[str, Type] = {}
        for s in machine.states:
            joined = join(types[s.name], substitute(s.update, scope).type)
            assert joined is not None
            grown[s.name] = _widen(types[s.name], joined) if round_ >= PATIENCE else joined
        if all(fits(grown[n], types[n]) for n in types):
            return types
        types = grown
    return types


def _widen(before: Type, after: Type) -> Type:
    if isinstance(before, IntType) and isinstance(after, IntType):
        low = after.low if after.low == before.low else None
        return IntType(low, after.high if after.high == before.high else None)
    return after
