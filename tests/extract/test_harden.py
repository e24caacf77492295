"""Hardening closes a proof that did not close, keeps behaviour, and leaves the original alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.suites.tables import TASKS
from dsl.programs import Machine
from dsl.syntax import parse
from extract.cli import main
from extract.harden import harden
from extract.networks import RecurrentNetwork, load_network
from extract.report.files import write
from extract.report.hardening import contents, lines
from verify.checker import check_directories
from verify.verdict import Proved

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def lifted(name: str) -> tuple[RecurrentNetwork, Machine]:
    network = load_network(ZOO / name)
    machine = parse(TASKS[network.description["task"]].reference)
    assert isinstance(machine, Machine)
    return network, machine


def test_what_is_proved_already_needs_no_training(tmp_path: Path) -> None:
    network, machine = lifted("tomita1_rnn_tanh")
    hardened = harden(network, machine, timeout_s=300)
    assert isinstance(hardened.finding.verdict, Proved)
    assert (hardened.steps, hardened.moved, hardened.kept) == (0, 0.0, True)
    write(contents(network, hardened, machine), tmp_path / "copy")
    checked = check_directories(tmp_path / "copy" / "certificate", tmp_path / "copy")
    assert isinstance(checked.verdict, Proved)
    assert json.loads((tmp_path / "copy" / "hardening.json").read_text())["behaviour_kept"] is True


def test_training_moves_a_copy_and_never_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    network, machine = lifted("parity_gru")
    before = {name: tensor.copy() for name, tensor in network.tensors.items()}
    monkeypatch.setattr("extract.harden.ROUND_STEPS", 5)
    monkeypatch.setattr("extract.harden.NOISES", (0.1,))
    hardened = harden(network, machine, timeout_s=300)  # refuted on long words, so that nothing is tried to be proved
    assert (hardened.steps, hardened.noise) == (5, 0.1)
    assert 0 < hardened.moved < 0.1
    assert any(line.startswith("not proved: ") for line in lines(hardened))
    for name, tensor in load_file(ZOO / "parity_gru" / "model.safetensors").items():
        assert torch.equal(tensor, torch.from_numpy(network.tensors[name]))
        assert (before[name] == network.tensors[name]).all()


@pytest.mark.parametrize("where", ["same", "taken"])
def test_a_network_is_never_overwritten(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ZOO / "parity_gru"
    out = source if where == "same" else tmp_path
    if where == "taken":
        (tmp_path / "network.json").write_text("{}")
    with pytest.raises(SystemExit) as ended:
        main(["harden", str(source), "--out", str(out)])
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.err.startswith("netlift: expected ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
