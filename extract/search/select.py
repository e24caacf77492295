"""Joint search for a state encoding and an output: which recurrences to keep, and what to compute from them.

A set of recurrences *suffices* when the outputs are a function of the inputs and the recurrences' values on all
recorded points. Sufficient sets are tried cheapest first; for each, the term engine looks for the cheapest output
term. The sum of both costs decides.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsl.terms import Term, Var
from dsl.types import INT, IntType
from extract.search.assemble import OUTPUT
from extract.search.engine import Limits, Problem, SearchResult, StopReason
from extract.search.engine.synthesis import search_in
from extract.search.readable import readable
from extract.search.recurrences import Recurrence
from extract.search.sets import Sample, set_cost, sufficient_sets
from verify.domain import IntArray

ROWS = 400
QUICK_SETS, QUICK_EFFORT, QUICK_BITS = 40, 300_000, 36.0
SLOW_SETS, LONGEST_BITS = 6, 120.0
POLISH_EFFORT = 2_000_000
SHALLOW, SHALLOW_BITS, SHALLOW_EFFORT = 120, 16.0, 1_000_000
PATIENCE_S = 10.0
"""Efforts count candidate programs, so that a result does not depend on the speed of the machine; this is a fuse."""
CHEAP_CHOICE = 70.0
NOT_TRIED = SearchResult(None, math.inf, StopReason.TIME, 0, 0, 0.0, None, 0.0)
MOST_OTHERS = 4


@dataclass(frozen=True)
class Choice:
    """Recurrences and one output term per component, with the total cost in bits.

    `others` are outputs of the same cost that fit the sample too and differ elsewhere.
    """

    recurrences: tuple[Recurrence, ...]
    outputs: tuple[Term, ...]
    cost: float
    others: tuple[tuple[Term, ...], ...] = ()


def remembered_outputs(sample: Sample, initials: Sequence[int]) -> list[Recurrence]:
    """States that hold the last output (and the one before), one per component and initial value."""
    found = []
    for k in range(sample.arity):
        values = sample.outputs[..., k]
        for initial in initials:
            old = np.concatenate([np.full((len(values), 1), initial), values[:, :-1]], axis=1)
            name = f"o{k}_{initial}".replace("-", "m")
            found.append(Recurrence(name, Var(OUTPUT.format(k), INT), initial, old, values, 1.0))
        first = found[-len(initials)]
        older = np.concatenate([np.full((len(values), 1), first.initial), first.old[:, :-1]], axis=1)
        found.append(Recurrence(f"oo{k}", Var(first.name, INT), first.initial, older, first.old, 2.0, (first,)))
    return found


def leaves(sample: Sample, chosen: Sequence[Recurrence]) -> dict[str, IntArray]:
    """What an output term may use: inputs, old values, and new values except those of remembered outputs."""
    columns = dict(sample.inputs)
    for r in chosen:
        for item in r.closure():
            columns[item.name] = item.old
            if not _is_output(item):
                columns[item.name + "'"] = item.new
    return columns


def _is_output(r: Recurrence) -> bool:
    return isinstance(r.update, Var) and r.update.name.startswith("output")


def fit_outputs(
    sample: Sample, chosen: Sequence[Recurrence], constants: tuple[int, ...], timeout_s: float, *, effort: int,
    costs: dict[str, float] | None = None, max_cost: float = 60.0,
) -> list[tuple[Term, ...]]:  # fmt: skip
    """The cheapest output terms found over the leaves of a chosen set; then others of that cost, one term exchanged."""
    columns = leaves(sample, chosen)
    fitted: list[tuple[Term, ...]] = []
    for k in range(sample.arity):
        target = sample.outputs[..., k]
        found = fit_terms(columns, target, constants, timeout_s, effort=effort, costs=costs, max_cost=max_cost)
        if not found:
            return []
        fitted.append(found)
    best = tuple(found[0] for found in fitted)
    others = [(*best[:k], other, *best[k + 1 :]) for k, found in enumerate(fitted) for other in found[1:]]
    return [best, *others[:MOST_OTHERS]]


def fit_term(
    columns: dict[str, IntArray], target: IntArray, constants: tuple[int, ...], timeout_s: float, *, effort: int,
    costs: dict[str, float] | None = None, max_cost: float = 60.0,
) -> Term | None:  # fmt: skip
    """The cheapest term found that maps the columns to the target on every point, or None; see `fit`."""
    found = fit_terms(columns, target, constants, timeout_s, effort=effort, costs=costs, max_cost=max_cost)
    return found[0] if found else None


def fit_terms(
    columns: dict[str, IntArray], target: IntArray, constants: tuple[int, ...], timeout_s: float, *, effort: int,
    costs: dict[str, float] | None = None, max_cost: float = 60.0,
) -> tuple[Term, ...]:  # fmt: skip
    """That term, and others of its cost that differ elsewhere; nothing if there is none.

    Answers are not compressed: other encodings of the state are worth more than a shorter term over this one.
    """
    limits = Limits(timeout_s=min(timeout_s, PATIENCE_S), max_cost=max_cost, max_candidates=effort, compression=0)
    result = fit(columns, target, constants, limits, costs)
    return () if result.term is None else (result.term, *result.alternatives)


def fit(
    columns: dict[str, IntArray], target: IntArray, constants: tuple[int, ...], limits: Limits,
    costs: dict[str, float] | None = None,
) -> SearchResult:
    """Synthesis on few rows, checked on all, repeated with the rows that were wrong; candidates of all rounds."""
    names = list(columns)
    table = np.unique(np.stack([*(columns[n].ravel() for n in names), target.ravel()], axis=1), axis=0)
    picked = _spread(len(table))
    began = time.monotonic()
    deadline = began + limits.timeout_s
    candidates = 0
    result = NOT_TRIED
    for _ in range(6):
        rows = table[picked]
        variables = tuple(_variable(n, table[:, k]) for k, n in enumerate(names))
        problem = Problem(
            variables, tuple(np.ascontiguousarray(rows[:, k]) for k in range(len(names))),
            np.ascontiguousarray(rows[:, -1]),
            None if costs is None else tuple(costs[n] for n in names), constants,
        )  # fmt: skip
        left = deadline - time.monotonic()
        if left <= 0:
            break
        result = search_in(readable(constants), problem, {}, replace(limits, timeout_s=left))
        candidates += result.candidates
        wrong = picked[:0] if result.term is None else wrong_rows(result.term, names, table)
        if not len(wrong):
            found = candidates - result.candidates + result.found
            others = tuple(term for term in result.alternatives if not len(wrong_rows(term, names, table)))
            seconds = time.monotonic() - began
            return replace(result, alternatives=others, candidates=candidates, found=found, seconds=seconds)
        picked = np.concatenate([picked, wrong[:40]])
    return replace(
        result, term=None, cost=math.inf, stop=StopReason.TIME, minimal=False, candidates=candidates,
        seconds=time.monotonic() - began,
    )  # fmt: skip


def wrong_rows(term: Term, names: Sequence[str], table: IntArray) -> NDArray[np.int64]:
    """Rows of a table (columns, then target) on which the term is wrong."""
    from dsl.batch import evaluate_batch

    values = evaluate_batch(term, {n: table[:, k] for k, n in enumerate(names)})
    return np.flatnonzero(np.broadcast_to(values, len(table)).astype(object) != table[:, -1].astype(object))


def _variable(name: str, values: IntArray) -> Var:
    return Var(name, IntType(int(values.min()), int(values.max())))


def _spread(count: int) -> NDArray[np.int64]:
    """At most ROWS row numbers, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, ROWS)).astype(np.int64))


def choices(
    sample: Sample, pool: Sequence[Recurrence], constants: tuple[int, ...], left: Callable[[], float], *,
    bound: float = np.inf, effort: int = 2_000_000, whole: Sequence[Recurrence] = (),
) -> Iterator[Choice]:  # fmt: skip
    """Programs that fit the sample, each cheaper than `bound` and those before it.

    A quick pass looks for short outputs on many sufficient sets, cheapest first; only when it finds nothing cheap
    does a second pass spend `effort` candidates on each of a few. The set `whole` is tried at once and to any length.
    Before and after comes one search over many leaves at once, shallow and deep. `left` tells the seconds left, which
    the caller may cut while it tests what was found.
    """
    best = bound
    for choice in _shallow(sample, pool, constants, left):
        if choice.cost < best:
            best = choice.cost
            yield choice
    for attempts, tries, longest in ((QUICK_SETS, QUICK_EFFORT, QUICK_BITS), (SLOW_SETS, effort, LONGEST_BITS)):
        fitted: list[frozenset[str]] = []
        sets = sufficient_sets(sample, pool, fitted, whole if attempts == QUICK_SETS else ())
        for chosen in itertools.islice(sets, attempts):
            if (set_cost(chosen) >= best and chosen != tuple(whole)) or left() <= 0:
                break
            most = LONGEST_BITS if chosen == tuple(whole) else longest
            found = fit_outputs(sample, chosen, constants, left(), effort=tries, max_cost=most)
            if not found:
                continue
            if tries < POLISH_EFFORT:  # the first fit is rarely the cheapest
                found = fit_outputs(sample, chosen, constants, left(), effort=POLISH_EFFORT, max_cost=most) or found
            choice = _choice(chosen, found)
            fitted.append(frozenset(r.name for r in chosen))
            if choice.cost < best:
                best = choice.cost
                yield choice
        if best <= CHEAP_CHOICE:
            return
    if left() > 0:
        yield from _all_leaves(sample, pool, constants, left, effort)


def _shallow(
    sample: Sample, pool: Sequence[Recurrence], constants: tuple[int, ...], left: Callable[[], float]
) -> Iterator[Choice]:
    """Outputs of one or two operators over the leaves of the whole pool: no set need be guessed for these."""
    ranked = sorted(pool, key=lambda r: set_cost([r]))[:SHALLOW]
    columns = leaves(sample, ranked)
    limits = Limits(
        timeout_s=min(left(), PATIENCE_S), max_cost=SHALLOW_BITS, max_candidates=SHALLOW_EFFORT,
        compression=0, distillers=False, guided=False,
    )  # fmt: skip
    found: list[Term] = []
    for k in range(sample.arity):
        if limits.timeout_s <= 0:
            return
        result = fit(columns, sample.outputs[..., k], constants, limits, dict.fromkeys(columns, 3.0))
        if result.term is None:
            return
        found.append(result.term)
    yield _choice(ranked, [tuple(found)])


def _all_leaves(
    sample: Sample, pool: Sequence[Recurrence], constants: tuple[int, ...], left: Callable[[], float], effort: int
) -> Iterator[Choice]:
    """One search over the leaves of many recurrences, each leaf priced at what its recurrence costs."""
    ranked = sorted(pool, key=lambda r: set_cost([r]))
    for width in (6, 14):
        chosen = ranked[:width]
        costs = dict.fromkeys(sample.inputs, 2.0)
        for r in chosen:
            for item in r.closure():
                costs[item.name] = costs[item.name + "'"] = 2.0 + 0.5 * set_cost([item])
        columns = leaves(sample, chosen)
        limit = left()
        if limit <= 0:
            return
        priced = {n: costs[n] for n in columns}
        found = fit_outputs(sample, chosen, constants, limit, effort=effort, costs=priced, max_cost=120.0)
        if found:
            yield _choice(chosen, found)
            return


def _choice(chosen: Sequence[Recurrence], found: Sequence[tuple[Term, ...]]) -> Choice:
    """What was found with the recurrences that it uses; others that use different ones are left out."""
    used = _used(chosen, found[0])
    others = tuple(outputs for outputs in found[1:] if _used(chosen, outputs) == used)
    return Choice(used, found[0], set_cost(used) + sum(map(term_cost, found[0])), others)


def _used(chosen: Sequence[Recurrence], outputs: Sequence[Term]) -> tuple[Recurrence, ...]:
    from dsl.terms import variables

    names = {n.rstrip("'") for t in outputs for n in variables(t)}
    return tuple({item.name: item for r in chosen for item in r.closure() if item.name in names}.values())


def term_cost(term: Term) -> float:
    """Bits of a term by the language's cost model."""
    from dsl.cost import term_bits

    return term_bits(term, 8)
