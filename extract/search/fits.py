"""One-step synthesis of what an encoding leaves open: the outputs, and the updates of variables that outputs show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsl.terms import Term
from extract.search.small.smallest import CAPACITY, Smallest
from extract.search.variables import Variable
from verify.domain import IntArray

DEEPEST = max(CAPACITY)


class Fit:
    """The terms wanted under one encoding (outputs, and updates of variables still or anew), each under search.

    Posed on the steps of some words at first; `exact` once it is posed on all steps that are reached.
    """

    def __init__(
        self, variables: tuple[Variable, ...], columns: Mapping[str, IntArray], wanted: Mapping[str, IntArray],
        constants: Sequence[int],
    ) -> None:  # fmt: skip
        self.variables, self.constants, self.exact = variables, constants, False
        self.given = sum(v.size for v in variables if v.name + "'" not in wanted)
        self.searches = self._posed(columns, wanted)

    def _posed(self, columns: Mapping[str, IntArray], wanted: Mapping[str, IntArray]) -> dict[str, Smallest]:
        """One search per term; an update reads no new values."""
        old = {n: c for n, c in columns.items() if not n.endswith("'")}
        return {n: Smallest(old if n.endswith("'") else columns, t, self.constants) for n, t in wanted.items()}

    def restart(self, columns: Mapping[str, IntArray], wanted: Mapping[str, IntArray]) -> None:
        """Search on all steps, as deep as before."""
        depths = {n: s.depth for n, s in self.searches.items()}
        self.searches, self.exact = self._posed(columns, wanted), True
        for n, search in self.searches.items():
            while search.depth < depths[n] and not search.spent:
                search.deepen()

    @property
    def names(self) -> tuple[str, ...]:
        """What terms are wanted: new values and outputs."""
        return tuple(self.searches)

    def give_up(self) -> None:
        """Search no further."""
        self.searches = {}

    @property
    def depth(self) -> int:
        """The least depth of the searches that go on."""
        return min((s.depth for s in self.searches.values() if not s.spent), default=DEEPEST)

    @property
    def due(self) -> int:
        """How many searches take the next step."""
        depth = self.depth
        return sum(s.depth == depth and not s.spent for s in self.searches.values())

    @property
    def lower(self) -> int:
        """Operators of a machine not yet seen, at least."""
        return self.given + sum(min(s.lower, s.size) for s in self.searches.values())

    @property
    def size(self) -> int:
        """Operators of the best terms and the updates."""
        return self.given + sum(s.size for s in self.searches.values())

    @property
    def spent(self) -> bool:
        """Whether there is nothing left to try."""
        return all(s.spent for s in self.searches.values())

    def deepen(self) -> bool:
        """Take one step where it is due; whether something smaller was found."""
        before, depth = self.size, self.depth
        for search in self.searches.values():
            if search.depth == depth and not search.spent:
                search.deepen()
        return self.size < before

    def terms(self) -> dict[str, Term] | None:
        """The best terms, when all are found."""
        found = {n: s.best for n, s in self.searches.items() if s.best is not None}
        return found if len(found) == len(self.searches) else None
