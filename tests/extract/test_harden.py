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
from extract.networks import load_network
from extract.report.files import write
from extract.report.hardening import contents, lines
from verify.checker import check_directories
from verify.verdict import Proved

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_copy_is_proved_and_the_original_untouched(tmp_path: Path) -> None:
    source = ZOO / "previous_equals_current_mlp"
    before = {name: tensor.clone() for name, tensor in load_file(source / "model.safetensors").items()}
    network = load_network(source)
    machine = parse(TASKS[network.description["task"]].reference)
    assert isinstance(machine, Machine)
    hardened = harden(network, machine, timeout_s=60)
    assert isinstance(hardened.finding.verdict, Proved)
    assert hardened.kept
    assert any(line.startswith("proved: ") for line in lines(hardened))
    write(contents(network, hardened, machine), tmp_path / "copy")
    checked = check_directories(tmp_path / "copy" / "certificate", tmp_path / "copy")
    assert isinstance(checked.verdict, Proved)
    assert json.loads((tmp_path / "copy" / "hardening.json").read_text())["behaviour_kept"] is True
    after = load_file(source / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(torch.equal(before[name], torch.from_numpy(network.tensors[name])) for name in before)


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
