"""Interventions on the variables of a program in a network: the outputs must be the program's counterfactual ones.

The value of a variable is read off the state of one run, after as many steps or fewer, and written into that of
another; what no variable accounts for stays as it is. With all variables exchanged, the rest of the state is that of an
unrelated run: resampling ablation of everything the alignment calls irrelevant (causal scrubbing), judged run by run so
that errors cannot cancel. Only pairs whose counterfactual differs from what would have been answered anyway count as
evidence, or, against another program, from what that foretells. (Interchange interventions: Geiger et al. 2021.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl.batch import step_batch
from verify.causal.alignment import Alignment
from verify.causal.runs import Runs, keys_of, kinds
from verify.domain import IntArray
from verify.lockstep import BoolArray, Columns, leaves

SEVERAL = "several variables"
STEPS = "several steps"
WHOLE = "all variables"
UNSEEN = "values never seen together"
GROUPS = 3
"""Times of intervention drawn per experiment; each gets an equal share of the pairs."""
CANDIDATES = 4, 32
"""Pairs tried on the program for each that is tried on the network, since most change nothing: at first, and where too
few of these matter."""

Plan = Sequence[tuple[int, Mapping[str, IntArray]]]
"""Times, and for each the variables whose value is taken from the states with these numbers (see `Runs.pooled`)."""
Forecast = Callable[[int, IntArray, Plan], IntArray]
"""Outputs after a time that another program foretells for the runs of a plan."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """One experiment on many pairs: did the network give the counterfactual outputs (`right`), did these differ from
    the plain ones (`matters`), did the network's own outputs change (`changed`)? `wanted` and `actual` number the
    outputs of the steps all pairs have in common, equal numbers for equal outputs."""

    name: str
    right: BoolArray
    matters: BoolArray
    changed: BoolArray
    wanted: IntArray
    actual: IntArray

    @property
    def scored(self) -> BoolArray:
        """`right` on the pairs that matter."""
        return self.right[self.matters]

    @property
    def score(self) -> float:
        """Share right among those that matter; of all, where the claim is that nothing matters."""
        return float(self.scored.mean()) if len(self.scored) else 0.0

    @property
    def spared(self) -> float:
        """Share of pairs that should change nothing on which nothing changed; 1 where there were none."""
        idle = ~self.matters
        return float((~self.changed[idle]).mean()) if idle.any() else 1.0


def exchange(
    runs: Runs,
    alignment: Alignment,
    name: str,
    *,
    pairs: int,
    rng: np.random.Generator,
    against: Forecast | None = None,
) -> Outcomes:
    """The value of one variable (or `WHOLE`: of all) taken from another run; with `against`, on pairs for which another
    program foretells other outputs than this one."""
    names = [v.name for v in alignment.variables] if name == WHOLE else [name]

    def plan(t: int, count: int) -> tuple[IntArray, Plan]:
        base = bases(runs, t, count, rng)
        return base, [(t, dict.fromkeys(names, others(runs, names, base, t, rng)))]

    return _experiment(name, runs, alignment, plan, pairs, rng, against=against)[0]


def exchange_several(
    runs: Runs, alignment: Alignment, *, pairs: int, rng: np.random.Generator
) -> tuple[Outcomes, Outcomes]:
    """Two or more variables at once, each from a run of its own: on joint values that were met, and on others."""
    names = [v.name for v in alignment.variables]

    def plan(t: int, count: int) -> tuple[IntArray, Plan]:
        base = bases(runs, t, count, rng)
        size = int(rng.integers(2, len(names) + 1))
        chosen = [names[k] for k in rng.permutation(len(names))[:size]]
        return base, [(t, {n: others(runs, [n], base, t, rng) for n in chosen})]

    both, seen = _experiment(SEVERAL, runs, alignment, plan, 2 * pairs, rng)
    return _subset(both, seen, SEVERAL), _subset(both, ~seen, UNSEEN)


def exchange_twice(runs: Runs, alignment: Alignment, *, pairs: int, rng: np.random.Generator) -> Outcomes:
    """One variable after one step, and another (or the same) one to three steps later, from different runs; of pairs
    whose joint values were met."""
    names = [v.name for v in alignment.variables]

    def plan(t: int, count: int) -> tuple[IntArray, Plan]:
        base = bases(runs, t, count, rng)
        later = min(t + int(rng.integers(1, 4)), runs.time - 2)
        first, second = (names[k] for k in rng.integers(0, len(names), 2))
        return base, [(t, {first: others(runs, [first], base, t, rng)}),
                      (later, {second: others(runs, [second], base, later, rng)})]  # fmt: skip

    return _experiment(STEPS, runs, alignment, plan, pairs, rng, met=True)[0]


def scrub_everything(runs: Runs, *, pairs: int, rng: np.random.Generator) -> Outcomes:
    """For a program without variables: the whole state taken from another run, which must change nothing."""
    t = int(rng.integers(0, runs.time - 1))
    base, other = rng.integers(0, runs.words, (2, pairs))
    actual = _continued(runs, runs.hidden[other, t], base, t)
    wanted = runs.expected[base, t + 1 :]
    right = (actual == wanted).all(axis=(1, 2))
    numbers = _numbered(wanted, actual)
    return Outcomes(
        WHOLE, right, np.ones(pairs, bool), ~(actual == runs.outputs[base, t + 1 :]).all(axis=(1, 2)), *numbers
    )


def bases(runs: Runs, t: int, count: int, rng: np.random.Generator) -> IntArray:
    """Runs to intervene on, every joint value after step t alike often."""
    kind = kinds(runs, list(runs.values), slice(t, t + 1))
    weight = (1.0 / np.bincount(kind))[kind]
    return rng.choice(runs.words, size=count, p=weight / weight.sum())


def others(runs: Runs, names: Sequence[str], base: IntArray, t: int, rng: np.random.Generator) -> IntArray:
    """For each run a state of a run after step t or before, in which the variables have another value, every value
    alike often. States after more steps are left out: what a network counts may then pass all it was trained on."""
    kind = kinds(runs, names, slice(0, t + 1))
    weight = (1.0 / np.bincount(kind))[kind]
    weight /= weight.sum()
    other = rng.choice(len(kind), size=len(base), p=weight)
    again = kind[other] == kind[runs.words * t + base]
    other[again] = rng.choice(len(kind), size=int(again.sum()), p=weight)
    return other


def _experiment(
    name: str,
    runs: Runs,
    alignment: Alignment,
    plan: Callable[[int, int], tuple[IntArray, Plan]],
    pairs: int,
    rng: np.random.Generator,
    *,
    against: Forecast | None = None,
    met: bool = False,
) -> tuple[Outcomes, BoolArray]:
    """Outcomes of pairs drawn by `plan(time, count)`, most of them with a counterfactual that matters, and whether the
    joint values they make were met in some run."""
    horizon = max((runs.time - 1) // 2, 1)
    share = max(pairs // GROUPS, 1)
    found: list[tuple[Any, ...]] = []

    def drawn(t: int, count: int) -> tuple[IntArray, Plan, IntArray, BoolArray, BoolArray, BoolArray]:
        base, steps = plan(t, count)
        wanted, seen, inside = foretold(runs, base, steps)
        usual = runs.expected[base, t + 1 :] if against is None else against(t, base, steps)
        known = _known(runs, alignment, steps) & inside & (seen | (not met))
        return base, steps, wanted, seen, (wanted != usual).any(axis=(1, 2)), known

    for t in rng.integers(0, max(runs.time - 1 - horizon, 1), size=GROUPS).tolist():
        base, steps, wanted, seen, matters, known = drawn(t, CANDIDATES[0] * share)
        if (matters & known).sum() < share:
            base, steps, wanted, seen, matters, known = drawn(t, CANDIDATES[1] * share)
        order = np.concatenate(
            [np.flatnonzero(matters & known)[:share], np.flatnonzero(~matters & known)[: share // 4]]
        )
        base, wanted, matters = base[order], wanted[order], matters[order]
        taken = [(when, {n: source[order] for n, source in who.items()}) for when, who in steps]
        actual = _intervened(runs, alignment, base, taken)
        right = (actual == wanted).all(axis=(1, 2))
        changed = (actual != runs.outputs[base, t + 1 :]).any(axis=(1, 2))
        found.append((right, matters, changed, wanted[:, :horizon], actual[:, :horizon], seen[order]))
    right, matters, changed, wanted, actual, seen = (np.concatenate(column) for column in zip(*found, strict=True))
    return Outcomes(name, right, matters, changed, *_numbered(wanted, actual)), seen


def foretold(runs: Runs, base: IntArray, plan: Plan) -> tuple[IntArray, BoolArray, BoolArray]:
    """The program's outputs after the first time of the plan, whether all changes make joint values that were met in
    some run, and whether each variable of few values keeps to those ever after: a network has no other to move to."""
    times = dict(plan)
    t = plan[0][0]
    state: Columns = _rows(runs.states[t], base)
    outputs, seen, inside = [], np.ones(len(base), bool), np.ones(len(base), bool)
    for now in range(t, runs.time):
        if now > t:
            state, out = step_batch(runs.machine, state, runs.inputs[base, now])
            outputs.append(out)
        if now in times:
            columns = runs.pooled[1]
            state = {n: values_from(columns[n], times[now][n]) if n in times[now] else v for n, v in state.items()}
            values = {n: np.stack([np.asarray(x, float) for x in leaves(v)], axis=1) for n, v in state.items()}
            seen &= np.array([key in runs.met for key in keys_of(values)], bool)
        for name, few in runs.few.items():
            inside &= np.isin(np.asarray(next(iter(leaves(state[name])))), few)
    return np.stack(outputs, axis=1), seen, inside


def _intervened(runs: Runs, alignment: Alignment, base: IntArray, plan: Plan) -> IntArray:
    """The network's outputs after the first time of the plan."""
    times = dict(plan)
    t = plan[0][0]
    state = runs.hidden[base, t]
    outputs = []
    for now in range(t, runs.time):
        if now > t:
            state, out = runs.network.step(state, runs.inputs[base, now])
            outputs.append(out)
        if now in times:
            change = np.zeros((len(base), len(alignment.encoder)))
            mine = alignment.read(state)
            for v in alignment.variables:
                if v.name in times[now]:
                    theirs = alignment.read(runs.pooled[0][times[now][v.name]])
                    change[:, v.span] = (theirs - mine)[:, v.span]
            state = alignment.moved(state, change)
    return np.stack(outputs, axis=1)


def _continued(runs: Runs, state: Any, base: IntArray, t: int) -> IntArray:
    outputs = []
    for now in range(t + 1, runs.time):
        state, out = runs.network.step(state, runs.inputs[base, now])
        outputs.append(out)
    return np.stack(outputs, axis=1)


def _known(runs: Runs, alignment: Alignment, plan: Plan) -> BoolArray:
    """Pairs whose values taken over were met while fitting."""
    known: Any = True
    for _, who in plan:
        for v in alignment.variables:
            if v.name in who:
                pooled = runs.values[v.name].swapaxes(0, 1).reshape(runs.words * runs.time, -1)
                known &= v.known(pooled[who[v.name]])
    return np.asarray(known, bool)


def _subset(outcomes: Outcomes, rows: BoolArray, name: str) -> Outcomes:
    return Outcomes(name, outcomes.right[rows], outcomes.matters[rows], outcomes.changed[rows], outcomes.wanted[rows],
                    outcomes.actual[rows])  # fmt: skip


def _numbered(wanted: IntArray, actual: IntArray) -> tuple[IntArray, IntArray]:
    if not len(wanted):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows = np.concatenate([wanted, actual]).reshape(2 * len(wanted), -1)
    number = np.unique(rows.astype(np.int64), axis=0, return_inverse=True)[1].ravel()
    return number[: len(wanted)], number[len(wanted) :]


def _rows(columns: Columns, index: IntArray) -> Columns:
    return {name: values_from(value, index) for name, value in columns.items()}


def values_from(value: Any, index: IntArray) -> Any:
    """The rows at `index` of a state variable's column, or of each element of a register."""
    return tuple(values_from(part, index) for part in value) if isinstance(value, tuple) else value[index]
