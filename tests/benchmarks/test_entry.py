"""Anybody's extractor can enter: what a command gets to see, what becomes of what it writes, and how it is judged."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from benchmarks.entry import PEERS, PLACES, copy_blind, enter, extractor
from benchmarks.jobs import OURS, Job
from benchmarks.judge import agreement, program_is_network, states_of, table_rows
from benchmarks.leaderboard.standing import standing
from benchmarks.run import ZOO
from benchmarks.worker import run_apart
from dsl.errors import BadInput, TypeMismatch
from dsl.syntax import parse
from extract.networks import load_network
from verify.verdict import Refuted

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "entering.md"
NETWORK = ZOO / "parity_noisy_rnn_tanh"
TOGGLE = "machine toggle(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = int(s != x)  output s'"
LATE = TOGGLE.replace("output s'", "output s")


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys, time; network, program = sys.argv[1:]; {code}", *PLACES[:2])


def test_a_command_is_named_on_the_command_line() -> None:
    assert extractor("netlift") == OURS
    assert extractor("tree") == PEERS["tree"]
    assert extractor("mine=run me").command == ("run", "me", "{network}", "{program}")
    assert extractor("mine=run -o {program} 'in {network}'").command == ("run", "-o", "{program}", "in {network}")
    for wrong in ("other", "netlift=x", "=x", "mine="):
        with pytest.raises(BadInput, match="expected"):
            extractor(wrong)


def test_a_command_does_not_learn_what_the_network_was_trained_for(tmp_path: Path) -> None:
    copy_blind(NETWORK, tmp_path / "blind")
    shown = json.loads((tmp_path / "blind" / "network.json").read_text())
    told = json.loads((NETWORK / "network.json").read_text())
    assert told.keys() - shown.keys() == {"task", "notes"}
    weights = "model.safetensors"
    assert (tmp_path / "blind" / weights).read_bytes() == (NETWORK / weights).read_bytes()


@pytest.mark.parametrize(
    ("code", "stop"),
    [
        ("pass", "the command wrote no program"),
        ("sys.exit('too hard')", "the command found nothing: too hard"),
        ("open(program, 'w').write('machine')", "the command wrote no program that can be read: "),
        ("time.sleep(60)", "the command was ended after 1 s"),
    ],
)
def test_what_goes_wrong_is_said(code: str, stop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.entry.LOADING_S", 0.0)
    found = enter(python(code), NETWORK, timeout_s=1.0, seed=0)
    assert found.program is None
    assert found.stop.startswith(stop)
    assert enter(["/no/such/command"], NETWORK, timeout_s=1.0, seed=0).stop.startswith("the command could not be start")


def test_places_are_filled_and_figures_are_kept() -> None:
    code = f"open(program, 'w').write({TOGGLE!r}); print('words'); print('{{\"queries\": 7}}')"
    found = enter(python(code), NETWORK, timeout_s=5.0, seed=0)
    assert (found.stop, found.figures, str(found.program).split("(")[0]) == ("found", {"queries": 7}, "machine toggle")
    said = enter(("sh", "-c", 'echo "[{timeout}, {seed}]"; echo "{\\"s\\": {seed}}"'), NETWORK, timeout_s=2.5, seed=3)
    assert said.figures == {"s": 3}


def test_what_is_written_is_verified_as_ours_is() -> None:
    mine = extractor(f"mine={shlex.join(python(f'open(program, {chr(39)}w{chr(39)}).write({TOGGLE!r})'))}")
    row = run_apart(Job("streams", NETWORK, mine, 60.0, 0))
    found = standing(row)
    for equal in (found.program_network, found.network_task, found.program_task):
        assert (equal.verdict, "every length" in equal.on) == ("proved", True)
    assert found.mechanism.startswith("supported")
    assert (row["states"], row["operators"], row["table_rows"], row["agreement"]) == (2, 2, 0, 1.0)


def test_a_wrong_program_is_refuted_and_one_of_another_kind_is_turned_away() -> None:
    network = load_network(NETWORK)
    findings = program_is_network(network, parse(LATE), budget_s=60.0, rng_seed=0)
    assert isinstance(findings[0].verdict, Refuted)
    assert findings[0].verdict.counterexample.inputs == ((1,),)
    assert agreement(network, parse(LATE), rng_seed=0) < 0.1
    with pytest.raises(TypeMismatch, match="expected a machine, got a function"):
        program_is_network(network, parse("function f(x: 0..1) -> 0..1 = x"), budget_s=60.0, rng_seed=0)


def test_sizes_of_machines_and_of_tables_in_them() -> None:
    network = load_network(NETWORK)
    looked_up = parse("machine m(x: 0..1) -> 0..1  state q: 0..2 = 0  next q = [[0, 2], [1, 1], [2, 0]][q][x]"
                      "  output [0, 0, 1][q']")  # fmt: skip
    assert (table_rows(looked_up), states_of(network, looked_up)) == (6, 2)
    assert table_rows(parse(TOGGLE)) == 0
    endless = parse("machine m(x: 0..1) -> int  state n: int = 0  next n = n + x  output n")
    assert states_of(network, endless) is None


def test_the_example_in_the_documentation_enters(tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    (tmp_path / "echo.py").write_text(code)
    command = extractor(f"echo={sys.executable} {tmp_path / 'echo.py'}").command
    assert command is not None
    found = enter(command, NETWORK, timeout_s=5.0, seed=0)
    assert (found.program, found.figures) == (parse("machine echo(x: 0..1) -> int  output x"), {"guesses": 1})
