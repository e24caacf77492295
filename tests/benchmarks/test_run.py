"""The suite runner: its store survives a kill, its table keeps the questions apart."""

import json
from pathlib import Path

import pytest
import typer

from benchmarks.run import networks, pending, rows_in, table, verdict_of
from benchmarks.worker import run_apart

CLAIM = "program equals network"
UP_TO_4 = "all inputs of length up to 4 (30 checked)"
PROVED = {"claim": CLAIM, "verdict": "proved", "method": "exhaustive", "domain": UP_TO_4}
EVERY = PROVED | {"domain": "all inputs of every length (2 regions)"}
REFUTED = {"claim": CLAIM, "verdict": "refuted", "method": "sampling", "counterexample": {"inputs": [[1]] * 7}}
SAMPLED = {"claim": CLAIM, "verdict": "unknown", "method": "sampling", "reason": "no difference in 9 random inputs"}


def row(*evidence: dict[str, object]) -> dict[str, object]:
    return {
        "network": "n", "cell": "gru", "operators": 2, "reference_operators": 1, "seconds": 1.25, "timeout_s": 60.0,
        "seed": 0, "evidence": list(evidence), "task_finding": {"verdict": "refuted"},
    }  # fmt: skip


def test_the_strongest_proof_and_the_shortest_difference_are_named() -> None:
    assert verdict_of(row(PROVED, SAMPLED)) == "length up to 4 (30 checked); no difference in 9 random inputs"
    assert verdict_of(row(PROVED, REFUTED)) == "length up to 4 (30 checked); differs at length 7"
    assert verdict_of(row(PROVED, EVERY)) == "every length (2 regions)"
    assert verdict_of(row(SAMPLED)) == "not proved; no difference in 9 random inputs"


def test_a_table_has_a_line_for_a_crash_too(tmp_path: Path) -> None:
    crashed = run_apart(tmp_path / "nothing", 1.0, 0)
    lines = table([row(EVERY), crashed]).splitlines()
    assert lines[2] == "| n | gru | 2 (1) | every length (2 regions) | - | refuted | 1.2 |"
    assert lines[3].startswith("| nothing | | | crashed: ")
    assert "BadInput" in lines[3]


def test_a_worker_that_hangs_is_ended_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.worker.GRACE_S", 0.0)
    late = run_apart(networks("streams")[0], 0.01, 0)
    assert late["crash"].startswith("ended after")


def test_resume_skips_what_is_done_and_forgives_a_cut_line(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    crashed = {"network": "m", "timeout_s": 60.0, "seed": 0, "crash": "killed"}
    store.write_text("\n".join([json.dumps(row(EVERY)), json.dumps(crashed), '{"network": "cut']))
    assert [r["network"] for r in rows_in(store)] == ["n", "m"]
    paths = [tmp_path / "n", tmp_path / "m"]
    assert list(pending(paths, store, True, 60.0, 0)) == [tmp_path / "m"]
    assert list(pending(paths, store, True, 30.0, 0)) == paths
    assert list(pending(paths, store, False, 60.0, 0)) == paths


def test_suites() -> None:
    assert len(networks("streams")) == 44
    assert len(networks("rnn62")) == 62
    assert len(networks("tomita")) == 98
    with pytest.raises(typer.BadParameter, match="streams, rnn62, tomita"):
        networks("nothing")
