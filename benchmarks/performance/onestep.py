"""One-step problems from the shipped networks: solved, minimal, seconds, and what guidance buys.

    python -m benchmarks.performance.onestep [--only TEXT] [--budget N] [--proof N] [--memory GIB] [--last S] [--json]

Every problem of `benchmarks.performance.onestep_problems` goes through the function the pipeline uses, three times in
one run: with the distillers' advice (trees, linear, modular and relation fits) and guidance just in time; without
the distillers; with neither. `--budget` bounds the candidates of each search for a solution, `--proof` those of a
search that goes on to try all cheaper programs, where that seems possible; `--memory` the bank of either. With `--last`
a guided answer that is not proved to be the cheapest is searched for once more, for so many seconds and with no bound
on candidates; its seconds are added.

*Proved* counts answers of which the engine says that all cheaper programs were tried (over the mined constants, up to
equality on the examples). *Best known* is the cheapest of the three answers and the task's reference term. *Effort* is
the candidates tried until the best known cost was reached, or all of them where it was not; its mean is geometric.
*Hard* are problems on which some arm tried more than 60,000 candidates before its answer. Seconds are processor time
of the process, after one small search that loads and compiles what is needed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.performance.onestep_problems import OneStep, problems
from dsl.printers import print_term
from dsl.terms import Var
from dsl.types import INT
from extract.search.engine import Limits
from extract.search.engine.costs import variable_bits
from extract.search.readable import readable
from extract.search.select import fit

ARMS = {"guided": (True, True), "no distillers": (False, True), "unguided": (False, False)}
HARD = 60_000
MAX_COST = 250.0


@dataclass(frozen=True)
class Outcome:
    """One search: the answer (None if there is none), its cost, whether minimal, what it took."""

    term: str | None
    cost: float
    minimal: bool
    found: int
    candidates: int
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """One problem: the cost of the reference term, and an outcome for each arm."""

    name: str
    reference: float
    outcomes: dict[str, Outcome]

    @property
    def best(self) -> float:
        """The cheapest known cost."""
        return min(self.reference, *(outcome.cost for outcome in self.outcomes.values()))

    @property
    def solved_by_all(self) -> bool:
        """Whether every arm has an answer."""
        return all(outcome.term is not None for outcome in self.outcomes.values())

    def effort(self, arm: str) -> int:
        """Candidates until the best known cost was reached; all candidates where it was not."""
        outcome = self.outcomes[arm]
        return outcome.found if outcome.cost <= self.best else outcome.candidates

    @property
    def hard(self) -> bool:
        """Whether more than two quotas of candidates were tried somewhere before the answer was found."""
        return any(outcome.found > HARD or outcome.term is None for outcome in self.outcomes.values())


def solve(problem: OneStep, limits: Limits, distillers: bool, guided: bool) -> Outcome:
    """One search through the pipeline's own function."""
    limits = replace(limits, distillers=distillers, guided=guided)
    limits = limits if guided else replace(limits, compression=0)
    started = time.process_time()
    result = fit(problem.columns, problem.target, problem.constants, limits)
    seconds = time.process_time() - started
    text = None if result.term is None else print_term(result.term)
    return Outcome(text, result.cost, result.minimal, result.found, result.candidates, seconds)


def once_more(problem: OneStep, before: Outcome, limits: Limits, seconds: float) -> Outcome:
    """The better of an answer and that of a search without a bound on candidates."""
    endless = replace(limits, timeout_s=seconds, max_candidates=Limits.max_candidates, proof=Limits.max_candidates)
    after = solve(problem, endless, *ARMS["guided"])
    best = after if after.minimal or after.cost < before.cost else before
    return replace(best, candidates=before.candidates + after.candidates, seconds=before.seconds + after.seconds)


def compare(chosen: Sequence[OneStep], limits: Limits, last: float = 0.0) -> list[Comparison]:
    """All arms on every problem; progress on stderr."""
    warm_up()
    found = []
    for problem in chosen:
        outcomes = {name: solve(problem, limits, *flags) for name, flags in ARMS.items()}
        if last and not outcomes["guided"].minimal:
            outcomes["guided"] = once_more(problem, outcomes["guided"], limits, last)
        found.append(Comparison(problem.name, reference_cost(problem), outcomes))
        if found[-1].hard:
            cells = "   ".join(_cell(outcome) for outcome in outcomes.values())
            print(f"{problem.name:36} {cells}", file=sys.stderr, flush=True)
    return found


def warm_up() -> None:
    """A search that passes through every part of the engine once, so that imports and compilation are not measured."""
    x, y = (np.random.default_rng(0).integers(-9, 10, 300) for _ in range(2))
    fit({"x": x, "y": y}, np.where(x < y, x * y % 7, x - y), (0, 1, 7), Limits(60.0, 60.0, 300_000))


def reference_cost(problem: OneStep) -> float:
    """The cost of the term of the reference program, over the problem's variables."""
    variables = variable_bits([Var(name, INT) for name in problem.columns], None)
    return readable(problem.constants).cost(problem.reference, variables)


def summary(found: Sequence[Comparison], arm: str) -> dict[str, float]:
    """Counts, times and efforts of one arm, on all problems and on the hard ones."""
    pairs = [(c, c.outcomes[arm]) for c in found]
    seconds = [outcome.seconds for _, outcome in pairs]
    hard = [c for c in found if c.hard]
    figures: dict[str, float] = {
        "problems": len(pairs),
        "solved": sum(o.term is not None for _, o in pairs),
        "proved minimal": sum(o.minimal for _, o in pairs),
        "proved or best known": sum(o.minimal or o.cost <= c.best for c, o in pairs),
        "median s": statistics.median(seconds),
        "max s": max(seconds),
        "mean effort": _mean([c.effort(arm) for c in found]),
    }
    if hard:
        figures |= {
            "hard problems": len(hard),
            "hard: best known": sum(c.outcomes[arm].cost <= c.best for c in hard),
            "hard: mean effort": _mean([c.effort(arm) for c in hard]),
            "hard: mean cost": _mean([c.outcomes[arm].cost for c in hard if c.solved_by_all]),
        }
    return figures


def _mean(numbers: Sequence[float]) -> float:
    """The geometric mean; 1 of nothing."""
    return statistics.geometric_mean(max(n, 1) for n in numbers) if numbers else 1.0


def _cell(outcome: Outcome) -> str:
    if outcome.term is None:
        return f"none after {outcome.candidates:9,} {outcome.seconds:6.2f} s"
    return f"{outcome.cost:4.0f}{'*' if outcome.minimal else ' '} at {outcome.found:10,} {outcome.seconds:6.2f} s"


def main() -> None:
    """Measure, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="problems whose name contains this")
    parser.add_argument("--budget", type=int, default=2_000_000, metavar="N", help="candidates for each search")
    parser.add_argument("--proof", type=int, default=4_000_000_000, metavar="N", help="candidates to prove minimality")
    parser.add_argument("--memory", type=float, default=9.0, metavar="GIB", help="for the values found, per search")
    parser.add_argument("--last", type=float, default=0.0, metavar="S", help="seconds once more for what is not proved")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    limits = Limits(600.0, MAX_COST, options.budget, max_bytes=int(options.memory * 2**30), proof=options.proof)
    found = compare([p for p in problems() if options.only in p.name], limits, options.last)
    report = {arm: summary(found, arm) for arm in ARMS}
    if options.json:
        print(json.dumps({"summary": report, "problems": [asdict(c) for c in found]}))
        return
    for arm, figures in report.items():
        print(arm)
        print("\n".join(f"  {key:24} {value:10.3f}" for key, value in figures.items()))
    for c in found:
        outcome = c.outcomes["guided"]
        if not outcome.minimal:
            known = f", known {c.best:.0f}" if c.best < outcome.cost else ""
            print(f"not proved minimal: {c.name} ({outcome.cost:.0f} bits{known})")


if __name__ == "__main__":
    main()
