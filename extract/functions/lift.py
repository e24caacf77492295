"""The search for a function: readings of the table in closed form, contested by enumeration, the cheapest kept.

Each output is sought alone, and outputs that are bits of one number together. Where every exact program is long, the
nearest short one is kept beside it, so that a network which did not learn a rule is told from one that did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dsl.cost import cost_bits, term_bits
from dsl.ops import apply
from dsl.programs import Function, Lets
from dsl.rewrites import normalise
from dsl.rewrites.terms import normal_form
from dsl.terms import Term, Var, constant, operator_count
from dsl.types import BoolType
from extract.distil.bases import bases
from extract.distil.boolean import readings, with_exceptions
from extract.distil.cubes import MOST_INPUTS
from extract.distil.planes import nearest_planes
from extract.distil.polynomial import nearest_linear, polynomials
from extract.distil.trees import exact_tree, table_term, tree_term
from extract.distil.wide import wide_readings
from extract.extraction import Progress
from extract.functions.table import Table, tabulate
from extract.search.assemble import output_types
from extract.search.constants import mined_constants
from extract.search.engine import Limits
from extract.search.engine.distil import linear_fit
from extract.search.select import fit
from verify.budget import Deadline
from verify.domain import IntArray
from verify.subject import Subject

SHORT_BITS = 80.0
"""An exact reading of numbers of at most so many bits is contested by a longer enumeration than others."""
EFFORT, SHORT_EFFORT, LONG_EFFORT, SUMS_EFFORT = 3_000_000, 1_000_000, 200_000, 300_000
"""Candidates where there is no exact reading yet, to contest a short one, a long one, and over sums."""
MOST_VARIABLES = 6
"""Enumeration over more inputs than these finds little that the closed forms do not."""
KNOWN = 1_000
"""The last rows of the table, counterexamples among them, that go into the reading of wide Boolean functions."""
NEAR_SHARE = 0.2
PLANE_SHARE = 0.9
"""On how many tabulated inputs a short function must be right to be told: among many answers, and among two."""
GAIN = 0.03
"""By how much a long function fitted to a sample must be right more often, on fresh inputs, than a short one."""
LONG_BITS = 150.0


@dataclass
class Lifted:
    """The best function so far; `agreement` is the share of tabulated inputs it is right on.

    `nearest` is a short function that is right on many inputs and not on all, where the exact one is long or has it as
    its base.
    """

    program: Function | None = None
    cost: float = float("inf")
    agreement: float = 0.0
    stop: str = "search budget used"
    tried: int = 0
    method: str = ""
    nearest: Function | None = None


class FunctionLifter:
    """One search for a function equal to a network."""

    def __init__(
        self, network: Subject, table: Table, deadline: Deadline, progress: Progress, *, rng: np.random.Generator
    ) -> None:
        self.network, self.table, self.deadline, self.progress, self.rng = network, table, deadline, progress, rng
        self.kinds = output_types(network.output_ranges)
        self.constants = mined_constants(network.domain.ranges, table.outputs, ())
        self.best = Lifted()
        self.bases: dict[int, Term] = {}
        self.methods: list[str] = []

    def search(self) -> Lifted:
        """The cheapest function found that is right on every tabulated input."""
        self._offer_joint()
        if self.best.program is not None:  # several outputs in one short form: none of them alone is shorter
            self.best.stop = f"found by {self.best.method}"
            return self.best
        terms = []
        for k in range(self.table.outputs.shape[1]):
            share = self.deadline.share(1 / (self.table.outputs.shape[1] - k))
            term = self._component(k, share)
            if term is None:
                break
            terms.append(term)
        if len(terms) == self.table.outputs.shape[1]:
            self._offer((), tuple(terms), ", ".join(dict.fromkeys(self.methods)))
        self._keep_nearest()
        if self.best.program is not None:
            self.best.stop = f"found by {self.best.method}"
        return self.best

    def again(self, inputs: IntArray, deadline: Deadline) -> Lifted:
        """Search anew with further inputs in the table."""
        self.table = self.table.with_rows(inputs, self.network.run(inputs[:, None])[:, 0])
        self.deadline, self.best, self.methods = deadline, Lifted(tried=self.best.tried), []
        return self.search()

    def _function(self, lets: Lets, outputs: tuple[Term, ...]) -> Function:
        plain = tuple(apply("int", (t,)) if isinstance(t.type, BoolType) else t for t in outputs)
        return Function("lifted", self.table.variables, self.kinds, lets, plain)

    def _offer(self, lets: Lets, outputs: tuple[Term, ...], method: str) -> None:
        made = self._function(lets, outputs)
        short = normalise(made)
        assert isinstance(short, Function)
        cost = cost_bits(short)
        if cost < self.best.cost:
            self.best.program, self.best.cost, self.best.method, self.best.agreement = short, cost, method, 1.0
            self.progress.best(short, 1.0)

    def _component(self, k: int, deadline: Deadline) -> Term | None:
        """The cheapest term found for one output."""
        best: Term | None = None
        bits, method = float("inf"), "nothing"
        scope = len(self.table.variables)
        for name, term in self._readings(k, deadline):
            self.best.tried += 1
            if deadline.passed and best is not None:
                break
            if len(self.table.wrong(term, k)):
                continue
            short = normal_form(term, scope) if operator_count(term) < 400 else term
            if term_bits(short, scope) < bits:
                best, bits, method = short, term_bits(short, scope), name
        if scope <= MOST_VARIABLES and not deadline.passed and bits > term_bits(self.table.variables[0], scope):
            found = self._enumerated(k, bits, deadline)
            if found is not None and term_bits(found, scope) < bits:
                best, method = found, "enumeration"
        self.methods.append(method)
        return best

    def _readings(self, k: int, deadline: Deadline) -> Iterator[tuple[str, Term]]:
        """Terms worth checking, and what they are."""
        table, target = self.table, self.table.outputs[:, k]
        columns = table.columns
        inputs = len(columns)
        if table.bits and table.complete and inputs <= MOST_INPUTS and set(np.unique(target)) <= {0, 1}:
            truth = (target == 1).reshape((2,) * inputs)
            for term in readings(table.variables, truth, self._over_sums, rng=self.rng):
                yield "Boolean reading", _number(term)
            for base, term in with_exceptions(table.variables, truth, self._over_sums, rng=self.rng):
                self.bases.setdefault(k, _number(base))
                yield "reading with exceptions", _number(term)
            if inputs > 10:
                return
        if table.bits and not table.complete and set(np.unique(target)) <= {0, 1}:
            for term in wide_readings(
                table.variables, table.inputs[-KNOWN:], partial(self._holds, k), self._over_sums, rng=self.rng
            ):
                yield "Boolean reading", _number(term)
        yield from (("modular fit", term) for term in polynomials(table.variables, columns, target))
        if table.complete:
            looked_up = table_term(table.variables, columns, target)
            if looked_up is not None:
                yield "table", looked_up
        tree = exact_tree(columns, target, deadline.share(0.3))
        if tree is not None:
            yield "tree", tree_term(tree, table.variables)

    def _holds(self, k: int, points: IntArray) -> NDArray[np.bool_]:
        return self.network.run(points[:, None])[:, 0, k] == 1

    def _over_sums(self, sums: IntArray, answers: IntArray) -> Term | None:
        """A truth value over sums s0, s1, ... that is right on all rows."""
        columns = {f"s{k}": np.ascontiguousarray(column) for k, column in enumerate(sums.T)}
        bounds = [(int(c.min()), int(c.max())) for c in columns.values()]
        constants = tuple(dict.fromkeys((*mined_constants(bounds, answers, ()), *range(2, max(h for _, h in bounds)))))
        limits = Limits(timeout_s=min(self.deadline.left, 10.0), max_cost=120.0, max_candidates=SUMS_EFFORT)
        result = fit(columns, answers, constants, limits)
        self.best.tried += result.candidates
        return None if result.term is None else apply("==", (result.term, constant(1)))

    def _enumerated(self, k: int, bits: float, deadline: Deadline) -> Term | None:
        names = {v.name: column for v, column in zip(self.table.variables, self.table.columns, strict=True)}
        effort = SHORT_EFFORT if bits <= SHORT_BITS else LONG_EFFORT
        if bits == float("inf") or (bits > SHORT_BITS and len(names) <= 2):  # at best a table so far
            effort = EFFORT
        if self.table.bits:
            effort = LONG_EFFORT
        limits = Limits(timeout_s=deadline.left, max_cost=min(bits, 200.0), max_candidates=effort)
        result = fit(names, self.table.outputs[:, k], self._constants(k), limits)
        self.best.tried += result.candidates
        if result.term is None or len(self.table.wrong(result.term, k)):
            return None
        return normal_form(result.term, len(names))

    def _constants(self, k: int) -> tuple[int, ...]:
        """The constants, with bases in which an answer to one number is simple."""
        low, _ = self.network.domain.ranges[0]
        if len(self.table.variables) > 1 or not self.table.complete or low != 0:
            return self.constants
        return tuple(dict.fromkeys((*self.constants, *bases(self.table.outputs[:, k]))))

    def _offer_joint(self) -> None:
        """Outputs as the digits, in base 2, of one linear form: named once, read digit by digit."""
        count = self.table.outputs.shape[1]
        if count < 2 or not set(np.unique(self.table.outputs)) <= {0, 1} or count > 20:
            return
        for order in (range(count), range(count)[::-1]):
            places = [1 << position for position in order]
            number = self.table.outputs @ np.array(places)
            form = linear_fit(self.table.variables, self.table.columns, number)
            if form is not None:
                whole = Var("s", form.type)
                digits = tuple(_digit(whole, place) for place in places)
                self._offer((("s", form),), digits, "linear fit of all outputs as one number")

    def _keep_nearest(self) -> None:
        """A short function that explains much: the base without its exceptions, or the nearest linear form."""
        if self.table.outputs.shape[1] != 1 or (self.best.cost <= LONG_BITS and not self.bases):
            return
        term = self.bases.get(0) if "exceptions" in self.best.method else None
        if term is None and self.best.cost > LONG_BITS:
            linear = nearest_linear(self.table.variables, self.table.columns, self.table.outputs[:, 0])
            if linear is not None and linear.share >= NEAR_SHARE:
                term = linear.term
            planes = None if term else nearest_planes(self.table.inputs, self.table.outputs[:, 0], rng=self.rng)
            if planes is not None and planes.share >= PLANE_SHARE:
                term = planes.term(self.table.variables)
        if term is not None and len(self.table.wrong(term, 0)):
            near = normalise(self._function((), (term,)))
            assert isinstance(near, Function)
            self.best.nearest = near
            if not self.table.complete:
                self._prefer(near)

    def _prefer(self, near: Function) -> None:
        """The short function in place of one that was fitted to a sample and is hardly better on fresh inputs."""
        fresh = tabulate(self.network, rng=self.rng)
        short = fresh.agreement(near)
        long = fresh.agreement(self.best.program) if self.best.program is not None else 0.0
        if long < min(short + GAIN, 1.0):
            self.best.program, self.best.cost, self.best.agreement = near, cost_bits(near), short
            self.best.method, self.best.nearest = "nearest planes", None
            self.progress.best(near, short)


def _number(term: Term) -> Term:
    """A truth value as 0 or 1; `int(t == 1)` of a number that is 0 or 1 is that number."""
    return apply("int", (term,)) if isinstance(term.type, BoolType) else term


def _digit(whole: Term, place: int) -> Term:
    shifted = whole if place == 1 else apply("div", (whole, constant(place)))
    return apply("mod", (shifted, constant(2)))
