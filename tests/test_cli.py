"""The command line: results on stdout, one line on stderr for every mistake, the promised exit statuses."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import save_file

from dsl.programs import Machine
from dsl.syntax import parse
from extract.cli import main
from extract.extraction import Extraction, Progress, Stage, VariableAlignment
from extract.report.progress import LiveProgress
from verify.check import check_program
from verify.subject import RecurrentSubject

COUNTER = "machine count(x: 0..3) -> int  state s: int = 0  next s = s + x  output s'\n"
MODULO = "machine count(x: 0..3) -> int  state s: 0..6 = 0  next s = (s + x) mod 7  output s'\n"
PAIR = "machine pair(a: 0..9, b: bool) -> 0..9, bool  output if b then a else 0, not b\n"
FUNCTION = "function f(a: -5..5, b: -5..5) -> int = a * b\n"
Result = tuple[int, str, str]
Cli = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Runs a command line in an empty directory: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err

    return run


@pytest.fixture
def network(tmp_path: Path) -> str:
    """A network that adds up its inputs: one ReLU layer with the identity for weights."""
    directory = tmp_path / "adder"
    directory.mkdir()
    content = {
        "format": "netlift-network/1", "family": "recurrent", "cell": "rnn_relu", "hidden_size": 1,
        "input": {"encoding": "integer", "arity": 1, "low": 0, "high": 3},
        "output": {"decoding": "round", "arity": 1}, "lengths": {"train": 4}, "weights": "model.safetensors",
    }  # fmt: skip
    (directory / "network.json").write_text(json.dumps(content))
    names = ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "readout.weight")
    save_file({name: torch.ones(1, 1) for name in names}, directory / "model.safetensors")
    return "adder"


def write(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def pipeline(text: str | None, interrupted: bool = False) -> types.ModuleType:
    """A stand-in for `extract.pipeline` that finds the program `text` at once."""

    def extract(
        network: RecurrentSubject, *, timeout_s: float, rng_seed: int, progress: Progress | None = None
    ) -> Extraction:
        assert progress is not None
        progress.stage("search")
        program = None if text is None else parse(text)
        assert program is None or isinstance(program, Machine)
        checked = [] if program is None else check_program(network, program, rng_seed=0, timeout_s=20, samples=200)
        alignment = (VariableAlignment("s", "h", ((1.0,),), (0.0,), 1.0, "exact"),)
        if program is not None:
            progress.best(program, 1.0)
        return Extraction.of(
            network, program, alignment=alignment, evidence=tuple(checked), cost_bits=20.0,
            stages=(Stage("search", 0.1, ""),), seed=rng_seed, options={"timeout_s": timeout_s},
            stop_reason="budget of 1 s used", interrupted=interrupted,
        )  # fmt: skip

    module = types.ModuleType("extract.pipeline")
    module.extract = extract  # type: ignore[attr-defined]
    return module


@pytest.fixture
def finding(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes extraction find a given program."""
    return lambda *options: monkeypatch.setitem(sys.modules, "extract.pipeline", pipeline(*options))


@pytest.mark.parametrize(
    ("text", "inputs", "output"),
    [
        (COUNTER, ("3", "1", "2"), "3 4 6"),
        (COUNTER, (), ""),
        (PAIR, ("1,true", "2,false", "3,1"), "1,false 0,true 3,false"),
        (FUNCTION, ("-3", "2"), "-6"),
        (FUNCTION, ("-3", "-2"), "6"),
        ("machine r(x: [0..9; 2]) -> 0..9  output x[1]", ("[1,2]", "[3,4]"), "2 4"),
    ],
)
def test_run(cli: Cli, text: str, inputs: tuple[str, ...], output: str) -> None:
    assert cli("run", write("p.nl", text), *inputs) == (0, output + "\n", "")


def test_run_as_json(cli: Cli) -> None:
    status, out, _ = cli("run", "--json", write("p.nl", PAIR), "1,true", "2,false")
    assert (status, json.loads(out)) == (0, {"outputs": [[1, False], [0, True]]})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "p.nl", "9"), "expected x in 0..3, got 9"),
        (("run", "p.nl", "1,2"), "expected one value, got '1,2' (input 1)"),
        (("run", "p.nl", "one"), "expected a value of type 0..3, got 'one' (input 1)"),
        (("run", "absent.nl"), "No such file"),
        (("run", "."), "Is a directory"),
        (("run", "bad.nl", "1"), "bad.nl, line 1, column 13: expected "),
        (("run", "binary.nl"), "not UTF-8"),
        (("run", "deep.nl"), "nested less deeply"),
        (("diff", "p.nl", "f.nl"), "expected two programs of one shape, got a machine and a function"),
        (("diff", "p.nl", "pair.nl"), "expected equally many inputs"),
        (("diff", "p.nl", "p.nl", "--timeout", "0"), "expected a positive number of seconds, got 0.0"),
        (("diff", "p.nl", "p.nl", "--timeout", "soon"), "--timeout"),
        (("diff", "p.nl"), "PROGRAM_B"),
        (("verify", "absent", "p.nl"), "expected a directory with network.json and weights, got nothing (absent)"),
        (("verify", "adder", "f.nl"), "expected a machine, got a function (f.nl)"),
        (("verify", "adder", "pair.nl"), "expected 1 inputs per step as the network has, got 2"),
        (("verify", "adder", "p.nl", "--property", "y <"), "--property, line 1, column 4"),
        (("verify", "adder", "p.nl", "--property", "y + 1"), "expected a truth value"),
        (("extract", "absent"), "got nothing (absent)"),
        (("extract", "adder", "--seed", "-1"), "--seed"),
        (("extract", "adder", "--timeout", "nan"), "expected a positive number of seconds, got nan"),
        (("extract", "adder", "--out", "p.nl"), "expected a directory to write to, got a file (p.nl)"),
        (("extract", "adder", "--out", "p.nl/out"), "expected a directory to write to, got"),
        (("frobnicate",), "frobnicate"),
        ((), "netlift --help"),
    ],
)
def test_mistakes_are_one_line(cli: Cli, network: str, arguments: tuple[str, ...], said: str) -> None:
    write("p.nl", COUNTER)
    write("f.nl", FUNCTION)
    write("pair.nl", PAIR)
    write("bad.nl", "machine bad(: 0..3) -> int  output x")
    Path("binary.nl").write_bytes(b"\xff\xfe")
    write("deep.nl", f"machine deep(x: 0..3) -> int  output {'abs(' * 5000}x{')' * 5000}")
    before = sorted(Path().rglob("*"))
    status, out, err = cli(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("netlift: ")
    assert said in err
    assert err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


def test_diff(cli: Cli) -> None:
    first, second = write("a.nl", COUNTER), write("b.nl", MODULO)
    status, out, _ = cli("diff", first, second, "--json")
    content = json.loads(out)
    assert status == 1
    assert content["evidence"][0]["verdict"] == "refuted"
    assert len(content["counterexamples"][0]["inputs"]) == 3
    status, out, _ = cli("diff", first, second)
    assert status == 1
    assert "first " in out
    assert cli("diff", first, first)[0] == 0


def test_verify(cli: Cli, network: str) -> None:
    status, out, err = cli("verify", network, write("good.nl", COUNTER), "--timeout", "3")
    assert (status, err) == (0, "netlift: verify\n")
    assert "proved" in out
    status, out, _ = cli("verify", network, write("wrong.nl", MODULO), "--json", "--timeout", "3")
    content = json.loads(out)
    assert status == 1
    assert content["counterexamples"][0]["expected"][-1] != content["counterexamples"][0]["actual"][-1]


def test_verify_a_property(cli: Cli, network: str) -> None:
    program = write("good.nl", COUNTER)
    status, out, _ = cli("verify", network, program, "--property", "y >= s", "--json", "--timeout", "6")
    assert (status, json.loads(out)["evidence"][-1]["verdict"]) == (0, "proved")
    status, out, _ = cli("verify", network, program, "--property", "y < 9", "--json", "--timeout", "6")
    refuted = json.loads(out)["evidence"][-1]
    assert (status, refuted["verdict"], refuted["shortest"]) == (1, "refuted", True)
    assert refuted["counterexample"]["inputs"] == [[3], [3], [3]]


def test_extract_prints_program_evidence_and_summary(cli: Cli, network: str, finding: Callable[..., None]) -> None:
    finding(COUNTER)
    status, out, err = cli("extract", network)
    assert status == 0
    assert out.startswith("machine count(x: 0..3) -> int\n  state s: int = 0\n")
    assert "program equals network" in out
    assert out.splitlines()[-1].startswith("program proved equal to the network on all inputs of length up to")
    assert err == "netlift: search\n"


def test_extract_as_json(cli: Cli, network: str, finding: Callable[..., None]) -> None:
    finding(COUNTER)
    status, out, err = cli("extract", network, "--json", "--seed", "3", "--timeout", "9")
    content = json.loads(out)
    assert (status, err) == (0, "")
    assert {"program", "python", "cost", "evidence", "counterexamples", "stages", "seed", "version"} <= set(content)
    assert (content["seed"], content["options"]) == (3, {"timeout_s": 9.0})
    assert {"claim", "method", "verdict", "domain", "seconds"} <= set(content["evidence"][0])
    assert parse(content["program"]) == parse(COUNTER)
    assert Extraction.from_json(content).to_json() == content


@pytest.mark.parametrize(
    ("text", "interrupted", "status"), [(MODULO, False, 1), (None, False, 1), (COUNTER, True, 130), (None, True, 130)]
)
def test_extract_exit_statuses(
    cli: Cli, network: str, finding: Callable[..., None], text: str | None, interrupted: bool, status: int
) -> None:
    finding(text, interrupted)
    got, out, _ = cli("extract", network, "--out", "out")
    assert got == status
    assert ("interrupted" in out) == interrupted
    assert json.loads(Path("out/extraction.json").read_text())["interrupted"] == interrupted
    assert Path("out/program.nl").exists() == (text is not None)
    assert interrupted == ("interrupted" in Path("out/program.nl").read_text() if text else interrupted)


def test_out_is_complete_and_its_test_passes(cli: Cli, network: str, finding: Callable[..., None]) -> None:
    finding(COUNTER)
    Path("out").mkdir()
    write("out/mine.txt", "kept")
    assert cli("extract", network, "--out", "out")[0] == 0
    assert sorted(str(p.relative_to("out")) for p in Path("out").rglob("*") if p.is_file()) == [
        "extraction.json", "mine.txt", "network/model.safetensors", "network/network.json",
        "program.nl", "program.py", "report.html", "test_program.py",
    ]  # fmt: skip
    assert parse(Path("out/program.nl").read_text()) == parse(COUNTER)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_program.py"]
    tested = subprocess.run(command, cwd="out", capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout
    broken = Path("out/program.py").read_text().replace("+", "-")
    Path("out/program.py").write_text(broken)
    assert subprocess.run(command, cwd="out", capture_output=True, check=False).returncode == 1


def test_the_test_knows_where_program_and_network_differ(cli: Cli, network: str, finding: Callable[..., None]) -> None:
    finding(MODULO)
    assert cli("extract", network, "--out", "out")[0] == 1
    source = Path("out/test_program.py").read_text()
    assert "LONGEST = 2 " in source
    assert "test_known_difference" in source


def test_the_report_stands_alone(cli: Cli, network: str, finding: Callable[..., None]) -> None:
    finding(MODULO)
    cli("extract", network, "--out", "out")
    page = Path("out/report.html").read_text()
    for loaded in ("http:", "https:", "src=", "@import", "url("):
        assert loaded not in page.replace("http://www.w3.org/2000/svg", "").replace("url(#head)", "")
    assert "<svg" in page
    assert "All 7 states reachable" in page
    assert "differ on this input" in page


def test_a_network_that_is_too_large_to_draw_gets_its_data_flow(
    cli: Cli, network: str, finding: Callable[..., None]
) -> None:
    finding(COUNTER)
    cli("extract", network, "--out", "out")
    assert "Data flow" in Path("out/report.html").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    program = tmp_path / "p.nl"
    program.write_text(COUNTER)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "extract.cli", "run", str(program), "1"], stdout=full, stderr=subprocess.PIPE,
            text=True, check=False, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "netlift: expected to write to stdout, got No space left on device\n"


def test_running_a_program_loads_neither_torch_nor_z3(tmp_path: Path) -> None:
    program = tmp_path / "p.nl"
    program.write_text(COUNTER)
    code = (
        "import sys\nfrom extract.cli import main\n"
        f"try: main(['run', {str(program)!r}, '1'])\n"
        "except SystemExit: print([m for m in ('torch', 'z3', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n[]\n"


def test_random_programs_of_the_counter_agree_with_numpy(cli: Cli) -> None:
    words = np.random.default_rng(0).integers(0, 4, size=(5, 8))
    for word in words:
        _, out, _ = cli("run", write("p.nl", COUNTER), *map(str, word))
        assert out.split() == [str(v) for v in np.cumsum(word)]


def test_live_progress_shows_stage_and_best_program() -> None:
    shown = LiveProgress()
    shown.stage("search")
    shown.note("12 features")
    shown.best(parse(COUNTER), 0.971)
    console = Console(file=io.StringIO(), width=80)
    console.print(shown.view())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("search", "12 features", "97.10%", "next s = s + x"):
        assert part in text


def test_the_main_job_on_a_network(cli: Cli, network: str) -> None:
    status, out, _ = cli("extract", network, "--json", "--timeout", "60", "--out", "out")
    content = json.loads(out)
    assert status == 0
    assert content["evidence"][0]["verdict"] == "proved"
    assert cli("diff", "out/program.nl", write("p.nl", COUNTER))[0] == 0
    assert json.loads(Path("out/extraction.json").read_text()) == content


def test_synth_prints_a_checked_answer(cli: Cli, tmp_path: Path) -> None:
    problem = tmp_path / "larger.sl"
    problem.write_text(
        "(set-logic LIA)(synth-fun f ((x Int) (y Int)) Int)(declare-var x Int)(declare-var y Int)"
        "(constraint (>= (f x y) x))(constraint (>= (f x y) y))"
        "(constraint (or (= (f x y) x) (= (f x y) y)))(check-synth)"
    )
    status, out, err = cli("synth", str(problem))
    assert status == 0
    assert out.startswith("(define-fun f ((x Int) (y Int)) Int ")
    assert "checked by z3" in err


WORDS = "(synth-fun f ((x (_ BitVec 8))) (_ BitVec 8) ((S (_ BitVec 8))) ((S (_ BitVec 8) (x {}))))"


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        (WORDS.format("(bvnot S)") + "(constraint (= (f #x01) #x02)) (constraint (= (f #x01) #x03))", 1, "contradict"),
        (WORDS.format("(bvnot S)") + "(constraint (= (f #x01) #x02))", 1, "every program within the cost limit"),
        (WORDS.format("(bvmul S S) (bvadd S S) (bvxor S S) (bvlshr S S)")
         + "".join(f"(constraint (= (f #x{k:02x}) #x{k * k * 37 % 251 ^ 91:02x}))" for k in range(99)), 3, "budget"),
        (WORDS.format("(foo S)") + "(constraint (= (f #x01) #x02))", 2, "unknown constant foo"),
        (WORDS.format("(bvnot S)") + "(constraint (= (g #x01) #x02))", 2, "unknown constant g"),
        (WORDS.format("(bvnot S)") + "(constraint (= (f #x01 #x02) #x02))", 2, "unknown constant f"),
        (WORDS.format("(bvnot S)")[:-3], 2, "expected a closing parenthesis"),
        ("(set-logic SLIA) (declare-var s String)", 2, "expected sort Int, Bool or"),
    ],
)  # fmt: skip
def test_synth_says_in_one_line_why_there_is_no_answer(
    cli: Cli, tmp_path: Path, text: str, status: int, message: str
) -> None:
    problem = tmp_path / "wrong.sl"
    problem.write_text(text + "(check-synth)")
    ended, out, err = cli("synth", "--timeout", "0.6", str(problem))
    assert (ended, out) == (status, "")
    assert len(err.splitlines()) == 1
    assert message in err


def test_synth_ends_where_memory_does(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("extract.sygus.pbe.solve", hungry)
    problem = tmp_path / "large.sl"
    problem.write_text(WORDS.format("(bvnot S)") + "(constraint (= (f #x01) #xfe)) (check-synth)")
    assert cli("synth", str(problem)) == (3, "", "no answer: memory limit reached\n")


def test_library_lists_what_programs_share(cli: Cli, tmp_path: Path) -> None:
    for name, term in (("p", "min(max(x - 3, 0), 7)"), ("q", "2 * min(max(x * x, 0), 7)"), ("r", "x")):
        (tmp_path / f"{name}.nl").write_text(f"function {name}(x: -9..9) -> int = {term}\n")
    status, out, err = cli("library", "p.nl", "q.nl", "r.nl")
    assert status == 0
    assert out.startswith("f1(a) = min(max(a, 0), 7)   # 2 uses in 2 programs, ")
    assert err.startswith("3 programs, ")
    status, out, _ = cli("library", "--json", "p.nl", "r.nl")
    assert status == 1
    assert json.loads(out)["abstractions"] == []
