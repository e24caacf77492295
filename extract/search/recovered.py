"""The smallest machine found so far for a Mealy table; every one kept is proved equal to it by a walk over pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsl.cost import cost_bits
from dsl.programs import Machine, program_size
from dsl.rewrites import normalise
from dsl.terms import Term, Var, operator_count, substitute
from dsl.types import INT, Type
from extract.abstract.mealy import Mealy
from extract.abstract.minimal import equal, mealy_of
from extract.search.assemble import STATE_NAMES, input_names, typed
from extract.search.encode import state_table
from extract.search.questions import MOST_JOINT, needed_by
from extract.search.variables import Variable
from verify.domain import Domain

UNBOUNDED = 99
"""Operators that any machine found first may have."""


@dataclass
class Recovered:
    """The smallest machine found, its operators and bits, encodings fitted, and why the search stopped.

    Where no terms were found the machine is the table itself as a program, which has no size.
    """

    machine: Machine | None = None
    size: int | None = None
    cost: float = float("inf")
    tried: int = 0
    stop: str = "nothing fits"


class Keeper:
    """Keeps the best of the machines offered that equal a table, whose outputs have these types."""

    def __init__(self, mealy: Mealy, domain: Domain, kinds: tuple[Type, ...]) -> None:
        self.mealy, self.domain, self.kinds = mealy, domain, kinds
        self.best = Recovered()
        self.members: tuple[Variable, ...] = ()
        """The variables of the best machine, each with its update as it was found."""

    @property
    def bound(self) -> int:
        """A machine of so many operators is none too large to be of use."""
        return UNBOUNDED if self.best.size is None else self.best.size

    def ended(self, stop: str | None) -> Recovered:
        """The best in the end, for that reason or because it was found; the table itself where there is none."""
        best = self.best
        best.stop = stop or ("found" if best.machine is not None else best.stop)
        best.machine = best.machine or state_table(self.mealy, self.domain, self.kinds)
        return best

    def offer(self, members: Sequence[Variable], terms: Mapping[str, Term], outputs: Sequence[Term]) -> bool:
        """Keep the machine by the variables that outputs depend on, with their updates or those among the terms, if it
        equals the table and is smaller than the best; whether that is so."""
        updates = {v.name: v.update for v in members if v.update is not None}
        updates |= {v.name: terms[v.name + "'"] for v in members if v.name + "'" in terms}
        needed = needed_by(outputs, updates)
        named, told = self._renamed([v for v in members if v.name in needed], updates, outputs)
        first, drawn = {v.name: v.initial for v in named}, {v.name: v.update for v in named if v.update is not None}
        machine = normalise(typed(self.domain, self.kinds, first, drawn, told, name="lifted"))
        assert isinstance(machine, Machine)
        size, cost = program_size(machine), cost_bits(machine)
        if self.best.size is None or (size, cost) < (self.best.size, self.best.cost):
            same = mealy_of(machine, self.domain, max_states=2 * MOST_JOINT)
            if same is not None and equal(same, self.mealy):
                self.best.machine, self.best.size, self.best.cost = machine, size, cost
                self.members = named
                return True
        return False

    def _renamed(
        self, members: Sequence[Variable], updates: Mapping[str, Term], outputs: Sequence[Term]
    ) -> tuple[tuple[Variable, ...], list[Term]]:
        """The variables under the names of states, each with its update, and the outputs over them."""
        inputs = input_names(self.domain.arity)
        names = dict(zip((v.name for v in members), (n for n in STATE_NAMES if n not in inputs), strict=False))
        renaming: dict[str, Term] = {v: Var(n, INT) for v, n in names.items()}
        renaming |= {v + "'": Var(n + "'", INT) for v, n in names.items()}
        drawn = {v.name: substitute(updates[v.name], renaming) for v in members}
        named = (
            Variable(names[v.name], drawn[v.name], v.initial, operator_count(drawn[v.name]), v.trace) for v in members
        )
        return tuple(named), [substitute(t, renaming) for t in outputs]
