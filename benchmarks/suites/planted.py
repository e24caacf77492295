"""Random machine programs to be recovered: one to three integer state variables, few reachable states.

Half of them compose *templates* (counters, saturating counters, shift registers, running extremes, flags, latches, with
conditions, resets and holds); half have *terms* drawn from the grammar as updates. An update may read any other
variable, so variables can depend on each other in circles. Drawn again until the machine is worth recovering: its
minimal Mealy machine has 2 to 64 states and depends on the inputs, and freezing any one variable at its initial
value changes the behaviour. The program kept is in normal form.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dsl.ops import apply
from dsl.programs import Machine, State, program_size
from dsl.rewrites import normalise
from dsl.terms import Term, Var, constant, variables
from dsl.types import INT, IntType
from extract.abstract.mealy import Mealy
from extract.abstract.minimal import equal, mealy_of, renamed
from extract.search.assemble import input_names, input_variables, typed
from verify.domain import Domain

KINDS = ("templates", "terms")
MOST_STATES, MOST_PROGRAM_STATES = 64, 256
MOST_OPERATORS = {1: 8, 2: 10, 3: 12}
NAMES: tuple[str, ...] = ("s", "t", "u")


@dataclass(frozen=True)
class Planted:
    """A machine program and the table made of it: minimal, its states in random order."""

    name: str
    kind: str
    program: Machine
    domain: Domain
    mealy: Mealy

    @property
    def operators(self) -> int:
        """Size of the program."""
        return program_size(self.program)


def planted(count: int, *, seed: int) -> list[Planted]:
    """Machines by turns of 1, 2 and 3 variables and of both kinds; the k-th depends on the seed and k alone."""
    return list(itertools.islice(endless(seed=seed), count))


def endless(*, seed: int) -> Iterator[Planted]:
    """The same machines one by one, without end."""
    for k in itertools.count():
        rng = np.random.default_rng([seed, k])
        kind, width = KINDS[k % 2], 1 + k // 2 % 3
        program, domain, mealy = plant(kind, width, rng=rng)
        yield Planted(f"{kind}_{width}_{k}", kind, program, domain, renamed(mealy, rng=rng))


def plant(kind: str, width: int, *, rng: np.random.Generator) -> tuple[Machine, Domain, Mealy]:
    """One machine worth recovering with `width` state variables, its domain and its minimal table."""
    while True:
        domain = _domain(rng)
        draw = _Draw(domain, NAMES[:width], rng)
        updates, initials, output = draw.templates() if kind == "templates" else draw.terms()
        worth = _worth(domain, updates, initials, output)
        if worth is not None:
            return worth[0], domain, worth[1]


def _domain(rng: np.random.Generator) -> Domain:
    """2 to 6 symbols, in one component or two."""
    if rng.random() < 0.15:
        return Domain(((0, 1), (0, int(rng.integers(1, 3)))), 12)
    low = int(rng.choice([0, 0, 0, 0, -1, 1]))
    return Domain(((low, low + int(rng.integers(1, 6))),), 12)


def _worth(
    domain: Domain, updates: Sequence[Term], initials: Sequence[int], output: Term
) -> tuple[Machine, Mealy] | None:
    """The machine in normal form with its table, if it is worth recovering."""
    names = NAMES[: len(updates)]
    if not set(names) <= {n.removesuffix("'") for t in (*updates, output) for n in variables(t)}:
        return None
    raw = _untyped(domain, names, initials, updates, output)
    mealy = mealy_of(raw, domain, max_states=MOST_PROGRAM_STATES)
    if mealy is None or not 2 <= mealy.size <= MOST_STATES or _autonomous(mealy):
        return None
    kind = IntType(int(mealy.output.min()), int(mealy.output.max()))
    first, drawn = dict(zip(names, initials, strict=True)), dict(zip(names, updates, strict=True))
    program = normalise(typed(domain, (kind,), first, drawn, (output,), name="planted"))
    assert isinstance(program, Machine)
    if len(program.states) != len(updates) or program_size(program) > MOST_OPERATORS[len(updates)]:
        return None
    for k, name in enumerate(names):
        still = [Var(name, INT) if k == other else update for other, update in enumerate(updates)]
        idle = mealy_of(_untyped(domain, names, initials, still, output), domain, max_states=MOST_PROGRAM_STATES)
        if idle is not None and equal(idle, mealy):
            return None
    return program, mealy


def _untyped(
    domain: Domain, names: Sequence[str], initials: Sequence[int], updates: Sequence[Term], output: Term
) -> Machine:
    """The machine with unbounded state variables: types may be inferred once it is known that it is finite."""
    states = tuple(State(n, INT, i, u) for n, i, u in zip(names, initials, updates, strict=True))
    return Machine("planted", input_variables(domain), (INT,), states, (), (output,))


def _autonomous(mealy: Mealy) -> bool:
    """Whether the states run through do not depend on the inputs."""
    return bool((mealy.next == mealy.next[:, :1]).all())


def _op(name: str, *args: Term | int) -> Term:
    return apply(name, tuple(constant(a) if isinstance(a, int) else a for a in args))


class _Draw:
    """Random updates, initial values and output over one domain."""

    def __init__(self, domain: Domain, names: Sequence[str], rng: np.random.Generator) -> None:
        self.rng, self.names = rng, names
        self.inputs = [Var(n, INT) for n in input_names(domain.arity)]
        self.ranges = domain.ranges
        self.states = [Var(n, INT) for n in names]

    def pick(self, *choices: str, weights: Sequence[float] | None = None) -> str:
        p = None if weights is None else np.array(weights) / sum(weights)
        return str(self.rng.choice(choices, p=p))

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def input(self) -> tuple[Var, int, int]:
        """An input and its range."""
        k = self.integer(0, len(self.inputs) - 1)
        return self.inputs[k], *self.ranges[k]

    # --- compositions of templates

    def templates(self) -> tuple[list[Term], list[int], Term]:
        """Updates by template, wrapped in conditions; the output joins all variables."""
        drawn = [self.template(k) for k in range(len(self.names))]
        return [u for u, _ in drawn], [i for _, i in drawn], self.joined()

    def condition(self, own: int) -> Term:
        """A test of an input or of another variable."""
        others = [v for k, v in enumerate(self.states) if k != own]
        if others and self.rng.random() < 0.4:
            other = others[self.integer(0, len(others) - 1)]
            return _op(self.pick("==", "<", ">", "!="), other, self.integer(0, 2))
        x, low, high = self.input()
        if high - low == 1 or self.rng.random() < 0.5:
            return _op("==", x, self.integer(low, high))
        return _op(self.pick("<", ">"), x, self.integer(low + 1, high - 1) if high - low > 1 else low)

    def source(self, own: int) -> Term:
        """What an update takes in: an input, or another variable."""
        others = [v for k, v in enumerate(self.states) if k != own]
        if others and self.rng.random() < 0.35:
            return others[self.integer(0, len(others) - 1)]
        return self.input()[0]

    def template(self, own: int) -> tuple[Term, int]:
        """One update and its initial value."""
        s, initial = self.states[own], 0
        kind = self.pick("modular", "saturating", "up_down", "shift", "delay", "extreme", "flag", "toggle", "latch")
        if kind == "modular":
            modulus = self.integer(2, 7)
            step: Term | int = [1, self.integer(1, modulus - 1), self.source(own)][self.integer(0, 2)]
            update = _op("mod", _op("+", s, step), modulus)
        elif kind == "saturating":
            step = 1 if self.rng.random() < 0.5 else self.source(own)
            update = _op("min", _op("+", s, step), self.integer(2, 7))
        elif kind == "up_down":
            up, down = _op("min", _op("+", s, 1), self.integer(2, 5)), _op("max", _op("-", s, 1), 0)
            update = _op("if", self.condition(own), up, down)
        elif kind == "shift":
            update = _op("mod", _op("+", _op("*", s, 2), self.source(own)), 2 ** self.integer(2, 3))
        elif kind == "delay":
            update = self.source(own)
        elif kind == "extreme":
            name = self.pick("max", "min")
            _, low, high = self.input()
            update, initial = _op(name, s, self.source(own)), high if name == "min" else low
        elif kind == "flag":
            update = _op("if", self.condition(own), 1, s)
        elif kind == "toggle":
            update = _op("if", self.condition(own), _op("-", 1, s), s)
        else:
            update = _op("if", self.condition(own), self.source(own), s)
        wrap = self.rng.random()
        if wrap < 0.2:
            update = _op("if", self.condition(own), initial, update)
        elif wrap < 0.35 and kind in ("modular", "saturating", "shift", "extreme"):
            update = _op("if", self.condition(own), update, s)
        return update, initial

    def joined(self) -> Term:
        """An output over all variables, each in its old or its new value."""
        parts: list[Term] = [Var(n + "'", INT) if self.rng.random() < 0.7 else Var(n, INT) for n in self.names]
        parts = [parts[k] for k in self.rng.permutation(len(parts))]
        if len(parts) == 1:
            parts += [[self.input()[0], constant(self.integer(1, 3))][self.integer(0, 1)]] * self.integer(0, 1)
        while len(parts) > 1:
            a, b = parts.pop(), parts.pop()
            kind = self.pick("+", "-", "*", "max", "min", "==", "<", "if")
            if kind == "if":
                parts.append(_op("if", _op(self.pick("==", ">"), a, self.integer(0, 1)), b, self.input()[0]))
            elif kind in ("==", "<"):
                parts.append(_op("int", _op(kind, a, b)))
            else:
                parts.append(_op(kind, a, b))
        return parts[0]

    # --- terms of the grammar

    def terms(self) -> tuple[list[Term], list[int], Term]:
        """Updates and output drawn from the grammar: any variable anywhere."""
        width = len(self.names)
        updates = [self.term(self.integer(0 if width > 1 else 1, 3), [*self.inputs, *self.states]) for _ in self.names]
        new = [Var(n + "'", INT) for n in self.names]
        output = self.term(self.integer(0, 3), [*self.inputs, *self.states, *new, *new])
        return updates, [self.integer(0, 1) for _ in self.names], output

    def term(self, size: int, leaves: Sequence[Term]) -> Term:
        """A random number with about `size` operators."""
        if size <= 0:
            return self.leaf(leaves)
        kind = self.pick("+", "-", "*", "min", "max", "abs", "mod", "div", "int", "if",
                         weights=(4, 4, 1, 2, 2, 1, 4, 1, 2, 3))  # fmt: skip
        if kind == "abs":
            return _op("abs", self.term(size - 1, leaves))
        if kind in ("mod", "div"):
            return _op(kind, self.term(size - 1, leaves), self.integer(2, 6 if kind == "mod" else 3))
        if kind == "int":
            return _op("int", self.truth(size - 1, leaves))
        if kind == "if":
            size -= 2
            test = self.truth(1, leaves)
            first = self.integer(0, max(size, 0))
            return _op("if", test, self.term(first, leaves), self.term(size - first, leaves))
        first = self.integer(0, size - 1)
        left, right = self.term(first, leaves), self.term(size - 1 - first, leaves)
        if self.rng.random() < 0.25:
            right = constant(self.integer(1, 5))
        return _op(kind, left, right)

    def truth(self, size: int, leaves: Sequence[Term]) -> Term:
        """A random comparison with about `size` operators."""
        left = self.term(size - 1, leaves)
        right = constant(self.integer(0, 4)) if self.rng.random() < 0.5 else self.leaf(leaves)
        return _op(self.pick("==", "<", "<=", "!="), left, right)

    def leaf(self, leaves: Sequence[Term]) -> Term:
        return leaves[self.integer(0, len(leaves) - 1)]
