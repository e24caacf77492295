"""Interchange interventions: is a variable *used* where its decoder reads it?

Two inputs A and B run to a random time t; what a variable's decoder reads in B's state is written into A's along the
variable's encoder directions, and what no decoder direction reads stays. The network's outputs after t must then be the
program's counterfactual ones: A's program state with that variable's value taken from B, continued on A's remaining
inputs (Geiger et al. 2021; with linear subspaces as in distributed alignment search, 2023). Only pairs whose
counterfactual differs from what A would have answered anyway count as evidence. Scores mean nothing alone: report them
beside those of a random network with decoders refitted in the same way.

Measured on 44 trained networks: exchanging the orthogonal projection on the reading directions instead (the least
change that alters the reading) scores about 0 on most saturated networks, since the same variable is held elsewhere
too; writing along the encoder moves all of its copies.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsl.batch import step_batch
from dsl.programs import Machine
from verify.budget import FOREVER, Deadline
from verify.decoders import SITE, Decoder, Matrix, fit_decoders, states_after
from verify.domain import IntArray
from verify.lockstep import Columns, take
from verify.statistics import permutation_p_value, wilson
from verify.subject import FloatArray, Forced, Subject
from verify.verdict import Finding, Unknown

CLAIM = "program variables are used where the decoders read them"
METHOD = "interchange intervention"
GROUPS = 8
"""Times t drawn per variable; each gets an equal share of the pairs."""
ROUNDS = 200
NEGLIGIBLE = 1e-4
"""Directions this much weaker than the strongest are left out (indicators sum to 1, so one of them always is)."""
WHOLE = "all variables"


@dataclass(frozen=True, slots=True)
class VariableScore:
    """`right` of the `informative` interventions (those that must change the output) had the program's effect.

    `right_of_all` is the share among all `tried` pairs, which is easy where few of them change anything.
    """

    variable: str
    tried: int
    informative: int
    right: int
    right_of_all: float
    interval: tuple[float, float]
    p_value: float

    @property
    def score(self) -> float:
        """Share of informative interventions with the program's effect; 0 when there were none."""
        return self.right / self.informative if self.informative else 0.0


@dataclass(frozen=True, slots=True)
class InterchangeScore:
    """Per variable and for all variables at once; `score` is the lowest of the variables' scores."""

    by_variable: tuple[VariableScore, ...]
    whole: VariableScore
    n: int

    @property
    def score(self) -> float:
        """The lowest score among variables that had informative interventions."""
        return min((v.score for v in self.by_variable if v.informative), default=0.0)


def interchange(
    network: Subject,
    machine: Machine,
    decoders: Sequence[Decoder],
    *,
    count: int = 1_000,
    rng_seed: int,
    deadline: Deadline = FOREVER,
) -> InterchangeScore:
    """Scores of `count` interchanges per variable, and of as many of all variables at once."""
    rng = np.random.default_rng(rng_seed)
    targets = [(d.variable, [d]) for d in decoders]
    scores = [_score(network, machine, name, used, count, rng, deadline) for name, used in targets]
    whole = _score(network, machine, WHOLE, list(decoders), count, rng, deadline)
    return InterchangeScore(tuple(scores), whole, count)


def _score(
    network: Subject,
    machine: Machine,
    name: str,
    decoders: list[Decoder],
    count: int,
    rng: np.random.Generator,
    deadline: Deadline,
) -> VariableScore:
    weights = np.concatenate([d.weights for d in decoders]) if decoders else np.zeros((0, network.sites[0].width))
    back = _writer(decoders) if decoders else weights
    length = max(network.domain.train_length, 2)
    expected, actual = list[IntArray](), list[IntArray]()
    tried = right_of_all = 0
    for t in rng.integers(0, length - 1, size=GROUPS).tolist():
        if deadline.passed:
            break
        inputs, others = (network.domain.draw((max(count // GROUPS, 1), length), rng=rng) for _ in range(2))
        state = _exchanged(network, inputs, others, t, weights, back)
        after = network.run_forced(inputs, [Forced(SITE, t, state)])[:, t + 1 :]
        plain, wanted = _counterfactual(machine, inputs, others, t, [d.variable for d in decoders])
        informative = (plain != wanted).any(axis=(1, 2))
        expected.append(wanted[informative])
        actual.append(after[informative])
        tried += len(inputs)
        right_of_all += int((after == wanted).all(axis=(1, 2)).sum())
    right = sum(int((e == a).all(axis=(1, 2)).sum()) for e, a in zip(expected, actual, strict=True))
    total = sum(len(e) for e in expected)
    p_value = permutation_p_value(expected, actual, rounds=ROUNDS, rng=rng) if total else 1.0
    return VariableScore(name, tried, total, right, right_of_all / max(tried, 1), wilson(right, total), p_value)


def _writer(decoders: list[Decoder]) -> Matrix:
    """The change of state (k width) per unit of each number read, scaled so that reading it back gives the unit."""
    weights, encoder = np.concatenate([d.weights for d in decoders]), np.concatenate([d.encoder for d in decoders])
    return (np.linalg.pinv(encoder @ weights.T, rcond=NEGLIGIBLE) @ encoder).astype(np.float64)


def _exchanged(
    network: Subject, inputs: IntArray, others: IntArray, t: int, weights: Matrix, back: Matrix
) -> FloatArray:
    """States of `inputs` after step t that read as `others` do."""
    mine, theirs = (network.trace(words[:, : t + 1]).activations[SITE][:, t] for words in (inputs, others))
    return (mine + (theirs - mine) @ weights.T @ back).astype(np.float32)


def _counterfactual(
    machine: Machine, inputs: IntArray, others: IntArray, t: int, variables: list[str]
) -> tuple[IntArray, IntArray]:
    """The program's outputs after step t, as they are and with the variables' values taken from `others`."""
    mine, theirs = (_at(states_after(machine, words[:, : t + 1]), t) for words in (inputs, others))
    mixed = {name: theirs[name] if name in variables else column for name, column in mine.items()}
    return _continued(machine, mine, inputs[:, t + 1 :]), _continued(machine, mixed, inputs[:, t + 1 :])


def _at(states: Columns, t: int) -> Columns:
    return take(states, (slice(None), t))


def _continued(machine: Machine, state: Columns, inputs: IntArray) -> IntArray:
    outputs = []
    for t in range(inputs.shape[1]):
        state, out = step_batch(machine, state, inputs[:, t])
        outputs.append(out)
    return np.stack(outputs, axis=1)


def causal_finding(
    network: Subject,
    machine: Machine,
    *,
    rng_seed: int,
    decoy: Subject | None = None,
    count: int = 1_000,
    deadline: Deadline = FOREVER,
) -> Finding:
    """Fit decoders, intervene, and do the same to the decoy; `Unknown` with the numbers, for sampling never proves."""
    began = time.monotonic()
    fitted = fit_decoders(network, machine, rng_seed=rng_seed)
    score = interchange(network, machine, fitted, count=count, rng_seed=rng_seed + 1, deadline=deadline)
    measured = [*_numbers("", fitted, score)]
    reason = f"interchange right on {_phrase(score.whole)} for {WHOLE}, lowest variable {score.score:.1%}"
    if decoy is not None:
        refitted = fit_decoders(decoy, machine, rng_seed=rng_seed)
        control = interchange(decoy, machine, refitted, count=count, rng_seed=rng_seed + 1, deadline=deadline)
        measured += _numbers("decoy ", refitted, control)
        reason += f"; decoy {control.whole.score:.1%} and {control.score:.1%}"
    domain = f"random inputs of length {max(network.domain.train_length, 2)}"
    return Finding(CLAIM, METHOD, Unknown(reason), domain, time.monotonic() - began, tuple(measured))


def _phrase(score: VariableScore) -> str:
    low, high = score.interval
    return f"{score.score:.1%} of {score.informative} interventions that matter (95 % {low:.1%} to {high:.1%})"


def _numbers(prefix: str, decoders: Sequence[Decoder], score: InterchangeScore) -> list[tuple[str, object]]:
    numbers: list[tuple[str, object]] = []
    for d in decoders:
        numbers.append((f"{prefix}decoder {d.variable}", {"r2": d.r2, "exact": d.exact, "directions": len(d.weights)}))
    for v in (*score.by_variable, score.whole):
        entry = {"right": v.right, "informative": v.informative, "tried": v.tried, "score": v.score}
        entry |= {"right_of_all": v.right_of_all, "low": v.interval[0], "high": v.interval[1], "p_value": v.p_value}
        numbers.append((f"{prefix}interchange {v.variable}", entry))
    return numbers
