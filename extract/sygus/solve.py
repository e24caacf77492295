"""From a task to an answer: sorts checked, the right search chosen, the answer confirmed by z3 and printed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsl.errors import BadInput
from extract.search.engine.problem import StopReason
from extract.sygus import constraints, pbe
from extract.sygus.calls import size
from extract.sygus.check import check_sorts, define, refute
from extract.sygus.membership import derivable
from extract.sygus.reader import load
from extract.sygus.sexpr import SExpr, show
from extract.sygus.sharing import shared
from extract.sygus.task import Task

CHECK_S = 60.0


@dataclass(frozen=True)
class Synthesis:
    """An answer as `define-fun` lines that z3 accepted, or none and why.

    `operators` counts operator applications of the whole answer (`let` is free); `candidates` programs evaluated.
    `left_open` says what examples do not decide.
    """

    answer: str | None
    stop: StopReason
    message: str
    operators: int
    candidates: int
    seconds: float
    left_open: pbe.Open | None = None

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        found: dict[str, Any] = {
            "answer": self.answer, "stop": self.stop.value, "message": self.message, "operators": self.operators,
            "candidates": self.candidates, "seconds": self.seconds,
        }  # fmt: skip
        if self.left_open is not None:
            found["left_open"] = {
                "programs_at_least": self.left_open.programs,
                "other": show(self.left_open.other),
                "inputs": {name: show(value) for name, value in self.left_open.inputs.items()},
                "answers": [show(value) for value in self.left_open.answers],
            }
        return found


def synth_file(path: str | Path, timeout_s: float = 60.0) -> Synthesis:
    """Solve the SyGuS problem in a file. Raises `BadInput`, `ParseError` or `Unsupported` with one clear line."""
    return synthesise_task(load(Path(path)), timeout_s)


def synthesise_task(task: Task, timeout_s: float) -> Synthesis:
    """Solve a task that was read already. Running out of memory is an outcome like running out of time."""
    started = time.perf_counter()
    try:
        return _solved(task, timeout_s, started)
    except MemoryError:
        seconds = time.perf_counter() - started
        return Synthesis(None, StopReason.MEMORY, "no answer: memory limit reached", 0, 0, seconds)
    except RecursionError:
        raise BadInput("expected a SyGuS problem, got expressions nested too deeply") from None


def _solved(task: Task, timeout_s: float, started: float) -> Synthesis:
    check_sorts(task)
    bodies, stop, candidates, agreement, left_open = _search(task, timeout_s)
    failed = Synthesis(None, stop, "", 0, candidates, time.perf_counter() - started)
    if bodies is None:
        tried = f"{candidates:,} programs tried, best agrees on {agreement:.1%}" if candidates else "nothing tried"
        return replace(failed, message=f"no answer: {_reason(stop, timeout_s, candidates)}; {tried}")
    texts = {f.name: shared(bodies[f.name], frozenset(n for n, _ in f.parameters)) for f in task.functions}
    verdict = refute(task, texts, max(timeout_s, CHECK_S))
    if verdict is not None:
        told = verdict if isinstance(verdict, str) else f"refuted at {verdict}"
        return replace(failed, message=f"no answer: an answer was found but z3 does not confirm it ({told})")
    outside = [f.name for f in task.functions if not derivable(bodies[f.name], f)]
    if outside:
        return replace(failed, message=f"no answer: the answer found for {outside[0]} is not in its grammar")
    operators = sum(map(size, texts.values()))
    return Synthesis(
        answer="\n".join(define(function, texts[function.name]) for function in task.functions),
        stop=StopReason.SOLVED,
        message=f"checked by z3; {operators} operators, {candidates:,} programs tried{_told(task, left_open)}",
        operators=operators,
        candidates=candidates,
        seconds=time.perf_counter() - started,
        left_open=left_open,
    )


Found = tuple[Mapping[str, SExpr] | None, StopReason, int, float, pbe.Open | None]


def _search(task: Task, timeout_s: float) -> Found:
    if pbe.is_examples(task):
        body, result, left_open = pbe.solve(task, timeout_s)
        bodies = None if body is None else {task.functions[0].name: body}
        return bodies, result.stop, result.candidates, result.best_agreement, left_open
    outcome = constraints.solve(task, timeout_s)
    return outcome.bodies, outcome.stop, outcome.candidates, outcome.agreement, None


def _told(task: Task, left_open: pbe.Open | None) -> str:
    """What the examples leave open, as the end of a line."""
    if left_open is None:
        return ""
    call = show((task.functions[0].name, *left_open.inputs.values()))
    one, two = map(show, left_open.answers)
    return (
        f"; at least {left_open.programs} programs of this cost fit the examples, two differ at {call}: {one} or {two}"
    )


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
