"""Long answers made cheaper at the end of a search: the problems of `proposals` one after another, on a budget.

Each is searched for with little effort first, then with more, until what it yields makes the program cheaper; the
cheaper program has proposals of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from dsl.terms import Apply, Term, subterms
from extract.search.engine import sample
from extract.search.engine.language import FALSE, TRUE, Language
from extract.search.engine.problem import Limits, Problem, SearchResult
from extract.search.engine.proposals import Proposal, proposals, replaced
from extract.search.engine.search import Search

LONG_BITS = 46
EFFORTS = (30_000, 120_000, 480_000)
Solve = Callable[[Language, Problem, Mapping[str, float], Limits], SearchResult]


@dataclass
class Compression:
    """Makes the best program of a search cheaper. `solve` searches for parts, `spent` counts their candidates.

    `failed` holds the problems tried in vain, with the bits and candidates allowed (any number if all was tried).
    """

    search: Search
    solve: Solve
    spent: int = 0
    failed: dict[bytes, tuple[int, float]] = field(default_factory=dict)

    def helps(self) -> bool:
        """Replace parts of a long best program that is not known to be minimal; whether that makes it cheaper."""
        search, before = self.search, self.search.cost
        if not search.limits.compression or search.settled:
            return False
        while search.best is not None and search.cost >= LONG_BITS:
            cheaper = next(self._cheaper(search.best), None)
            if cheaper is None:
                break
            search.offer(cheaper, "compression")
        return search.cost < before

    def _cheaper(self, best: Term) -> Iterator[Term]:
        """Programs that differ from the best in one part, and are cheaper and right."""
        search = self.search
        evaluate = partial(sample.values, problem=search.problem, evaluate=search.language.evaluate)
        proposed = proposals(best, search.problem, evaluate, search.price, search.language.apply)
        ways = [way for way in proposed if {None, search.runs[0].kind} & {*search.language.kinds(way.part)}]
        for effort in EFFORTS:
            for way in ways:
                key = _key(way.problem)
                most, tried = self.failed.get(key, (0, 0))
                if way.most <= most and effort <= tried:
                    continue
                if self.spent > search.limits.compression or time.perf_counter() > search.deadline:
                    return
                result = self._solved(way, effort)
                if result.term is not None and not _trivial(result.term):
                    term = replaced(way.frame, way.path, result.term, search.language.apply)
                    if search.price(term) < search.cost and not len(search.wrong_on(term)):
                        yield term
                self.failed[key] = (way.most, math.inf if result.explored >= way.most else effort)

    def _solved(self, way: Proposal, effort: int) -> SearchResult:
        """What a search of so much effort says to a proposal's problem."""
        left = self.search.deadline - time.perf_counter()
        limits = Limits(left, way.most, effort, compression=0, distillers=False, guided=False)
        result = self.solve(self.search.language, way.problem, {}, limits)
        self.spent += result.candidates
        self.search.count(result.candidates)
        return result


def _key(problem: Problem) -> bytes:
    """What makes two problems of parts one."""
    names = " ".join(variable.name for variable in problem.variables)
    return b"|".join([names.encode(), *(column.tobytes() for column in (*problem.columns, problem.target))])


def _trivial(term: Term) -> bool:
    """Whether a truth value is an argument somewhere."""
    return any(isinstance(t, Apply) and {TRUE, FALSE} & set(t.args) for t in subterms(term))
