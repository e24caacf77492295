"""What a search reports: the program, how sure it is to be the cheapest, and how far the best one got otherwise."""

from __future__ import annotations

import time

import numpy as np

from dsl.terms import Term
from extract.search.engine import sample
from extract.search.engine.lowering import NUMBER, TRUTH
from extract.search.engine.problem import SearchResult, StopReason
from extract.search.engine.search import Search

CLOSEST_ROWS = 1 << 17


def report(search: Search, stop: StopReason) -> SearchResult:
    """The result of a search that stopped."""
    best, agreement = (search.best, 1.0) if search.best is not None else _closest(search)
    explored = search.runs[0].complete - 1 if search.runs else 0
    by_level = search.method == "enumeration" and not search.weights and not search.runs[0].truncated
    return SearchResult(
        term=search.best,
        cost=search.cost,
        stop=stop,
        candidates=search.tried,
        classes=sum(run.bank.classes for run in search.runs),
        seconds=time.perf_counter() - search.started,
        best=best,
        best_agreement=agreement,
        alternatives=_alternatives(search),
        minimal=search.best is not None and (by_level or (explored >= search.cost - 1 and not search.weights)),
        explored=explored,
        found=search.found,
        method=search.method,
    )


def _closest(search: Search) -> tuple[Term | None, float]:
    """The bank's term that is right on most examples: the best few on the sample, scored on all."""
    if not search.runs:
        return None, 0.0
    run = search.runs[-1]
    kind = TRUTH if search.problem.target.dtype == bool else NUMBER
    store = run.bank.stores[kind]
    values = store.columns(slice(0, min(store.used, CLOSEST_ROWS)))
    agree = (run.bank.unpacked(values) if kind == TRUTH else values) == search.problem.target[search.chosen][:, None]
    best, share = None, 0.0
    for at in np.argsort(-agree.sum(axis=0), kind="stable")[:8]:
        term = run.row_term(search.language.apply, kind, int(at))
        right = 1.0 - len(search.wrong_on(term)) / max(len(search.pool), 1)
        if right > share:
            best, share = term, right
    return best, share


def _alternatives(search: Search) -> tuple[Term, ...]:
    """Ties that differ from the best program and from each other on inputs beyond the examples."""
    if search.best is None or not search.ties:
        return ()
    evaluate, problem = search.language.evaluate, search.problem
    inputs = sample.probes(problem, rng=np.random.default_rng(1))
    seen = [sample.values(search.best, problem, evaluate, inputs)]
    kept: list[Term] = []
    for term in search.ties:
        values = sample.values(term, problem, evaluate, inputs)
        if len(kept) < search.limits.alternatives and not any(np.array_equal(values, other) for other in seen):
            seen.append(values)
            kept.append(term)
    return tuple(kept)
