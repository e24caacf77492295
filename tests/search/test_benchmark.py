"""The performance benchmark reads answers and sums up results as its docstring says."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.performance import onestep, onestep_problems, synthesis, throughput
from dsl.batch import evaluate_batch


def test_operators_of_an_answer() -> None:
    assert synthesis.operators("(define-fun f ((x Int)) Int (let ((y (+ x 1))) (ite (>= y 0) y (- y))))") == 4
    assert synthesis.operators("((define-fun f () Int 0) (define-fun g () Int (+ 1 2)))") == 1
    assert synthesis.operators("unknown") == 0


def test_summary() -> None:
    ours = synthesis.Outcome(True, 1.0, 4)
    theirs = synthesis.Outcome(True, 2.0, 16)
    missing = synthesis.Outcome(False, 9.0, 0)
    figures = synthesis.summary({"a": (ours, theirs), "b": (ours, missing)})
    assert figures["netlift_solved"] == 2
    assert figures["cvc5_solved"] == 1
    assert figures["size_ratio_geometric_mean"] == pytest.approx(0.25)
    assert figures["time_ratio_geometric_mean"] == pytest.approx(0.5)


def test_a_solver_process_that_fails_counts_as_unsolved(tmp_path: Path) -> None:
    import sys

    outcome = synthesis.solve(sys.executable, "raise SystemExit(3)", tmp_path / "absent.sl", 5)
    assert not outcome.solved


def test_growing_search_is_counted() -> None:
    assert throughput.bandwidth(1 << 22, 2) > 0


def test_one_step_problems_are_what_the_references_say() -> None:
    by_name = {problem.name: problem for task in onestep_problems.shipped_tasks()[:30:6]
               for problem in onestep_problems.one_step(task)}  # fmt: skip
    assert len(by_name) > 5
    for problem in by_name.values():
        values = np.broadcast_to(evaluate_batch(problem.reference, problem.columns), problem.target.shape)
        assert (values == problem.target).all(), problem.name
        assert {0, 1, 2, 3} <= set(problem.constants)


def test_each_function_is_asked_for_once_with_what_the_pipeline_has() -> None:
    task = next(task for task in onestep_problems.shipped_tasks() if task.name.lower() == "dyck_depth_3")
    columns = {problem.name.partition(": ")[2]: set(problem.columns) for problem in onestep_problems.one_step(task)}
    assert columns == {"next d": {"x", "d"}, "output 0": {"x", "d", "d'"}}


def test_summary_of_one_step_problems() -> None:
    solved = onestep.Outcome("x", 9, False, 70_000, 90_000, 0.5)
    dearer = onestep.Outcome("x + 0", 12, False, 10, 80_000, 0.1)
    missing = onestep.Outcome(None, float("inf"), False, 0, 50_000, 0.1)
    compared = onestep.Comparison("p", 11, {"guided": solved, "no distillers": dearer, "unguided": missing})
    assert compared.best == 9
    assert compared.hard
    assert [compared.effort(arm) for arm in onestep.ARMS] == [70_000, 80_000, 50_000]
    figures = onestep.summary([compared], "no distillers")
    assert (figures["solved"], figures["proved or best known"], figures["hard problems"]) == (1, 0, 1)
