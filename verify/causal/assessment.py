"""An alignment under test: all experiments on it, and its score, the lowest share of any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from verify.budget import FOREVER, Deadline
from verify.causal.alignment import Alignment
from verify.causal.contrast import Contrast
from verify.causal.interventions import (
    SEVERAL,
    STEPS,
    WHOLE,
    Outcomes,
    exchange,
    exchange_several,
    exchange_twice,
    scrub_everything,
)
from verify.causal.runs import Runs
from verify.statistics import lowest_interval, permutation_p_value, share_interval

FEWEST = 24
"""Interventions that matter, below which an experiment says nothing."""
ROUNDS = 299
FULL_AGREEMENT = "outputs agree"
READING = "values read"


@dataclass(frozen=True, eq=False)
class Assessment:
    """An alignment under test: each experiment's outcomes, how often outputs agree at all, how well values are read."""

    alignment: Alignment
    experiments: tuple[Outcomes, ...]
    unseen: Outcomes | None
    agreement: tuple[int, int]

    @property
    def told(self) -> tuple[Outcomes, ...]:
        """The experiments with enough interventions that matter."""
        return tuple(e for e in self.experiments if len(e.scored) >= FEWEST)

    @property
    def score(self) -> float:
        """The lowest share of all; 0 where no experiment tells anything."""
        return self.weakest[1]

    @property
    def weakest(self) -> tuple[str, float]:
        """What has the lowest share, and that share."""
        shares = [(e.name, e.score) for e in self.told]
        shares.append((FULL_AGREEMENT, self.agreement[0] / max(self.agreement[1], 1)))
        shares += [
            (f"{READING}: {v.name}", s) for v, s in zip(self.alignment.variables, self.alignment.exact, strict=True)
        ]
        return min(shares, key=lambda item: item[1]) if self.told else ("no intervention matters", 0.0)

    def interval(self, *, rng: np.random.Generator) -> tuple[float, float]:
        """The 95 % interval of the score."""
        low, high = lowest_interval([e.scored for e in self.told], rounds=ROUNDS, rng=rng)
        other = share_interval(*self.agreement)
        cap = min(self.alignment.exact, default=1.0)
        return min(low, other[0], cap), min(high, other[1], cap)

    def p_value(self, *, rng: np.random.Generator) -> float:
        """The largest p-value of its experiments: chance that wanted outputs dealt at random would be met as often."""
        values = []
        for e in self.told:
            wanted, actual = e.wanted[e.matters], e.actual[e.matters]
            if len(np.unique(wanted)) > 1:
                values.append(permutation_p_value(wanted, actual, rounds=ROUNDS, rng=rng))
        return max(values, default=1.0 if self.alignment.variables else 0.0)


def assess(
    held: Runs,
    alignment: Alignment,
    *,
    pairs: int,
    rng: np.random.Generator,
    enough: float = 0.0,
    deadline: Deadline = FOREVER,
    against: Sequence[Contrast] = (),
) -> Assessment:
    """All experiments on an alignment, on runs it was not fitted on; or as many as show that its score is below
    `enough`. Those `against` another program are on pairs for which it foretells other outputs."""
    agree = (held.outputs == held.expected).all(axis=(1, 2))
    agreement = int(agree.sum()), len(agree)
    if not alignment.variables:
        return Assessment(alignment, (scrub_everything(held, pairs=pairs, rng=rng),), None, agreement)
    names = [v.name for v in alignment.variables]
    done: list[Outcomes] = []
    unseen: Outcomes | None = None
    for name in [*names, *([WHOLE, SEVERAL] if len(names) > 1 else []), STEPS]:
        so_far = Assessment(alignment, tuple(done), unseen, agreement)
        if deadline.passed or (so_far.told and so_far.score < enough):
            break
        if name == SEVERAL:
            several, unseen = exchange_several(held, alignment, pairs=pairs, rng=rng)
            done.append(several)
        elif name == STEPS:
            done.append(exchange_twice(held, alignment, pairs=pairs, rng=rng))
        else:
            done.append(exchange(held, alignment, name, pairs=pairs, rng=rng))
    for name, theirs in against:
        so_far = Assessment(alignment, tuple(done), unseen, agreement)
        if not deadline.passed and so_far.score >= enough:
            outcomes = exchange(held, alignment, name, pairs=pairs, rng=rng, against=theirs)
            done.append(replace(outcomes, name=f"{name}, where foretold otherwise"))
    return Assessment(alignment, tuple(done), unseen, agreement)
