"""The mechanism verdict: are a program's variables the network's own, used as the program uses them?

One number per claim, its *score*: the lowest share, over all experiments, of interventions with the program's effect;
no more than the share of runs on which the outputs agree to begin with, and than the share of states read right. A
claim is `Supported` when the score reaches a threshold that was calibrated on planted networks and their decoys
(`benchmarks.performance.mechanism`), by more than chance, and well above every decoy of this very claim.

A program with the same outputs is a decoy only where it contradicts the claim: some intervention on it must have an
effect that no intervention on the claim's variables has, and its variables must be no mere change of basis of the code.
It is then also tried on just those interventions.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dsl.programs import Machine
from verify.budget import FOREVER, Deadline
from verify.causal.alignment import Alignment, fit
from verify.causal.assessment import Assessment, assess
from verify.causal.contrast import contrasts
from verify.causal.decoys import FINER, redescribes, same_outputs, shuffled, wrong_variable
from verify.causal.interventions import WHOLE
from verify.causal.runs import Matrix, Runs, record
from verify.causal.smallest import size
from verify.subject import RecurrentSubject
from verify.verdict import Finding, MechanismVerdict, NotSupported, Supported, Undecided

CLAIM = "program variables are the network's own"
DIRECTIONS_OF = "directions of "
METHOD = "interventions against decoys"
THRESHOLD = 0.72
"""Calibrated on planted networks and decoys; the scores are in `benchmarks/performance/calibration.json`."""
MARGIN = 0.2
"""How far a supported claim must stand above its best decoy."""
SIGNIFICANT = 0.01
NO_DECOY = "none", 0.0
FIT_WORDS, CHOOSE_WORDS, HELD_WORDS = 512, 256, 512
PAIRS, DECOY_PAIRS = 256, 128
PROGRAM_DECOYS = 3
DIRECTIONS = 3
"""Random directions tried for a lone variable: in a few dimensions one may by chance be what the network reads."""
FAILED = 0.5
"""A decoy whose score is below this is tried no further: its true score may be lower still."""
Refine = Callable[[Runs, Alignment, np.random.Generator], Alignment | None]
"""A costlier fit of the alignment on runs (see `extract.das`), tried where the plain one does not reach the
threshold."""


@dataclass(frozen=True, eq=False)
class Mechanism:
    """The verdict on one claim with what it rests on; `decoys` are names and scores of what must fail."""

    verdict: MechanismVerdict
    assessment: Assessment
    interval: tuple[float, float]
    p_value: float
    decoys: tuple[tuple[str, float], ...]
    fitted_on: Runs
    seconds: float

    @property
    def score(self) -> float:
        """The score of the claim."""
        return self.assessment.score

    @property
    def best_decoy(self) -> tuple[str, float]:
        """The decoy that comes nearest, among those that contradict the claim."""
        return max(_contrary(self.decoys), key=lambda item: item[1], default=NO_DECOY)

    def finding(self) -> Finding:
        """The verdict as a line of evidence."""
        domain = f"random inputs of length {self.fitted_on.time}"
        return Finding(CLAIM, METHOD, self.verdict, domain, self.seconds, tuple(self._measured().items()))

    def _measured(self) -> dict[str, object]:
        low, high = self.interval
        found: dict[str, object] = {"score": self.score, "low": low, "high": high, "p_value": self.p_value}
        found |= {"threshold": THRESHOLD, "weakest": self.assessment.weakest[0]}
        parts = [*self.assessment.experiments, *([self.assessment.unseen] if self.assessment.unseen else [])]
        for e in parts:
            found[f"interchange {e.name}"] = {"right": int(e.scored.sum()), "informative": len(e.scored),
                                              "score": e.score, "spared": e.spared}  # fmt: skip
        exact = zip(self.assessment.alignment.variables, self.assessment.alignment.exact, strict=True)
        found |= {f"read {v.name}": share for v, share in exact}
        alignment = self.assessment.alignment
        found |= {f"{DIRECTIONS_OF}{v.name}": size(alignment, v) for v in alignment.variables}
        found |= {f"decoy {name}": score for name, score in self.decoys}
        return found | {
            "effect over best decoy": self.score - self.best_decoy[1],
            "learned": self.assessment.alignment.raw,
        }


def decoy_claim(
    fitted: Runs, held: Runs, *, pairs: int, rng: np.random.Generator, refine: Refine | None = None
) -> Assessment:
    """A decoy's claim: the program of the runs, its alignment fitted as always, tried until it has clearly failed."""
    alignment = fit(fitted, held)
    if refine is not None and alignment.variables:
        alignment = refine(fitted, alignment, rng) or alignment
    return assess(held, alignment, pairs=pairs, rng=rng, enough=FAILED)


def claimed(
    network: RecurrentSubject,
    machine: Machine,
    *,
    rng: np.random.Generator,
    refine: Refine | None = None,
    deadline: Deadline = FOREVER,
) -> tuple[Runs, Runs, Alignment, Assessment]:
    """A program's own claim, without decoys: the runs it is fitted on, those it is judged on, the plain alignment, and
    what interventions say of that or, where it does better, of a refined one."""
    fitted, choose, held = split_runs(network, machine, rng=rng)
    plain = alignment = fit(fitted, held)
    if refine is not None and machine.states and not deadline.passed:
        first = assess(choose, alignment, pairs=PAIRS, rng=rng, deadline=deadline)
        if first.score < 0.5 * (1 + THRESHOLD) and first.agreement[0] >= THRESHOLD * first.agreement[1]:
            other = refine(fitted, alignment, rng)
            if other is not None and assess(choose, other, pairs=PAIRS, rng=rng, deadline=deadline).score > first.score:
                alignment = other
    return fitted, held, plain, assess(held, alignment, pairs=PAIRS, rng=rng, deadline=deadline)


def judge(
    network: RecurrentSubject,
    machine: Machine,
    *,
    rng: np.random.Generator,
    twin: RecurrentSubject | None = None,
    refine: Refine | None = None,
    deadline: Deadline = FOREVER,
) -> Mechanism:
    """The mechanism verdict on a program for a network, with its decoys; `twin` is a random network of the same
    make."""
    began = time.monotonic()
    fitted, held, plain, assessment = claimed(network, machine, rng=rng, refine=refine, deadline=deadline)
    raw = assessment.alignment.raw
    decoys = tuple(_decoys(machine, assessment, plain, fitted, held, twin, refine if raw else None, rng, deadline))
    interval, p_value = assessment.interval(rng=rng), assessment.p_value(rng=rng)
    best = max(_contrary(decoys), key=lambda item: item[1], default=NO_DECOY)
    verdict = decided(assessment, interval, p_value, best)
    return Mechanism(verdict, assessment, interval, p_value, decoys, fitted, time.monotonic() - began)


def _contrary(decoys: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    return [(name, score) for name, score in decoys if FINER not in name]


def stands(score: float, p_value: float, best_decoy: float) -> bool:
    """Whether a claim is supported: it reaches the threshold, not by chance, and well above what contradicts it."""
    return score >= THRESHOLD and p_value <= SIGNIFICANT and score >= best_decoy + MARGIN


def decided(
    assessment: Assessment, interval: tuple[float, float], p_value: float, best_decoy: tuple[str, float]
) -> MechanismVerdict:
    """The verdict on what was measured."""
    name, score = assessment.weakest
    other, theirs = best_decoy
    low, high = interval
    numbers = f"{score:.1%} right (95 % {low:.1%} to {high:.1%}), weakest: {name}; best decoy {theirs:.1%}"
    if theirs >= THRESHOLD:
        numbers += f" ({other})"
    if not assessment.told:
        return Undecided(f"too few interventions that matter; {numbers}")
    if not assessment.alignment.apart:
        return Undecided(f"some variables never vary independently, so no run tells them apart; {numbers}")
    if stands(score, p_value, theirs):
        return Supported(numbers)
    if high < THRESHOLD:
        return NotSupported(f"{_obstacle(assessment, best_decoy)}; {numbers}")
    if score >= THRESHOLD:
        return Undecided(f"{'a decoy does as well' if p_value <= SIGNIFICANT else f'p {p_value:.2g}'}; {numbers}")
    return Undecided(f"near the threshold of {THRESHOLD:.0%}; {numbers}")


def _obstacle(assessment: Assessment, best_decoy: tuple[str, float]) -> str:
    """What stands against a claim, told from what does better and from the experiments that fail."""
    alignment = assessment.alignment
    other, theirs = best_decoy
    right, runs = assessment.agreement
    share, name = min(zip(alignment.exact, (v.name for v in alignment.variables), strict=True), default=(1.0, ""))
    together = next((e.score for e in assessment.told if e.name == WHOLE), 0.0)
    if theirs >= THRESHOLD:
        return f"another claim does better ({other})"
    if right < THRESHOLD * runs:
        return f"outputs agree in {right / runs:.0%} of the runs only"
    if share < THRESHOLD:
        return f"{name} is read right in {share:.0%} of the states only"
    if together >= THRESHOLD:
        return f"variables carry over together ({together:.0%}), not each alone: the network may keep others"
    return "values are read right, but more of the state than these matters"


def split_runs(network: RecurrentSubject, machine: Machine, *, rng: np.random.Generator) -> tuple[Runs, Runs, Runs]:
    """Runs to fit on, to choose between fits on, and to be judged on."""
    runs = record(network, machine, words=FIT_WORDS + CHOOSE_WORDS + HELD_WORDS, rng=rng)
    middle = FIT_WORDS + CHOOSE_WORDS
    return runs.part(slice(0, FIT_WORDS)), runs.part(slice(FIT_WORDS, middle)), runs.part(slice(middle, None))


def _decoys(
    machine: Machine,
    assessment: Assessment,
    plain: Alignment,
    fitted: Runs,
    held: Runs,
    twin: RecurrentSubject | None,
    refine: Refine | None,
    rng: np.random.Generator,
    deadline: Deadline,
) -> Iterator[tuple[str, float]]:
    alignment = assessment.alignment
    if twin is not None and not deadline.passed:
        theirs = split_runs(twin, machine, rng=rng)
        steady = all(np.isfinite(part.hidden).all() for part in theirs)  # random ReLU networks may overflow
        found = decoy_claim(theirs[0], theirs[2], rng=rng, pairs=DECOY_PAIRS, refine=refine).score if steady else 0.0
        yield "random network", found
    if not alignment.variables:
        return
    for name, change, draws in (("shuffled alignment", shuffled, 1), ("wrong variable", wrong_variable, DIRECTIONS)):
        if not deadline.passed:
            turned = [change(alignment, rng=rng) for _ in range(draws if len(alignment.variables) == 1 else 1)]
            found = [assess(held, t, pairs=DECOY_PAIRS, rng=rng, enough=FAILED).score for t in turned]
            yield name, statistics.median(found)
    code = numbers_of(plain, held) @ plain.encoder
    programs = list(same_outputs(machine, held.network.domain))
    tried = 0
    for name, program in (programs[k] for k in rng.permutation(len(programs))):
        if deadline.passed or tried == PROGRAM_DECOYS:
            break
        other_fitted, other_held = fitted.under(program), held.under(program)
        otherwise = contrasts(other_held, held, rng=rng)
        other = fit(other_fitted, other_held)
        if not otherwise or redescribes(code, numbers_of(other, other_held)):
            continue
        tried += 1
        if refine is not None:
            other = refine(other_fitted, other, rng) or other
        theirs = assess(other_held, other, pairs=DECOY_PAIRS, rng=rng, enough=FAILED, against=otherwise)
        yield f"same outputs, {name}", theirs.score


def numbers_of(alignment: Alignment, runs: Runs) -> Matrix:
    """The numbers (state, all) of the program's values in all states of the runs."""
    return alignment.numbers({name: v.reshape(-1, v.shape[-1]) for name, v in runs.values.items()})
