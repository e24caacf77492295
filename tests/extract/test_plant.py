"""Planted networks answer as their programs, in every cell; their recorded alignments are the ones that are found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import subspace_angles

from dsl.errors import BadInput
from dsl.programs import Machine
from extract.cli import main
from extract.explain import explain
from extract.networks import load_network
from extract.networks.cells import CELLS
from extract.observed import observed
from extract.plant import Planted, PlantOptions, plant
from extract.plant.planted import ALIGNMENT
from extract.plant.values import domain_of
from extract.report.explain import explain_html
from tests.verify.stubs import machine
from verify.causal.mechanism import judge
from verify.lockstep import first_failures
from verify.verdict import NotSupported, Supported

TOGGLE = machine(
    "machine toggle(a: 0..1, b: 0..2) -> 0..2  state s: 0..1 = 0  state t: 0..2 = 0"
    "  next s = if a == 0 then 1 - s else s  next t = (t + b) mod 3  output if s' == 1 then t' else 0"
)
REGISTER = machine("machine back(x: 0..1) -> 0..1  state r: [0..1; 2] = [0, 0]  next r = push(r, x)  output r[0]")
SIX = machine(
    "machine six(x: 0..1) -> 0..1  state p: 0..1 = 0  state q: 0..2 = 0"
    "  next p = p ^ x  next q = (q + x) mod 3  output int(p' == 0 and q' == 0)"
)
RING = machine("machine six(x: 0..1) -> 0..1  state s: 0..5 = 0  next s = (s + x) mod 6  output int(s' == 0)")
UNREACHED = machine(
    "machine u(x: -1..3) -> 0..3  state t: 0..3 = 0  state s: 0..1 = 1"
    "  next t = max(s, x)  next s = int(s != t)  output t'"
)
NAMES = [cell.name for cell in CELLS]


def planted(program: Machine, cell: str, hidden: int = 48, **options: object) -> Planted:
    return plant(program, domain_of(program, 10), PlantOptions(cell, hidden, length=10, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", NAMES)
def test_network_equals_program(cell: str) -> None:
    for options in ({}, {"joint": True}, {"redundancy": 2, "seed": 1}, {"noise": 0.005}):
        assert planted(TOGGLE, cell, 96, **options).wrong == 0, options
    assert planted(RING, cell, superposition=2).wrong == 0  # six values in three directions
    assert planted(REGISTER, cell).wrong == 0


def test_noise_that_breaks_a_network_is_told() -> None:
    assert planted(TOGGLE, "rnn_tanh", noise=3.0).wrong > 100


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "mlp"])
def test_planted_subspaces_are_found_again(cell: str) -> None:
    made = planted(TOGGLE, cell, joint=cell == "rnn_tanh")
    rng = np.random.default_rng(0)
    found = judge(made.network, made.machine, rng=rng)
    assert isinstance(found.verdict, Supported)
    seen = observed(found.fitted_on, rng=rng)
    for name, basis in made.subspaces.items():
        moves = found.assessment.alignment.move(name) @ seen.T @ seen
        recovered = np.linalg.svd(moves)[2][: len(basis)]
        assert np.degrees(subspace_angles(basis.T, recovered.T).max()) < 1


def test_directions_that_only_unreachable_states_would_need_are_not_planted() -> None:
    """The pair s = 0, t = 0 never comes up, so no step ever tells t = 0 from t > 1."""
    made = planted(UNREACHED, "rnn_relu", redundancy=2)
    assert len(made.subspaces["t"]) == 1
    rng = np.random.default_rng(0)
    found = judge(made.network, made.machine, rng=rng)
    seen = observed(found.fitted_on, rng=rng)
    for name, basis in made.subspaces.items():
        moves = found.assessment.alignment.move(name) @ seen.T @ seen
        recovered = np.linalg.svd(moves)[2][: len(basis)]
        assert np.degrees(subspace_angles(basis.T, recovered.T).max()) < 1


def test_two_algorithms_for_one_task_are_told_apart() -> None:
    """The outputs are the same; one network keeps two variables, the other one of six values on a random simplex."""
    ring = planted(RING, "rnn_tanh")
    assert (
        first_failures(ring.network, SIX, ring.network.domain.draw((500, 20), rng=np.random.default_rng(0))) < 0
    ).all()
    assert isinstance(judge(ring.network, RING, rng=np.random.default_rng(1)).verdict, Supported)
    verdict = judge(ring.network, SIX, rng=np.random.default_rng(1)).verdict
    assert isinstance(verdict, NotSupported)
    assert verdict.reason.startswith("variables carry over together")
    pair = planted(SIX, "rnn_tanh")
    assert isinstance(judge(pair.network, SIX, rng=np.random.default_rng(1)).verdict, Supported)


def test_too_few_units_are_refused() -> None:
    with pytest.raises(BadInput, match=r"expected room for \d+ hidden units .* got 3"):
        planted(TOGGLE, "gru", hidden=3)
    with pytest.raises(BadInput, match="expected a machine with state variables"):
        planted(machine("machine m(x: 0..1) -> 0..1  output x"), "gru")
    with pytest.raises(BadInput, match="at most 512 states"):
        planted(machine("machine m(x: 0..1) -> int  state n: int = 0  next n = n + x  output n'"), "gru")


def test_plant_and_explain_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "six.nl").write_text(str(SIX))
    network, page = tmp_path / "network", tmp_path / "page"
    with pytest.raises(SystemExit) as ended:
        main(["plant", str(tmp_path / "six.nl"), "--cell", "rnn_tanh", "--hidden", "16", "--out", str(network)])
    assert ended.value.code == 0
    assert "answers as the program" in capsys.readouterr().out
    recorded = json.loads((network / ALIGNMENT).read_text())
    assert [v["variable"] for v in recorded["variables"]] == ["p", "q"]
    assert load_network(network).width == 16
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(network), "--out", str(page)])
    assert ended.value.code == 0
    assert "supported" in capsys.readouterr().out
    text = (page / "explain.html").read_text()
    assert "What is left unexplained" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    graph = json.loads((page / "structure.json").read_text())
    edges = {(e["source"], e["target"]) for e in graph["graph"]["edges"]}
    assert {("p", "p"), ("q", "q"), ("input", "p")} <= edges
    assert not {("p", "q"), ("q", "p"), ("rest", "p"), ("rest", "q")} & edges
    assert (page / "structure.dot").read_text().startswith("digraph")


def test_idle_units_are_named() -> None:
    made = planted(RING, "rnn_tanh", hidden=20)
    found = explain(made.network, made.machine, timeout_s=30, rng_seed=0)
    busy = np.flatnonzero(np.abs(made.subspaces["s"]).max(axis=0) > 1e-6)
    assert set(found.structure.idle) == set(range(20)) - set(busy.tolist())
    assert "<svg" in explain_html(found)
