"""The search for the whole machine, with counterexamples from the network closing the loop (CEGIS).

Pools of recurrences grow level by level: the remembered outputs, recurrences of the inputs, recurrences of those.
After each level the joint search runs; a machine that fits the record is tested on fresh words, and words on which
it fails join the record. A finite machine is also encoded directly. The cheapest machine that survives wins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.batch import run_machine_batch
from dsl.cost import cost_bits
from dsl.errors import Unsupported
from dsl.programs import Machine
from extract.abstract.choose import Abstraction, abstract
from extract.extraction import Progress
from extract.search.affine import affine_choice
from extract.search.assemble import assemble, input_names, output_types
from extract.search.constants import mined_constants
from extract.search.encode import encodings, state_table
from extract.search.numerals import numerals
from extract.search.recurrences import Proposal, Recurrence, available, delays, distinct, propose, refreshed
from extract.search.select import choices, remembered_outputs
from extract.search.sets import Sample
from extract.search.tabular import machine_from_table
from extract.search.tallies import counts, tallies
from extract.trace import Record, with_counterexamples
from verify.budget import Deadline
from verify.domain import IntArray
from verify.equivalence import machines_equal
from verify.subject import RecurrentSubject
from verify.verdict import Counterexample, Refuted
from verify.words import draw_mixed

TEST_WORDS = 6_000
CHEAP_BITS = 75.0
"""A surviving machine below this cost ends the search; a dearer one is contested by the next level."""
NEARLY = 0.99
"""Above this agreement a failure is a rare event: a rare state if one explains it, else noise of the network."""
MOST_STRUCTURED = 10
LEAST_CONTEST_S = 6.0
MOSTLY = 0.9
RETRY_SHARE = 0.5
ENCODE_AFTER = 1
TINY = 3
"""A machine of so few states needs no recurrences beside it: it is encoded at once."""
REFINE_SHARE = 0.5
"""Of the time left, what recurrences may use while a finite machine waits to be encoded."""
ENCODE_SHARE = 0.4
TABLE_SHARE = 0.9
"""Of the time left once no labelling gave a program that is nearly right, what the search over traces may use."""
MAX_ENCODED = 64
EFFORTS = (800_000, 1_600_000, 2_000_000, 2_600_000)
"""Candidate programs for one synthesis problem, by level of the pool."""
SUMMANDS = 4_000
MAX_ROUNDS = 6
ASK_S = 0.5
CHAIN = 8


@dataclass
class Lifted:
    """The best machine so far by description length: its own bits, plus those of the test words it gets wrong.

    `missed` counts those of these words on which the abstraction does not see the network slip; `usual` is the
    agreement on the uniform half of them.
    """

    machine: Machine | None = None
    cost: float = float("inf")
    bits: float = float("inf")
    agreement: float = 0.0
    usual: float = 0.0
    missed: int = 0
    stop: str = "search budget used"
    tried: int = 0

    @property
    def program(self) -> Machine | None:
        """The machine, as any search calls what it has found."""
        return self.machine

    @property
    def survives(self) -> bool:
        return self.machine is not None and self.missed == 0


class Lifter:
    """One search for a machine equal to a network on words of the training length."""

    def __init__(
        self, network: RecurrentSubject, abstraction: Abstraction, record: Record, deadline: Deadline,
        progress: Progress, *, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.network, self.abstraction, self.record = network, abstraction, record
        self.deadline, self.progress, self.rng = deadline, progress, rng
        self.kinds = output_types(network.output_ranges)
        self.began = time.monotonic()
        self.best = Lifted()
        self.failures: list[IntArray] = []
        self.counts: list[Recurrence] = []
        self.unexplained = False
        self.tests = draw_mixed(network.domain, TEST_WORDS, max(network.domain.train_length, 2), rng=rng)
        self.answers = network.run(self.tests)
        self.hard = self.tests[:0]

    def search(self) -> Lifted:
        """Level by level until a cheap machine survives, the budget is used, or nothing new is learned."""
        pool: list[Recurrence] = []
        whole = self.deadline
        self._identify()
        for level, grow in enumerate(self._levels()):
            pool = grow(pool)
            waits = level == self._encode_after and self._encodable()
            self._refine(level, pool, self.deadline.share(REFINE_SHARE if waits else 1.0))
            encoded = waits and not self._settled() and self._encodable()
            if encoded:  # at level 0, the first recurrences still contest it
                self._encode(self._contest(whole.share(ENCODE_SHARE)), whole)
            if self.deadline.passed or self._hopeless(level) or (self._settled() and not (encoded and level == 0)):
                break
        mealy = self.abstraction.mealy
        if not self.best.survives and mealy is not None:
            self._offer(state_table(mealy, self.network.domain, self.kinds))
        if self.best.survives:
            self.best.stop = "found"
        elif not self.deadline.passed:
            self.best.stop = "nothing further to learn from counterexamples"
        return self.best

    def _identify(self) -> None:
        """Affine dynamics, where there are any."""
        memories = remembered_outputs(self.sample, self.initials[:1])
        choice = affine_choice(self.sample, self._delays([]), memories)
        if choice is not None:
            self._offer(assemble(self.network.domain, self.kinds, choice.recurrences, choice.outputs))

    def _refine(self, level: int, pool: list[Recurrence], limit: Deadline) -> None:
        """CEGIS on one pool: fit the record, test, add the words that failed, until nothing fits or all is well."""
        effort = EFFORTS[min(level, len(EFFORTS) - 1)]
        for _ in range(MAX_ROUNDS):
            self.failures.clear()
            current = [*remembered_outputs(self.sample, self.initials), *refreshed(pool, self.sample.inputs)]
            bound = self.best.cost if self.best.survives else float("inf")
            for choice in choices(
                self.sample, current, self.constants, lambda: min(self.deadline.left, limit.left), bound=bound,
                effort=effort, whole=refreshed(self.counts, self.sample.inputs),
            ):  # fmt: skip
                machine = assemble(self.network.domain, self.kinds, choice.recurrences, choice.outputs)
                for outputs in choice.others:
                    self._ask(machine, assemble(self.network.domain, self.kinds, choice.recurrences, outputs))
                self._offer(machine)
            if self.best.survives or not self.failures or self.deadline.passed or limit.passed:
                return
            self._learn_from_failures()

    def _encode(self, limit: Deadline, whole: Deadline) -> None:
        """Encodings of the finite machine: one labelling at a time; where none is nearly right, by variables whose
        traces tell its states."""
        mealy, domain = self.abstraction.mealy, self.network.domain
        assert mealy is not None
        for machine in encodings(mealy, domain, self.kinds, self.constants, limit.at):
            self._offer(machine)
            if self._settled() or limit.passed:
                break
        if not self.best.survives and self.best.usual < NEARLY:
            part = whole.share(TABLE_SHARE)
            found = machine_from_table(mealy, domain, self.kinds, deadline=part, rng=self.rng).machine
            if found is not None:
                self._offer(found)

    def _ask(self, machine: Machine, other: Machine) -> None:
        """Let the network decide between two machines that fit the record: words that separate them join the tests."""
        verdict = machines_equal(machine, other, timeout_s=min(ASK_S, self.deadline.left)).verdict
        if isinstance(verdict, Refuted) and verdict.counterexample.length <= self.tests.shape[1]:
            word = np.array(verdict.counterexample.inputs, dtype=np.int64)
            self._add_tests(self._extended(word, self.tests.shape[1]))

    def _add_tests(self, words: IntArray) -> None:
        self.tests = np.concatenate([words, self.tests])
        self.answers = np.concatenate([self.network.run(words), self.answers])

    def restate(self, machine: Machine) -> None:
        """Take a machine with the same outputs on every input in place of the best."""
        if machine != self.best.machine:
            bits = cost_bits(machine)
            self.best.cost += bits - self.best.bits
            self.best.machine, self.best.bits = machine, bits

    def again(self, found: Sequence[Counterexample], deadline: Deadline) -> bool:
        """Search once more with counterexamples among the tests; whether a better machine was found."""
        before, self.deadline = self.best.machine, deadline
        length = self.tests.shape[1]
        words = np.concatenate([self._extended(np.array(c.inputs, dtype=np.int64), length) for c in found])
        self._add_tests(words)
        if before is not None:
            self.best.machine, self.best.agreement, self.best.bits = None, 0.0, float("inf")
            self._offer(before)
            if self.best.survives:  # all of them are slips
                return False
        self.search()
        return self.best.machine != before

    def _extended(self, word: IntArray, length: int) -> IntArray:
        """Eight random continuations of a word to the length of the tests."""
        words = self.network.domain.draw((8, length), rng=self.rng)
        words[:, : len(word)] = word[:length]
        return words

    def _settled(self) -> bool:
        """A cheap machine survives: dearer pools are not worth their time."""
        return self.best.survives and self.best.cost <= CHEAP_BITS

    def _hopeless(self, level: int) -> bool:
        """Nearly right, and no state explains the failures: the network leaves the program there."""
        return self.unexplained and (NEARLY if level == 0 else MOSTLY) < self.best.agreement < 1.0

    @property
    def _encode_after(self) -> int:
        """The level after which the finite machine is encoded."""
        mealy = self.abstraction.mealy
        return 0 if mealy is not None and mealy.size <= TINY else ENCODE_AFTER

    def _encodable(self) -> bool:
        mealy = self.abstraction.mealy
        return mealy is not None and self.abstraction.finite and mealy.size <= MAX_ENCODED

    @property
    def sample(self) -> Sample:
        names = input_names(self.network.domain.arity)
        words = self.record.words
        outputs = self.abstraction.cleaned(self.network, words, self.record.outputs)
        return Sample({n: words[..., k] for k, n in enumerate(names)}, outputs)

    def _offer(self, machine: Machine) -> None:
        """Test a machine on the fresh words; keep it if it is the best, and what it gets wrong."""
        try:
            wrong = (run_machine_batch(machine, self.tests) != self.answers).any(axis=(1, 2))
        except Unsupported:  # it squares without end
            return
        slips = (self.abstraction.cleaned(self.network, self.tests, self.answers) != self.answers).any(axis=(1, 2))
        agreement, cost, missed = 1.0 - float(wrong.mean()), cost_bits(machine), wrong & ~slips
        usual = 1.0 - float(self._uniform(wrong).mean())
        bits = cost + self.exception_bits * self._exceptions(wrong)
        self.best.tried += 1
        if not missed.any() and not self.best.survives:  # contest a first survivor no longer than it took to find
            self.deadline = self._contest(self.deadline)
        elif agreement > NEARLY and bits < self.best.bits and not self.abstraction.finite:  # slips cannot be told
            self.deadline = self._contest(self.deadline, rounds=2)
        elif usual == 1.0 and bits < self.best.bits:  # the network leaves it on structured words alone
            self.deadline = self._contest(self.deadline, rounds=3)
        if bits < self.best.bits:
            self.best.machine, self.best.agreement, self.best.missed = machine, agreement, int(missed.sum())
            self.best.cost, self.best.bits, self.best.usual = cost, bits, usual
            self.progress.best(machine, agreement)
        if missed.any():
            self.failures.append(self.tests[np.flatnonzero(missed)[:4]])

    def _contest(self, deadline: Deadline, rounds: int = 1) -> Deadline:
        """The deadline, cut to as much time again as the search has taken, for as many rounds."""
        return deadline.within(rounds * max(time.monotonic() - self.began, LEAST_CONTEST_S))

    def _exceptions(self, wrong: NDArray[np.bool_]) -> int:
        """How many words to list as exceptions: all uniform ones, but of the structured ones MOST_STRUCTURED at most.

        Trained networks drift on long runs; patching a program for part of that says nothing about its algorithm.
        """
        usual = int(self._uniform(wrong).sum())
        return usual + min(int(wrong.sum()) - usual, MOST_STRUCTURED)

    @staticmethod
    def _uniform(tests: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Of a value for every test word, those of words drawn uniformly, or added since."""
        return tests[: len(tests) - len(tests) // 2]

    @property
    def exception_bits(self) -> float:
        """What it costs to list one word on which a program is wrong."""
        return self.tests.shape[1] * float(np.log2(self.network.domain.symbol_count + 1))

    def _learn_from_failures(self) -> None:
        """Put words on which machines failed into the record, and refine the abstraction by them."""
        found = np.unique(np.concatenate(self.failures), axis=0)[:24]
        self.record = with_counterexamples(self.network, self.record, found[:, : self.record.time])
        if self.abstraction.finite and not self.unexplained:
            self.hard = np.concatenate([self.hard, found])
            refined = abstract(self.network, self.deadline.share(RETRY_SHARE), rng=self.rng, hard=self.hard)
            if refined.finite:
                self.abstraction = refined
        else:
            refined = self.abstraction
        if not refined.finite and not self.unexplained:
            self.unexplained = True
            self.deadline = self.deadline.share(RETRY_SHARE)
        self.progress.note(f"{len(found)} counterexamples; {self.abstraction.describe()}")

    # --- pools of recurrences

    @property
    def constants(self) -> tuple[int, ...]:
        """Constants mined from ranges, sizes and outputs, small ones first."""
        mealy = self.abstraction.mealy
        sizes = [mealy.size] if self.abstraction.finite and mealy is not None else []
        return mined_constants(self.network.domain.ranges, self.answers, sizes)

    @property
    def initials(self) -> tuple[int, ...]:
        """Initial values to try: 0, 1 and the ends of the ranges."""
        ends = {v for pair in self.network.domain.ranges for v in pair}
        values = np.unique(self.answers)
        ends |= {int(values.min()), int(values.max())}
        return tuple(dict.fromkeys([0, 1, *sorted((v for v in ends if abs(v) <= 1000), key=abs)]))[:5]

    def _levels(self) -> Iterator[Callable[[list[Recurrence]], list[Recurrence]]]:
        """Ever larger pools: delays, recurrences of the inputs, recurrences of those, chains of these."""
        yield self._delays
        yield self._first
        yield self._second
        for _ in range(CHAIN // 2):
            yield lambda pool: self._deeper(self._deeper(pool))

    def _delays(self, pool: list[Recurrence]) -> list[Recurrence]:
        evidence = self.abstraction.evidence(self.network, self.record)
        most = min(CHAIN, self.record.time - 1)
        return [*pool, *delays(self.sample.inputs, evidence, most=most)]

    def _first(self, pool: list[Recurrence]) -> list[Recurrence]:
        evidence = self.abstraction.evidence(self.network, self.record)
        inputs, settings = self.sample.inputs, self._proposal(26, 30_000)
        pool = refreshed(pool, inputs)
        found = propose(inputs, settings, evidence, prefix="r", taken=pool, rng=self.rng)
        sums = tallies(
            inputs, evidence, max_cost=settings.max_cost, limit=SUMMANDS, constants=settings.constants,
            deadline=settings.deadline,
        )  # fmt: skip
        self.counts = counts(sums, inputs)
        found += distinct(sums, inputs, settings, prefix="n", taken=[*pool, *found])
        if not self.abstraction.finite:  # such numbers tell all histories apart
            found += numerals(inputs, evidence, undecoded_bits=settings.undecoded_bits)
        self.progress.note(f"{len(pool)} delays and {len(found)} other recurrences of the inputs")
        return [*pool, *found]

    def _second(self, pool: list[Recurrence]) -> list[Recurrence]:
        return self._grown(pool, sorted(pool, key=lambda r: r.cost)[:8], self._proposal(16, 2_000))

    def _deeper(self, pool: list[Recurrence]) -> list[Recurrence]:
        depth = max((len(r.closure()) for r in pool), default=0)
        latest = sorted((r for r in pool if len(r.closure()) == depth), key=lambda r: r.cost)[:6]
        return self._grown(pool, latest, self._proposal(9, 80))

    def _grown(self, pool: list[Recurrence], bases: list[Recurrence], settings: Proposal) -> list[Recurrence]:
        """The pool with recurrences over the inputs and one of the bases each."""
        sample = self.sample
        evidence = self.abstraction.evidence(self.network, self.record)
        every = refreshed(pool, sample.inputs)
        by_name = {r.name: r for r in every}
        for base in bases:
            if base.name not in by_name or self.deadline.passed:
                continue
            r = by_name[base.name]
            every += propose(
                available(sample.inputs, [r]), settings, evidence, prefix=f"{r.name}_", needs=(r,), taken=every,
                rng=self.rng,
            )  # fmt: skip
        return every

    def _proposal(self, max_cost: int, limit: int) -> Proposal:
        high = max(4, *(h for _, h in self.network.domain.ranges), int(self.answers.max()))
        if self.abstraction.finite and self.abstraction.mealy is not None:
            high = max(high, self.abstraction.mealy.size)
        low = min(-2, *(low for low, _ in self.network.domain.ranges))
        if self.network.domain.symbol_count <= 4:  # room for a counter of steps in both directions
            low, high = min(low, -self.record.time), max(high, self.record.time)
        wide = self.network.domain.symbol_count > 64
        return Proposal(
            max_cost=min(max_cost, 18) if wide else max_cost, limit=min(limit, 800) if wide else limit,
            constants=tuple(c for c in self.constants if abs(c) <= 20), initials=self.initials[:4],
            state_low=max(low, -16), state_high=min(high + 1, 24), deadline=self.deadline,
        )  # fmt: skip
