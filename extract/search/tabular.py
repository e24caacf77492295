"""From a Mealy table whose states have no names to the smallest machine program found for it.

Encodings (`extract.search.encodings`) are deepened best-first: under each, the outputs are one-step synthesis problems.
Every machine kept is proved equal to the table by a walk over the reachable pairs; the one with fewest operators wins.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsl.cost import cost_bits
from dsl.programs import Machine, program_size
from dsl.rewrites import normalise
from dsl.terms import Term, Var, operator_count, substitute
from dsl.types import INT, Type
from extract.abstract.mealy import Mealy
from extract.abstract.minimal import equal, mealy_of
from extract.search.assemble import STATE_NAMES, input_names, typed
from extract.search.encodings import Encoding, Frame, Proposer, Variable, encoding, unfold, visible
from extract.search.joint import Rows
from extract.search.select import fit_term, term_cost
from extract.search.short import Short
from verify.budget import Deadline
from verify.domain import Domain, IntArray

OUTPUT_BITS = 4.0
NODE_BITS = 4.0
SLACK_BITS = 6.0
ENOUGH = 2
POLISH = 150_000
CONTEST = 300_000
MOST_FITTED = 90
INFORMATION = 8.0
VISIBLE, MOST_VISIBLE, VISIBLE_EACH = 5, 10, 300_000
MOST_JOINT = 4096


@dataclass(frozen=True)
class Effort:
    """Counts that bound the search, so that it does not depend on the speed of the machine."""

    candidates: int = 12_000_000
    each: int = 300_000


@dataclass
class Recovered:
    """The cheapest machine found, its bits, how many encodings were fitted, and why the search stopped."""

    machine: Machine | None = None
    size: int | None = None
    cost: float = float("inf")
    tried: int = 0
    stop: str = "nothing fits"
    fit: tuple[Encoding, Sequence[Term]] | None = None


def machine_from_table(
    mealy: Mealy, domain: Domain, kinds: tuple[Type, ...], *, deadline: Deadline, effort: Effort | None = None
) -> Recovered:
    """The cheapest machine found that equals the table on every word."""
    search = _Search(mealy, domain, kinds, deadline, effort or Effort())
    search.run()
    if deadline.passed:
        search.best.stop = "time limit"
    elif search.best.machine is not None:
        search.best.stop = "found"
    return search.best


class _Fit:
    """The outputs of one encoding under search, one component after the other."""

    def __init__(self, columns: dict[str, IntArray], targets: list[IntArray]) -> None:
        self.columns, self.targets = columns, targets
        self.terms: list[Term] = []
        self.bits = 0.0
        self.short: Short

    def open(self, constants: tuple[int, ...], candidates: int) -> None:
        """Begin with the next component."""
        self.short = Short(self.columns, self.targets[len(self.terms)], constants, candidates=candidates)

    @property
    def key(self) -> bytes:
        """Equal for encodings with the same values."""
        return np.unique(np.stack([*self.columns.values(), *self.targets]), axis=1).tobytes()


class _Search:
    def __init__(
        self, mealy: Mealy, domain: Domain, kinds: tuple[Type, ...], deadline: Deadline, effort: Effort
    ) -> None:
        self.mealy, self.domain, self.kinds, self.deadline, self.effort = mealy, domain, kinds, deadline, effort
        self.best = Recovered()
        self.estimate = float("inf")
        self.spent = 0
        self.log: list[str] = []

    @property
    def constants(self) -> tuple[int, ...]:
        ends = {v for pair in self.domain.ranges for v in pair}
        values = {int(self.mealy.output.min()), int(self.mealy.output.max())}
        found = {-1, 0, 1, 2, 3, 4, 5, 6, 7} | ends | values
        return tuple(sorted((c for c in found if abs(c) <= 64), key=lambda c: (abs(c), c)))

    def run(self) -> None:
        ends = sorted({v for pair in self.domain.ranges for v in pair} - {0, 1}, key=abs)
        initials = (0, 1, *ends, 2, 3)
        low = max(-8, min(-2, int(self.mealy.output.min()), *(low for low, _ in self.domain.ranges)))
        top = max(5, *(high for _, high in self.domain.ranges))
        if self.deadline.passed:
            return
        proposer = Proposer(self.mealy, self.domain, self.constants, tuple(dict.fromkeys(initials)), low)
        alone = proposer.frame(())
        assert alone is not None
        high = max(9, top + 1, min(self.mealy.size + 1, 40))
        self.fit([*proposer.singles(alone, high=high, max_cost=27, candidates=150_000), *proposer.products(60)], 3)
        if self.best.size is None or self.best.size > ENOUGH:
            found = self._cascades(proposer, top)
            found += proposer.pairs(alone, high=top, candidates=20_000, max_cost=20, most_steps=6_000_000)
            self.fit(found, 2)
        if self.best.size is None or self.best.size > VISIBLE:
            self.fit(self._visible(proposer), 1)
        self._polish()

    def _visible(self, proposer: Proposer) -> list[Encoding]:
        """Variables that the outputs show, as they are or beside a base, whatever their updates."""
        cheap = [v for v, _, _ in proposer.closed.values()][:6]
        found: list[Encoding] = []
        tries = 0
        for bases in [(), *((v,) for v in [*cheap, *proposer.pool[:4]])]:
            frame = proposer.frame(bases)
            if frame is None or self.deadline.passed:
                continue
            shown = visible(self.mealy, frame)
            for width in (1,) if bases else (1, 2):
                for labels in itertools.combinations(shown, width):
                    if tries < MOST_VISIBLE and frame.told_by(labels):
                        tries += 1
                        made = self._labelled(proposer, frame, labels)
                        found += [] if made is None else [made]
        return found

    def _labelled(self, proposer: Proposer, frame: Frame, labels: Sequence[Rows]) -> Encoding | None:
        """The encoding by the bases and these labels of the frame's states, if short updates are found."""
        symbols = self.domain.symbols()
        inputs = {n: np.tile(symbols[:, k], len(frame.after)) for k, n in enumerate(input_names(self.domain.arity))}
        names = [f"v{next(proposer.numbers)}" for _ in labels]
        values = {b.name: c for b, c in zip(frame.bases, frame.values, strict=True)} | dict(
            zip(names, labels, strict=True)
        )
        columns = inputs | {n: np.repeat(v, len(symbols)) for n, v in values.items()}
        made: list[Variable] = []
        for name in names:
            target = values[name][frame.after.ravel()]
            term = fit_term(columns, target, self.constants, self.deadline.left, effort=VISIBLE_EACH, max_cost=45.0)
            if term is None:
                return None
            made.append(Variable(name, term, int(values[name][0]), term_cost(term)))
        return encoding([*frame.bases, *made])

    def _cascades(self, proposer: Proposer, top: int) -> list[Encoding]:
        """Variables on top of one already found; where that explains nothing, on top of two."""
        cheap = [v for v, _, _ in proposer.closed.values()][:4]
        bases = {v.name: v for v in [*sorted(proposer.pool, key=_unexplained)[:9], *cheap]}
        found: list[Encoding] = []
        for base in bases.values():
            found += self._on([base], proposer, top)
        found += proposer.sets(40)
        if found or self.best.machine is not None:
            return found
        ranked = sorted(proposer.pool, key=_unexplained)[:8]
        for chosen in [*([v] for v in ranked if v.needs), *itertools.combinations(ranked, 2)]:
            closure = encoding(chosen).variables
            if len(closure) == 2:
                found += self._on(closure, proposer, top)
        return found + proposer.sets(40)

    def _on(self, bases: Sequence[Variable], proposer: Proposer, top: int) -> list[Encoding]:
        frame = None if self.deadline.passed else proposer.frame(bases)
        return [] if frame is None else proposer.singles(frame, high=max(8, top + 1), max_cost=22, candidates=40_000)

    def _polish(self) -> None:
        """The best machine's terms again, now with the fewest operators on the states that are reached."""
        if self.best.fit is None:
            return
        found, terms = self.best.fit
        fit = self._start(found)
        assert fit is not None
        before = {n: c for n, c in fit.columns.items() if not n.endswith("'")}
        variables = []
        for v in found.variables:
            term = self._fewest(before, fit.columns[v.name + "'"], v.update)
            variables.append(replace(v, update=term))
        outputs = [self._fewest(fit.columns, target, t) for target, t in zip(fit.targets, terms, strict=True)]
        self._keep(replace(found, variables=tuple(variables)), outputs)
        self._keep(replace(found, variables=tuple(variables)), terms)
        self._keep(found, outputs)

    def _fewest(self, columns: dict[str, IntArray], target: IntArray, known: Term) -> Term:
        short = Short(columns, target, self.constants, candidates=POLISH)
        while not short.spent and short.level <= 2 * operator_count(known) + 1:
            term = short.deepen()
            if term is not None:
                return term if operator_count(term) < operator_count(known) else known
        return known

    def fit(self, encodings: Sequence[Encoding], share: int) -> None:
        """Best-first over encodings: the one whose own bits and those of the outputs tried so far are fewest is
        deepened by one level, until the budget is spent or nothing can come close to the best."""
        waiting: list[tuple[float, int]] = []
        ranked = sorted(encodings, key=lambda e: e.cost)[:MOST_FITTED]
        fits: list[_Fit | None] = [None] * len(ranked)
        alike: dict[bytes, list[Encoding]] = {}
        for k, item in enumerate(ranked):
            heapq.heappush(waiting, (item.cost + OUTPUT_BITS, k))
        budget = self.spent + (self.effort.candidates - self.spent) // share
        if self.best.machine is not None:
            budget = min(budget, 2 * self.spent + CONTEST)
        while waiting and self.spent < budget and not self.deadline.passed:
            bits, k = heapq.heappop(waiting)
            if bits > self.estimate + SLACK_BITS:
                break
            fit = fits[k]
            if fit is None:
                fit = self._start(ranked[k])
                if fit is None:
                    continue
                alike.setdefault(fit.key, []).append(ranked[k])
                if len(alike[fit.key]) > 1:
                    continue
                fits[k] = fit
                self.best.tried += 1
            before = fit.short.run.candidates
            term = fit.short.deepen()
            self.spent += fit.short.run.candidates - before
            if term is not None:
                fit.terms.append(term)
                fit.bits += NODE_BITS * fit.short.level
                if len(fit.terms) == len(fit.targets):
                    self.estimate = min(self.estimate, ranked[k].cost + fit.bits)
                    for variant in alike[fit.key]:
                        self._keep(variant, ranked[k].renamed(fit.terms, variant))
                    fits[k] = None
                    budget = min(budget, 2 * self.spent + CONTEST)
                    continue
                fit.open(self.constants, self.effort.each)
            if fit.short.spent:
                fits[k] = None
                continue
            heapq.heappush(waiting, (ranked[k].cost + fit.bits + NODE_BITS * max(fit.short.level, 1), k))

    def _start(self, found: Encoding) -> _Fit | None:
        joint = unfold(self.mealy, self.domain, found, most=MOST_JOINT)
        if joint is None:
            return None
        symbols = self.domain.symbols()
        size, count = joint.after.shape
        columns = {n: np.tile(symbols[:, k], size) for k, n in enumerate(input_names(self.domain.arity))}
        for n, values in joint.values.items():
            columns[n] = np.repeat(values, count)
            columns[n + "'"] = values[joint.after.ravel()]
        targets = [self.mealy.output[joint.table, :, k].ravel() for k in range(self.mealy.output.shape[2])]
        fit = _Fit(columns, targets)
        fit.open(self.constants, self.effort.each)
        return fit

    def _keep(self, found: Encoding, outputs: Sequence[Term]) -> None:
        inputs = input_names(self.domain.arity)
        fresh = [n for n in STATE_NAMES if n not in inputs]
        names = {v.name: fresh[k] for k, v in enumerate(found.variables)}
        renaming: dict[str, Term] = {v: Var(n, INT) for v, n in names.items()}
        renaming |= {v + "'": Var(n + "'", INT) for v, n in names.items()}
        updates = {names[v.name]: substitute(v.update, renaming) for v in found.variables}
        initials = {names[v.name]: v.initial for v in found.variables}
        terms = [substitute(t, renaming) for t in outputs]
        machine = normalise(typed(self.domain, self.kinds, initials, updates, terms, name="lifted"))
        assert isinstance(machine, Machine)
        size, cost = program_size(machine), cost_bits(machine)
        if self.best.size is None or (size, cost) < (self.best.size, self.best.cost):
            same = mealy_of(machine, self.domain, max_states=2 * MOST_JOINT)
            if same is not None and equal(same, self.mealy):
                self.best.machine, self.best.size, self.best.cost = machine, size, cost
                self.best.fit = (found, outputs)
                self.log.append(f"{size} {cost:.0f} {int(self.spent / 1000)}k")


def _unexplained(v: Variable) -> float:
    """Bits of a variable less what it tells about the state, weighed: the order in which to build on variables."""
    assert v.labels is not None
    return encoding([v]).cost - INFORMATION * float(np.log2(len(np.unique(v.labels))))
