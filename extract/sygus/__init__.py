"""SyGuS-IF 2 problems solved with the term synthesis engine: bit-vector examples, and linear integer constraints.

`synth_file` reads a file, searches, lets z3 check the answer and returns it as `define-fun` text.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsl.errors import Unsupported
from extract.search.engine.problem import StopReason
from extract.sygus import clia, pbe
from extract.sygus.calls import size
from extract.sygus.check import define, refute
from extract.sygus.membership import derivable, spelled
from extract.sygus.sexpr import SExpr
from extract.sygus.task import Task, load

CHECK_S = 60.0


@dataclass(frozen=True)
class Synthesis:
    """An answer as `define-fun` lines that z3 accepted, or none and why.

    `operators` counts operator applications of the whole answer (`let` is free); `candidates` programs evaluated.
    """

    answer: str | None
    stop: StopReason
    message: str
    operators: int
    candidates: int
    seconds: float


def synth_file(path: str | Path, timeout_s: float = 60.0) -> Synthesis:
    """Solve the SyGuS problem in a file. Raises `BadInput`, `ParseError` or `Unsupported` with one clear line."""
    return synthesise_task(load(Path(path)), timeout_s)


def synthesise_task(task: Task, timeout_s: float) -> Synthesis:
    """Solve a task that was read already."""
    started = time.perf_counter()
    bodies, stop, candidates, agreement = _search(task, timeout_s)
    seconds = time.perf_counter() - started
    if bodies is None:
        tried = f"{candidates:,} programs tried, best agrees on {agreement:.1%}" if candidates else "nothing tried"
        message = f"no answer: {_reason(stop, timeout_s, candidates)}; {tried}"
        return Synthesis(None, stop, message, 0, candidates, seconds)
    verdict = refute(task, bodies, max(timeout_s, CHECK_S))
    seconds = time.perf_counter() - started
    if verdict is not None:
        told = verdict if isinstance(verdict, str) else f"refuted at {verdict}"
        message = f"no answer: an answer was found but z3 does not confirm it ({told})"
        return Synthesis(None, StopReason.EXHAUSTED, message, 0, candidates, seconds)
    outside = [f.name for f in task.functions if not derivable(bodies[f.name], f)]
    if outside:
        message = f"no answer: the answer found for {outside[0]} is not in its grammar"
        return Synthesis(None, StopReason.EXHAUSTED, message, 0, candidates, seconds)
    text = "\n".join(define(function, bodies[function.name]) for function in task.functions)
    operators = sum(size(body) for body in bodies.values())
    message = f"checked by z3; {operators} operators, {candidates:,} programs tried"
    return Synthesis(text, StopReason.SOLVED, message, operators, candidates, seconds)


def _search(task: Task, timeout_s: float) -> tuple[Mapping[str, SExpr] | None, StopReason, int, float]:
    if pbe.is_examples(task):
        body, result = pbe.solve(task, timeout_s)
        bodies = None if body is None else {task.functions[0].name: body}
        return bodies, result.stop, result.candidates, result.best_agreement
    sorts = [function.sort for function in task.functions] + [sort for _, sort in task.variables]
    if any(sort not in ("Int", "Bool") for sort in sorts):
        raise Unsupported("expected examples (= (f inputs) output) for bit-vectors, or constraints over Int and Bool")
    outcome = clia.solve(task, timeout_s)
    if outcome.bodies is not None:
        limited = {f.name for f in task.functions if f.grammar is not None}
        bodies = {name: spelled(body) if name in limited else body for name, body in outcome.bodies.items()}
        return bodies, outcome.stop, outcome.candidates, outcome.agreement
    return None, outcome.stop, outcome.candidates, outcome.agreement


def _reason(stop: StopReason, timeout_s: float, candidates: int) -> str:
    match stop:
        case StopReason.TIME:
            return f"search budget of {timeout_s:g} s used"
        case StopReason.MEMORY:
            return "memory limit reached"
        case _ if candidates:
            return "every program within the cost limit was tried"
        case _:
            return "the constraints contradict each other"


__all__ = ["Synthesis", "synth_file", "synthesise_task"]
