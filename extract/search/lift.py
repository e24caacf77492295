"""The search for the whole machine, with counterexamples from the network closing the loop (CEGIS).

Pools of recurrences grow level by level: the remembered outputs, recurrences of the inputs, recurrences of those.
After each level the joint search runs; a machine that fits the record is tested on fresh words, and words on which
it fails join the record. A finite machine is also encoded directly. The cheapest machine that survives wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from dsl.batch import run_machine_batch
from dsl.cost import cost_bits
from dsl.programs import Machine
from verify.budget import Deadline
from verify.domain import IntArray
from verify.subject import RecurrentSubject
from verify.words import draw_mixed

from extract.abstract.choose import Abstraction
from extract.extraction import Progress
from extract.search.assemble import assemble, input_names, output_types
from extract.search.encode import encodings, state_table
from extract.search.recurrences import Proposal, Recurrence, available, propose
from extract.search.select import Choice, Sample, choices, remembered_outputs
from extract.trace import Record, with_counterexamples

TEST_WORDS = 6_000
CHEAP_BITS = 75.0
"""A surviving machine below this cost ends the search; a dearer one is contested by the next level."""
MAX_ENCODED = 64
EFFORT_S = (0.4, 1.0, 1.5, 3.0)
"""Seconds for one synthesis problem, by level of the pool."""
MAX_ROUNDS = 6
CHAIN = 8


@dataclass
class Lifted:
    """The best machine so far: one that survives all tests, or else the one that agrees on most words."""

    machine: Machine | None = None
    cost: float = float("inf")
    agreement: float = 0.0
    stop: str = "search budget used"
    tried: int = 0
    failures: list[IntArray] = field(default_factory=list)

    @property
    def survives(self) -> bool:
        return self.agreement == 1.0


class Lifter:
    """One search for a machine equal to a network on words of the training length."""

    def __init__(
        self, network: RecurrentSubject, abstraction: Abstraction, record: Record, deadline: Deadline,
        progress: Progress, *, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.network, self.abstraction, self.record = network, abstraction, record
        self.deadline, self.progress, self.rng = deadline, progress, rng
        self.kinds = output_types(network.output_ranges)
        self.best = Lifted()
        self.tests = draw_mixed(network.domain, TEST_WORDS, max(network.domain.train_length, 2), rng=rng)
        self.answers = network.run(self.tests)

    def search(self) -> Lifted:
        """Rounds of search until a machine survives, the budget is used, or nothing new is learned."""
        for _ in range(MAX_ROUNDS):
            self.best.failures.clear()
            self._round()
            if self.best.survives or self.deadline.passed or not self.best.failures:
                break
            self._learn_from_failures()
        if not self.best.survives and self.abstraction.mealy is not None and not self.deadline.passed:
            self._offer(state_table(self.abstraction.mealy, self.network.domain, self.kinds))
        if self.best.survives:
            self.best.stop = "found"
        elif not self.deadline.passed:
            self.best.stop = "search space exhausted"
        return self.best

    # --- one round

    def _round(self) -> None:
        for level, pool in enumerate(self._pools()):
            if self.deadline.passed:
                return
            effort = EFFORT_S[min(level, len(EFFORT_S) - 1)]
            for choice in choices(
                self.sample, pool, self.constants, self.deadline.at, bound=self.best_cost, effort_s=effort
            ):
                self._offer(self._machine(choice))
            if self._settled():
                return
        if self._encodable():
            assert self.abstraction.mealy is not None
            for machine in encodings(
                self.abstraction.mealy, self.network.domain, self.kinds, self.constants, self.deadline.at
            ):
                self._offer(machine)

    def _settled(self) -> bool:
        return self.best.survives and self.best.cost <= CHEAP_BITS

    @property
    def best_cost(self) -> float:
        """The cost to beat."""
        return self.best.cost if self.best.survives else float("inf")

    def _encodable(self) -> bool:
        mealy = self.abstraction.mealy
        return mealy is not None and self.abstraction.finite and mealy.size <= MAX_ENCODED

    @property
    def sample(self) -> Sample:
        names = input_names(self.network.domain.arity)
        return Sample({n: self.record.words[..., k] for k, n in enumerate(names)}, self.record.outputs)

    def _machine(self, choice: Choice) -> Machine:
        return assemble(self.network.domain, self.kinds, choice.recurrences, choice.outputs)

    def _offer(self, machine: Machine) -> None:
        """Test a machine on the fresh words; keep it if it is the best, and what it gets wrong."""
        wrong = (run_machine_batch(machine, self.tests) != self.answers).any(axis=(1, 2))
        agreement, cost = 1.0 - float(wrong.mean()), cost_bits(machine)
        self.best.tried += 1
        if (agreement, -cost) > (self.best.agreement, -self.best.cost):
            self.best.machine, self.best.agreement, self.best.cost = machine, agreement, cost
            self.progress.best(machine, agreement)
        if wrong.any():
            self.best.failures.append(self.tests[np.flatnonzero(wrong)[:4]])

    def _learn_from_failures(self) -> None:
        found = np.unique(np.concatenate(self.best.failures), axis=0)[:24]
        time = self.record.time
        if found.shape[1] < time:
            return
        self.record = with_counterexamples(self.network, self.record, found[:, :time])

    # --- pools of recurrences

    @property
    def constants(self) -> tuple[int, ...]:
        """Constants mined from ranges, sizes and outputs, small ones first."""
        found = {0, 1, 2, 3}
        for low, high in self.network.domain.ranges:
            found |= {low, high, high - low + 1}
        values = np.unique(self.answers)
        found |= {int(values.max()), int(values.max()) + 1, int(values.min())}
        if self.abstraction.finite and self.abstraction.mealy is not None:
            found |= {self.abstraction.mealy.size, self.abstraction.mealy.size - 1}
        return tuple(sorted({c for c in found if abs(c) <= 1000}, key=lambda c: (abs(c), c)))[:12]

    @property
    def initials(self) -> tuple[int, ...]:
        """Initial values to try: 0, 1 and the ends of the ranges."""
        ends = {v for pair in self.network.domain.ranges for v in pair}
        values = np.unique(self.answers)
        ends |= {int(values.min()), int(values.max())}
        return tuple(dict.fromkeys([0, 1, *sorted((v for v in ends if abs(v) <= 1000), key=abs)]))[:5]

    def _pools(self) -> Iterator[Sequence[Recurrence]]:
        """Growing pools: remembered outputs, then recurrences level by level."""
        sample = self.sample
        remembered = remembered_outputs(sample, self.initials)
        yield remembered
        evidence = self.abstraction.evidence(self.network, self.record)
        self.progress.note("proposing recurrences of the inputs")
        first = propose(sample.inputs, self._proposal(22, 30_000), evidence, prefix="r", rng=self.rng)
        yield [*remembered, *first]
        self.progress.note(f"{len(first)} recurrences found in the hidden state; proposing recurrences of those")
        every, latest = list(first), list(first[:8])
        for depth in range(CHAIN):
            found: list[Recurrence] = []
            for k, r in enumerate(latest):
                if self.deadline.passed:
                    break
                settings = self._proposal(13, 1_500) if depth == 0 else self._proposal(6, 60)
                columns = available(sample.inputs, r.closure()[-1:])
                found += propose(
                    columns, settings, evidence, prefix=f"r{depth}_{k}_", needs=(r,), taken=[*every, *found],
                    rng=self.rng,
                )  # fmt: skip
            if not found:
                break
            every += found
            latest = sorted(found, key=lambda r: r.cost)[:6]
            if depth in (0, 2, CHAIN - 1):
                yield [*remembered, *every]
        else:
            return
        yield [*remembered, *every]

    def _proposal(self, max_cost: int, limit: int) -> Proposal:
        high = max(4, *(h for _, h in self.network.domain.ranges), int(self.answers.max()))
        if self.abstraction.finite and self.abstraction.mealy is not None:
            high = max(high, self.abstraction.mealy.size)
        low = min(-2, *(low for low, _ in self.network.domain.ranges))
        wide = self.network.domain.symbol_count > 64
        return Proposal(
            max_cost=min(max_cost, 15) if wide else max_cost, limit=min(limit, 800) if wide else limit,
            constants=tuple(c for c in self.constants if abs(c) <= 20), initials=self.initials[:4],
            state_low=max(low, -8), state_high=min(high + 1, 17),
        )  # fmt: skip
