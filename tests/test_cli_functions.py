"""The command line on a network over single inputs: the same verbs, the same files, the same statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from extract.cli import main


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A network that gives the larger of two numbers: max(a, b) = a + relu(b - a), with a = relu(a)."""
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "larger"
    directory.mkdir()
    content = {
        "format": "netlift-network/1", "family": "feed_forward", "activation": "relu",
        "input": {"encoding": "integer", "arity": 2, "low": 0, "high": 6},
        "output": {"decoding": "round", "arity": 1, "low": 0, "high": 6},
    }  # fmt: skip
    (directory / "network.json").write_text(json.dumps(content))
    tensors = {"net.0.weight": torch.tensor([[1.0, 0.0], [-1.0, 1.0]]), "net.2.weight": torch.tensor([[1.0, 1.0]])}
    save_file(tensors, directory / "model.safetensors")
    return "larger"


def cli(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.out, captured.err


def test_extract_writes_every_file_and_its_test_passes(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = cli(capsys, "extract", network, "--json", "--out", "out")
    assert status == 0
    record = json.loads(out)
    assert record["program"].strip() == "function lifted(a: 0..6, b: 0..6) -> 0..6 = max(a, b)"
    assert record["evidence"][0]["domain"] == "all 49 inputs (each checked)"
    assert record["network"]["domain"] == "inputs 2 components, each 0..6 (49 in all)"
    assert sorted(str(p.relative_to("out")) for p in Path("out").rglob("*.*")) == [
        "extraction.json", "network/model.safetensors", "network/network.json",
        "program.nl", "program.py", "report.html", "test_program.py",
    ]  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_program.py"]
    assert subprocess.run(command, cwd="out", capture_output=True, check=False).returncode == 0
    Path("out/program.py").write_text(Path("out/program.py").read_text().replace("max", "min"))
    assert subprocess.run(command, cwd="out", capture_output=True, check=False).returncode == 1


def test_verify_diff_and_run(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("larger.nl").write_text("function f(a: 0..6, b: 0..6) -> 0..6 = max(a, b)")
    Path("first.nl").write_text("function f(a: 0..6, b: 0..6) -> 0..6 = a")
    Path("machine.nl").write_text("machine m(a: 0..6, b: 0..6) -> 0..6  output max(a, b)")
    assert cli(capsys, "verify", network, "larger.nl", "--property", "y >= a and y >= b")[0] == 0
    assert cli(capsys, "verify", network, "larger.nl", "--property", "y > a")[0] == 1
    status, out, _ = cli(capsys, "verify", network, "first.nl")
    assert status == 1
    assert "differs on 2,3, the most central of 21 of 49" in out
    status, out, _ = cli(capsys, "diff", "larger.nl", "first.nl")
    assert status == 1
    assert "differs on 2,3" in out
    assert cli(capsys, "run", "larger.nl", "2", "5") == (0, "5\n", "")
    status, _, err = cli(capsys, "verify", network, "machine.nl")
    assert (status, err.count("\n")) == (2, 1)
    assert "expected a function, got a machine (machine.nl)" in err
