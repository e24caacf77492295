"""The normal form of a term: arguments first, then steps at the root until none applies.

A step proposes another way to write an application. *Simplifying* steps are taken only when the cost in bits falls;
*canonical* steps also when it stays, each having one result for all ways of writing that it knows. So the cost never
rises, and rewriting ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dsl.cost import term_bits
from dsl.errors import TypeMismatch
from dsl.ops import apply
from dsl.rewrites import arithmetic, structure
from dsl.rewrites.rules import rewritten
from dsl.terms import Apply, Term

SLACK = 1e-9
"""Costs are sums of floats; differences below this are rounding."""


def normal_form(term: Term, scope_size: int = 4) -> Term:
    """The normal form; costs are those where `scope_size` names are in scope."""
    return Rewriter(scope_size).normal(term)


class Rewriter:
    """Rewrites terms at one scope size, remembering results."""

    def __init__(self, scope_size: int) -> None:
        self.scope_size = scope_size
        self._known: dict[Term, Term] = {}
        self._costs: dict[Term, float] = {}
        self._active: set[Term] = set()

    def cost(self, term: Term) -> float:
        """The cost in bits at this scope size."""
        if term not in self._costs:
            self._costs[term] = term_bits(term, self.scope_size)
        return self._costs[term]

    def normal(self, term: Term) -> Term:
        """The normal form."""
        if not isinstance(term, Apply):
            return term
        if term not in self._known:
            if term in self._active:
                return term
            self._active.add(term)
            self._known[term] = self._normal(term)
            self._active.discard(term)
        return self._known[term]

    def _normal(self, term: Apply) -> Term:
        inner = apply(term.op, tuple(map(self.normal, term.args)))
        if inner != term and inner in self._known:
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
            try:
                proposed = step(term, self.cost)
            except TypeMismatch:
                continue
            if proposed is not None:
                yield proposed, canonical


Step = Callable[[Apply, Callable[[Term], float]], Term | None]

STEPS: tuple[tuple[Step, bool], ...] = (
    (structure.fold, False),
    (structure.single_value, False),
    (structure.known_condition, False),
    (structure.known_element, False),
    (structure.dominated, False),
    (arithmetic.sum_form, True),
    (arithmetic.comparison_form, True),
    (arithmetic.remainder_form, True),
    (arithmetic.quotient_form, False),
    (arithmetic.absolute_form, True),
    (structure.sorted_arguments, True),
)
