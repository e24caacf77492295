"""The search: closed-form fits, enumeration on a growing sample, and conditionals, under one budget.

Whatever finds a consistent program first, enumeration contests it; the result is `minimal` when every cheaper program
has been tried. A long answer that is not known to be minimal is compressed in the end.
"""

from __future__ import annotations

from collections.abc import Mapping

from extract.search.engine.compression import Compression
from extract.search.engine.language import Language, integers
from extract.search.engine.lowering import DEFAULT
from extract.search.engine.problem import Limits, Problem, SearchResult, StopReason
from extract.search.engine.report import report
from extract.search.engine.search import Search


def synthesise(
    problem: Problem,
    operators: tuple[str, ...] = DEFAULT,
    weights: Mapping[str, float] | None = None,
    limits: Limits | None = None,
) -> SearchResult:
    """The cheapest term over the problem's variables and constants that fits all examples, or why there is none.

    `weights` replaces the cost of operators in the order of search; the cost reported stays the operator table's.
    """
    return search_in(integers(operators), problem, weights or {}, limits or Limits())


def search_in(language: Language, problem: Problem, weights: Mapping[str, float], limits: Limits) -> SearchResult:
    """As `synthesise`, in any language."""
    search = Search(problem, language, weights, limits)
    if not search.consistent:  # the same inputs with two outputs: no term can fit
        return report(search, StopReason.EXHAUSTED)
    for term in language.fits(problem, search.pool):
        if not len(search.wrong_on(term)):
            search.offer(term, "fit")
    search.start()
    compression = Compression(search, search_in)
    while (stop := search.stop()) is None or compression.helps():
        for run in list(search.runs):
            if run in search.runs:
                search.step(run)
        if search.stop() is None:
            search.follow_advice()
    found = report(search, stop)
    search.release()
    return found
