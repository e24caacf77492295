"""The suite runner: jobs and their identities, its store, its verdicts; whom a worker takes with it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from benchmarks.jobs import OURS, Extractor, Job
from benchmarks.leaderboard.markdown import table
from benchmarks.leaderboard.standing import cell
from benchmarks.run import ZOO, jobs_of, networks, pending
from benchmarks.store import opened, rows_in, set_aside
from benchmarks.worker import run_apart
from dsl.errors import BadInput
from tests.benchmarks.rows import EVERY, PROVED, REFUTED, SAMPLED, row

PARITY = Job("streams", ZOO / "parity_gru", OURS, 60.0, 0)


def test_the_strongest_proof_and_the_shortest_difference_are_named() -> None:
    assert str(cell([PROVED, SAMPLED])) == "length up to 4 (30 checked); no difference in 9 random inputs"
    assert str(cell([PROVED, REFUTED])) == "length up to 4 (30 checked); differs at length 7"
    assert str(cell([PROVED, EVERY])) == "every length (2 regions)"
    assert str(cell([SAMPLED])) == "not proved; no difference in 9 random inputs"
    assert str(cell([], "nothing was found")) == "nothing was found"


def test_a_table_has_a_line_for_a_crash_too(tmp_path: Path) -> None:
    crashed = run_apart(Job("s", tmp_path / "nothing", OURS, 1.0, 0))
    lines = table([row(EVERY), crashed]).splitlines()
    assert lines[2] == "| n | gru | 2 (1) | every length (2 regions) | - | refuted (length 3) | - | 1.2 |"
    assert lines[3].startswith("| nothing |  | - | crashed: ")
    assert "FileNotFoundError" in lines[3]


def test_a_worker_that_hangs_is_ended_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.worker.GRACE_S", 0.0)
    late = run_apart(Job("streams", ZOO / "parity_gru", OURS, 0.01, 0))
    assert late["crash"].startswith("ended after")


def test_a_worker_ends_itself_when_nobody_waits_for_it(tmp_path: Path) -> None:
    done = tmp_path / "done"
    waits = (sys.executable, "-c", f"import time; time.sleep(2); open({str(done)!r}, 'w')")
    words = [
        sys.executable,
        "-m",
        "benchmarks.worker",
        "s",
        str(PARITY.directory),
        json.dumps(["stub", waits]),
        "9",
        "0",
    ]
    orphan = subprocess.run([*words, "1"], capture_output=True, start_new_session=True, timeout=60)
    assert orphan.returncode == -9
    assert not done.exists()


def test_resume_leaves_out_what_is_done_and_forgives_a_cut_line(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    two = [PARITY, Job("streams", ZOO / "sum_all_mlp", OURS, 60.0, 0)]
    done, crashed = two[0].identity() | {"program": None}, two[1].identity() | {"crash": "killed"}
    store.write_text("\n".join([json.dumps(done), json.dumps(crashed), '{"network": "cut']))
    assert [r["network"] for r in rows_in(store)] == ["parity_gru", "sum_all_mlp"]
    assert pending(two, store) == [two[1]]
    others = [Job("streams", ZOO / "parity_gru", OURS, 30.0, 0), Job("streams", ZOO / "parity_gru", OURS, 60.0, 1),
              Job("streams", ZOO / "parity_gru", Extractor("mine", ("mine",)), 60.0, 0)]  # fmt: skip
    assert pending(others, store) == others


def test_the_store_only_grows_and_mends_a_cut_line(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    store.write_text('{"network": "a"}\n{"network": "cu')
    with opened(store) as out:
        out.append({"network": "b"})
        with pytest.raises(BadInput, match="one in use"), opened(store):
            pass
    assert store.read_text() == '{"network": "a"}\n{"network": "cu\n{"network": "b"}\n'
    assert [r["network"] for r in rows_in(store)] == ["a", "b"]
    assert set_aside(store) == tmp_path / "store.1.jsonl"
    assert set_aside(store) is None
    with pytest.raises(BadInput, match="expected a file"), opened(tmp_path):
        pass


def test_suites() -> None:
    assert len(networks("streams")) == 44
    assert len(networks("rnn62")) == 62
    assert len(networks("finite")) == 60
    assert len(networks("tomita")) == 98
    with pytest.raises(typer.BadParameter, match="streams, rnn62, finite, tomita"):
        networks("nothing")
    with pytest.raises(typer.BadParameter, match="expected networks of rnn62, got Prev9"):
        jobs_of("rnn62", ["Prev1", "Prev9"], [OURS], 1.0, 0)
    assert [(job.suite, job.directory.name) for job in jobs_of(str(ZOO / "rnn62"), ["Prev1"], [OURS], 1.0, 0)] == [
        ("rnn62", "Prev1")
    ]
