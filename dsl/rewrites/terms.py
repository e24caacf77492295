"""The normal form of a term: arguments first, then steps at the root until none applies.

A step proposes another way to write an application. *Simplifying* steps are taken only when the cost in bits falls;
*canonical* steps also when it stays, each having one result for all ways of writing that it knows. So the cost never
rises, and rewriting ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dsl.cost import constant_bits, operator_bits, variable_bits
from dsl.ops import apply
from dsl.rewrites import arithmetic, structure
from dsl.rewrites.rules import rewritten
from dsl.terms import Apply, Const, Term, Var

SLACK = 1e-9
"""Costs are sums of floats; differences below this are rounding."""


def normal_form(term: Term, scope_size: int = 4) -> Term:
    """The normal form; costs are those where `scope_size` names are in scope."""
    return Rewriter(scope_size).normal(term)


class Rewriters(dict[int, "Rewriter"]):
    """One rewriter per scope size."""

    def __missing__(self, scope_size: int) -> Rewriter:
        self[scope_size] = Rewriter(scope_size)
        return self[scope_size]


class Rewriter:
    """Rewrites terms at one scope size, remembering results."""

    def __init__(self, scope_size: int) -> None:
        self._variable = variable_bits(scope_size)
        self._known: dict[Term, Term] = {}
        self._costs: dict[Term, float] = {}
        self._active: set[Term] = set()

    def cost(self, term: Term) -> float:
        """The cost in bits at this scope size."""
        if isinstance(term, Var):
            return self._variable
        if term not in self._costs:
            own = constant_bits(term.value) if isinstance(term, Const) else operator_bits(term)
            self._costs[term] = own + (sum(map(self.cost, term.args)) if isinstance(term, Apply) else 0)
        return self._costs[term]

    def negation(self, term: Term) -> Term:
        """The normal form of `not term`."""
        return self.normal(apply("not", (term,)))

    def normal(self, term: Term) -> Term:
        """The normal form."""
        if not isinstance(term, Apply):
            return term
        if term not in self._known:
            if term in self._active:
                return term
            self._active.add(term)
            normal = self._normal(term)
            self._known[term] = self._known[normal] = normal
            self._active.discard(term)
        return self._known[term]

    def _normal(self, term: Apply) -> Term:
        args = tuple(map(self.normal, term.args))
        inner = term if all(a is b for a, b in zip(args, term.args, strict=True)) else apply(term.op, args)
        if inner is not term and inner in self._known:
            return self._known[inner]
        bits = self.cost(inner)
        for proposed, canonical in self._proposals(inner):
            change = self.cost(proposed) - bits
            if change < -SLACK or (canonical and change <= SLACK and proposed != inner):
                return self.normal(proposed)
        return inner

    def _proposals(self, term: Apply) -> Iterator[tuple[Term, bool]]:
        """Other ways to write the term, with whether they are canonical."""
        for rule, proposed in rewritten(term):
            yield proposed, rule.neutral
        for step, canonical in STEPS:
            proposed = step(term, self.cost)
            if proposed is not None:
                yield proposed, canonical
        for step, canonical in LOGICAL_STEPS:
            proposed = step(term, self.negation)
            if proposed is not None:
                yield proposed, canonical


Step = Callable[[Apply, Callable[[Term], float]], Term | None]

STEPS: tuple[tuple[Step, bool], ...] = (
    (structure.fold, False),
    (structure.single_value, False),
    (structure.known_element, False),
    (structure.dominated, False),
    (structure.factored, False),
    (arithmetic.sum_form, True),
    (arithmetic.comparison_form, True),
    (arithmetic.remainder_form, True),
    (arithmetic.quotient_form, False),
    (arithmetic.absolute_form, True),
)

LOGICAL_STEPS: tuple[tuple[Callable[[Apply, Callable[[Term], Term]], Term | None], bool], ...] = (
    (structure.known_condition, False),
    (structure.sorted_arguments, True),
)
