"""From a Mealy table whose states have no names to the smallest machine program found for it.

Variables are found by their traces (`extract.search.variables`), and sets of them that determine the state by branching
on what few of them tell (`extract.search.determining`). Outputs that join up to three of them are searched for over the
whole pool at once (`extract.search.joined`). Two or three that read each other are found together, by what their
updates and the form of the output rule out step by step (`extract.search.circles`), in a thread beside all else.
Encodings are sets of variables that determine the state (`extract.search.covers`); what one or two leave untold becomes
one more variable, known by its labels (`extract.search.labels`). Under each encoding outputs and updates still missing
are one-step synthesis problems, deepened best-first (`extract.search.encodings`). Every machine kept is proved equal to
the table by a walk over the reachable pairs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from dsl.terms import Var
from dsl.types import INT, Type
from extract.abstract.mealy import Mealy
from extract.search.beside import Beside, Part
from extract.search.circles import Circling
from extract.search.covers import covers
from extract.search.determining import determining
from extract.search.encodings import Encodings
from extract.search.finder import Finder
from extract.search.forms import WIDEST, Asked, asked, forms, none
from extract.search.histories import histories
from extract.search.hitting import Output
from extract.search.joined import Pool
from extract.search.labels import leaving_few
from extract.search.questions import Questions
from extract.search.readers import Updates, familiar_three, far_one, far_two, of_three, of_two, updates, with_bases
from extract.search.recovered import Keeper, Recovered
from extract.search.remainders import remainders
from extract.search.variables import (
    EARLIER,
    Found,
    Variable,
    by_turns,
    distinct_bases,
    encoded,
    joint_codes,
    pruned,
    telling_bits,
    together,
)  # fmt: skip
from verify.budget import Deadline
from verify.domain import Domain

NODES, LEAST = 256, -4
"""Nodes of words, and the least value of a variable where inputs and outputs are larger."""
MOST_POOL, MOST_CLOSED = 6000, 4000
CHEAP, BASES, NAMINGS, DEEP_BASES, UPDATES, EACH_BASE = 1000, 120, 2, 30, 60_000, 500
"""Cheap variables that may be built on whatever they tell, variables to build on, those of them that tell the same
apart by other values, and updates over them: the cheapest with all they need, and the cheapest over each."""
SINGLES, PAIRED, PAIRS = 200, 40, 300
CLOSING, EACH = 5_000_000, 100
CIRCLED, BASED, SHAPED, UNSHAPED = 14, 1.5, 3.0, 1.0
"""Bases for two of three variables that read each other, and what shares of the time they take over one of these, with
some form of the output, and with any."""
SMALL, WAITING, IDLE = 2, 3000, 0.02
"""Operators of a machine that is not worth all the rest; work on encodings at a time, and seconds between, while
circles are still searched for."""
SETS, TRIPLED, COVERING = 3000, 300, 60_000_000
MOST_REMEMBERED, REMEMBERED_ALIKE, PAIRED_SHOWN, REMEMBERING = 40, 4, 24, 3000
"""Shown values, those that tell the same histories apart, values taken by twos, and work on them."""
LABELLED, LABELLINGS, LABELLING, FITTING_SHARE = 120, 200, 2500, 0.25
"""Variables that may leave a label to be found, sets of them, work on those, and what it may take of the time left."""
POOLED, MOST_HIT, HITS, MOST_JOINED = 20_000, 40, 3000, 1000
"""Variables of which sets are found by what they tell, the cost of a set, sets, and work on those that the output
joins."""
HITTING, HITTING_A_SECOND = 1_000_000_000, 75_000_000
"""Steps of that, most and for each second that is left."""
WIDE, NARROW, JOINING, JOINED_A_SECOND = 30_000, 12_000, 250_000_000, 100_000_000
"""Variables that outputs may join, atoms that operators which all arguments allow may take, and steps: most, and about
as many as take a second."""


def machine_from_table(
    mealy: Mealy, domain: Domain, kinds: tuple[Type, ...], *, deadline: Deadline, rng: np.random.Generator,
    enough: int = 0,
) -> Recovered:  # fmt: skip
    """The smallest machine found that equals the table on every word, or the first with no more than `enough`
    operators. The search takes two threads."""
    kept = Keeper(mealy, domain, kinds)
    until = Deadline(deadline.at, lambda: math.inf if kept.bound <= enough else deadline.clock())
    _Search(mealy, domain, kept, until, rng).run()
    return kept.ended("time limit" if deadline.passed else None)


class _Search:
    def __init__(
        self, mealy: Mealy, domain: Domain, kept: Keeper, deadline: Deadline, rng: np.random.Generator
    ) -> None:  # fmt: skip
        self.mealy, self.domain, self.kept, self.deadline, self.rng = mealy, domain, kept, deadline, rng
        self.words = histories(mealy, NODES, rng=rng)
        ends = sorted({v for pair in domain.ranges for v in pair} - {0, 1}, key=abs)
        low = max(-8, min(LEAST, int(mealy.output.min()), *(min(low, -high) for low, high in domain.ranges)))
        high = max(7, *(high + 1 for _, high in domain.ranges))
        self.top = max(9, high, min(max(mealy.size + 1, int(mealy.output.max())), 40))
        initials = tuple(dict.fromkeys((0, 1, *ends)))
        self.finder = Finder(mealy, domain, self.words, self.constants, initials, low, high, deadline)
        self.questions = Questions(mealy, domain, self.words, self.constants)
        self.beside = Beside(lambda: self.kept.bound, deadline)
        self.encodings = Encodings(self.questions, self.kept, deadline, self.beside)

    @cached_property
    def asked(self) -> Asked:
        """What is put out on each step."""
        return asked(self.mealy, self.domain)

    @property
    def constants(self) -> tuple[int, ...]:
        ends = {v for pair in self.domain.ranges for v in pair}
        values = {int(self.mealy.output.min()), int(self.mealy.output.max())}
        found = {-1, 0, 1, 2, 3, 4, 5, 6, 7} | ends | values
        return tuple(sorted((c for c in found if abs(c) <= 64), key=lambda c: (abs(c), c)))

    def run(self) -> None:
        """Ever more variables; after each kind the encodings that they make possible. Circles are found beside."""
        if self.deadline.passed:
            return
        with self.beside:
            self._stages()
            self.beside.close()
            while self.beside.busy and self.kept.bound > SMALL and not self.deadline.passed:
                self.encodings.fit(2, WAITING)
                time.sleep(IDLE)

    def _stages(self) -> None:
        """All but the circles, for which candidates are listed beside as soon as what they need is known."""
        finder, circles = self.finder, self.beside.add
        circles(lambda: self._circling(far_one(self.domain, self.constants)))
        circles(lambda: self._circling(far_two(self.domain, self.constants)))
        closed = finder.closed(self.top, deepest=3, limit=250_000, tests=120_000)
        bases = self._bases(closed, CIRCLED)
        circles(lambda: self._circling(of_three(self.domain, self.constants), bases, share=1.5))
        circles(lambda: self._circling(familiar_three(self.domain, finder.initials), bases))
        shown = finder.shown()
        rest = remainders(pruned(closed, 5, MOST_CLOSED), self.mealy, self.words, finder.initials[:2], finder.span)
        pool = pruned([*closed, *shown, *rest], 5, MOST_CLOSED)
        self._join()
        self._remember(shown)
        self.encodings.fit(1, REMEMBERING)
        self._pose(pool)
        self.encodings.fit(0, 1500)
        if self.kept.bound <= 1:
            return
        finder.prepare(deepest=2, limit=40_000, tests=60_000)
        if len(finder.span) <= WIDEST and finder.familiar:
            circles(lambda: self._circling(updates(finder.familiar, 2, finder.low, len(finder.span))))
        circles(lambda: self._circling(of_two(self.domain, self.constants), share=0.5))
        self.encodings.fit(1, 1000)
        if self.kept.bound <= SMALL:
            return
        over = self._over([*pool, *sorted(closed, key=lambda v: v.cost)[:CHEAP]], BASES, UPDATES)
        self._over(over, DEEP_BASES, 0)
        self._hit()
        self.encodings.again(finder.initials, rng=self.rng)
        self.encodings.fit(1, 1500)
        self._close([(v,) for v in self._bases(pool, SINGLES)], CLOSING)
        self.encodings.fit(0, 2000)
        self._label(closed)
        self.encodings.fit(2, LABELLING, FITTING_SHARE)
        self.encodings.again(finder.initials, rng=self.rng)
        pool = pruned([*pool, *finder.delayed(15_000), *over], 5, MOST_POOL)
        self._pose(pool)
        self.encodings.fit(0, 3000)
        self._close(self._pairs(pool), CLOSING)
        self.encodings.fit(0, 2000)
        self.encodings.again(finder.initials, rng=self.rng)
        over = self._over([v for v in pool if v.base is not None], DEEP_BASES, UPDATES)
        pool = pruned([*pool, *over], 5, MOST_POOL)
        self._pose(pool)
        self.encodings.fit(2, 9000)

    def _join(self) -> None:
        """Machines whose output joins up to three of the variables met so far."""
        if self.deadline.passed or self.mealy.output.shape[2] != 1:
            return
        words = self.words
        inputs = {n: values[words.symbol] for n, values in self.questions.inputs.items()}
        known = [b for b in self.finder.batches if b.closed]
        pool = Pool(words, inputs, self.constants, known, WIDE, NARROW, rng=self.rng)
        wanted = self.mealy.output[words.state[words.parent], words.symbol, 0]
        for join in pool.joins(wanted, self.kept.bound, int(min(JOINING, self.deadline.left * JOINED_A_SECOND))):
            now = encoded(tuple(join.chosen.values()), words)
            before = [Variable(v.name + EARLIER, Var(v.name, INT), v.initial, 0, v.trace[words.parent]) for v in now]
            if self.kept.offer([*now, *before], {}, [join.renamed()]):
                return

    def _hit(self) -> None:
        """Encodings by up to three of all variables met so far join those that wait."""
        if self.deadline.passed or self.mealy.output.shape[2] != 1:
            return
        words, batches = self.words, [b for b in self.finder.batches if b.closed]
        order = 1 + self.rng.permutation(len(words.parent) - 1)
        before, symbol = words.parent[order], words.symbol[order]
        wanted = self.mealy.output[words.state[before], symbol, 0].astype(np.int16)
        spare = np.stack([*(v[symbol] for v in self.questions.inputs.values()), np.zeros_like(order)]).astype(np.int16)
        output = Output(wanted, before, order, spare)
        budget = int(min(HITTING, self.deadline.left * HITTING_A_SECOND))
        sets, good = determining(
            batches, words, output, pool=POOLED, most=MOST_HIT, returned=HITS, budget=budget, rng=self.rng
        )
        joined = Encodings(self.questions, self.kept, self.deadline)
        for chosen in sets[:good]:
            joined.push("joined", together(chosen), None, chosen)
        joined.fit(1, MOST_JOINED)
        for n, chosen in enumerate(sets):
            self.encodings.push(("hit", len(chosen), n < good), together(chosen), None, chosen)

    def _label(self, pool: Sequence[Found]) -> None:
        """Encodings by one or two variables and one known by its labels join those that wait."""
        some = list({v.trace.tobytes(): v for v in by_turns(pool)[: 2 * LABELLED]}.values())[:LABELLED]
        sets = leaving_few(some, self.words)[:LABELLINGS] if some else []
        self.encodings.label("labels", ((price, encoded(chosen, self.words)) for price, chosen in sets), rng=self.rng)

    def _circling(self, made: Updates, bases: Sequence[Found] = (), *, share: float = 1.0) -> Iterator[Part]:
        """Searches for variables that read each other in circles, two or three, by these candidates for their updates,
        or for one: two over one of the bases, those whose output has one of many forms, and any."""
        based, known = with_bases(made, bases, self.finder.low)
        values = np.arange(made.low, made.low + made.span)
        shaped = forms(self.asked, self.mealy.next, self.domain, made.wide, values, self.constants)
        for some, under, output, weight in (
            (based, known, shaped, BASED), (made, (), shaped, SHAPED), (made, (), none(shaped), UNSHAPED),
        ):  # fmt: skip
            if known or some is made:
                search = Circling(some, self.mealy, self.words, self.finder.initials, forms=output, bases=under)
                yield Part(("circle", made.wide, len(made.entries), weight), share * weight, search)

    def _close(self, sets: Sequence[tuple[Found, ...]], most: int) -> None:
        """Encodings by one of the sets and one more variable that reads a member join those that wait."""
        if not self.deadline.passed:
            for chosen in self.finder.closing(sets, most, EACH, SETS, self.kept.bound):
                self.encodings.wait(chosen)

    def _pairs(self, pool: Sequence[Found]) -> list[tuple[Found, ...]]:
        """Pairs of variables to build on, those first that tell most for their price."""
        some = self._bases(pool, PAIRED)
        every = [(a, b) for k, b in enumerate(some) for a in some[:k] if a not in b.chain and b not in a.chain]
        every += [(v,) for v in some if v.base is not None]
        merit = {}
        for chosen in every:
            told = np.bitwise_or.reduce([v.told for v in chosen])
            merit[chosen] = together(chosen) - float(telling_bits(told[None])[0])
        return sorted(merit, key=merit.__getitem__)[:PAIRS]

    def _bases(self, pool: Sequence[Found], most: int, alike: int = 1) -> list[Found]:
        """Variables to build on (`by_turns`)."""
        return distinct_bases(by_turns(pool), self.finder.low, int(self.finder.span[-1]), most, alike)

    def _over(self, pool: Sequence[Found], bases: int, most: int) -> list[Found]:
        """Variables that read one of the pool."""
        if self.deadline.passed:
            return []
        return self.finder.over(self._bases(pool, bases, NAMINGS), most, EACH_BASE, self.kept.bound)

    def _pose(self, pool: Sequence[Found]) -> None:
        """Encodings by up to three variables of the pool join those that wait; by three only of the cheapest and of the
        cheapest pure ones."""
        if self.deadline.passed or not pool:
            return
        told, codes = np.stack([v.told for v in pool]), joint_codes(pool, self.words)
        cost = np.array([max(round(v.price), 1) for v in pool])
        full = ~np.uint64(0)
        for k in np.flatnonzero((told == full).all(axis=1)).tolist():
            self.encodings.wait((pool[k],))
        pure = [k for k, v in enumerate(pool) if v.pure][:TRIPLED]
        few = np.array(sorted({*range(min(TRIPLED, len(pool))), *pure}), dtype=np.int64)
        for width, chosen in ((2, np.arange(len(pool))), (3, few)):
            hits = np.empty((SETS, 3), dtype=np.int64)
            parts = told[chosen], codes[chosen], cost[chosen]
            count = covers(*parts, self.words.state, width, len(chosen), hits, COVERING)
            for row in hits[:count].tolist():
                self.encodings.wait(tuple(pool[int(chosen[k])] for k in row if k >= 0))

    def _remember(self, shown: Sequence[Found]) -> None:
        """Encodings by shown values, with those of one step before and the last inputs, join those that wait."""
        some, paired = pruned(shown, REMEMBERED_ALIKE, MOST_REMEMBERED), pruned(shown, 1, PAIRED_SHOWN)
        for chosen, fit in self.questions.remembering(some, paired, self.finder.initials[:2]):
            self.encodings.push(("shown", len(chosen)), together(chosen), fit, chosen)
