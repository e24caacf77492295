"""Where two programs on the same inputs part: interventions of which they foretell different effects.

A program *implies* another when, for each variable of the other, taking over some of its own variables has the same
effect on the outputs as taking over that one: then the other is an abstraction of it (Beckers and Halpern 2019) and
no intervention speaks for the one and against the other. All of this is asked of the programs alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from verify.causal.interventions import Forecast, Plan, bases, foretold, others
from verify.causal.runs import Runs
from verify.domain import IntArray

COMPARED = 128
"""Pairs per step on which two programs are compared."""
ALIKE = 0.01
"""Share of interventions with an effect on which two programs may part that are called the same."""

Contrast = tuple[str, Forecast]
"""A variable of a program, and what another program foretells when it is exchanged."""


def contrasts(runs: Runs, other: Runs, *, rng: np.random.Generator) -> tuple[Contrast, ...]:
    """The variables of a program on which another on the same words foretells other outputs, whichever of its own it
    takes over; with what it foretells. None: the other program implies this one, as a finer one does (Beckers and
    Halpern 2019), or is the same but for variables that nothing reads."""
    found = []
    for name in runs.values:
        names, unlike = counterpart(runs, other, name, rng=rng)
        if unlike > ALIKE:
            found.append((name, forecast(other, names)))
    return tuple(found)


def counterpart(runs: Runs, other: Runs, name: str, *, rng: np.random.Generator) -> tuple[tuple[str, ...], float]:
    """The variables of another program that stand for one of this program, as far as any do: taking their values from
    another run has most often the effect of taking this one's; and how often it has another effect, as a share of
    the pairs on which either changes the outputs. Asked of the programs alone, on the same words."""
    names = list(other.values)
    sizes = {0, 1, 2, len(names)}
    subsets = [s for size in sorted(sizes) for s in itertools.combinations(names, size)]
    effects, unlike = np.zeros(len(subsets)), np.zeros(len(subsets))
    for t in range(max(runs.time // 2, 1)):
        base = bases(runs, t, COMPARED, rng)
        source = others(runs, [name], base, t, rng)
        plain = runs.expected[base, t + 1 :]
        wanted, _, _ = foretold(runs, base, [(t, {name: source})])
        for k, subset in enumerate(subsets):
            theirs, _, _ = foretold(other, base, [(t, dict.fromkeys(subset, source))])
            effects[k] += ((wanted != plain) | (theirs != plain)).any(axis=(1, 2)).sum()
            unlike[k] += (wanted != theirs).any(axis=(1, 2)).sum()
    shares = unlike / np.maximum(effects, 1)
    best = int(shares.argmin())
    return subsets[best], float(shares[best])


def forecast(other: Runs, names: Sequence[str]) -> Forecast:
    """What a program foretells when these of its variables are taken over, wherever a plan takes over any."""

    def outputs(t: int, base: IntArray, plan: Plan) -> IntArray:
        theirs = [(when, dict.fromkeys(names, next(iter(who.values())))) for when, who in plan]
        return foretold(other, base, theirs)[0]

    return outputs
