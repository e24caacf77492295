"""The performance benchmark reads answers and sums up results as its docstring says."""

from pathlib import Path

import pytest

from benchmarks.performance import synthesis, throughput


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
