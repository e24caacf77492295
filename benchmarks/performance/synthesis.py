"""Synthesis side by side: netlift and cvc5 on the same SyGuS files in one run, and raw enumeration throughput.

    python -m benchmarks.performance.synthesis [DIRECTORY ...] [--timeout S] [--json] [--peer-python PATH]

Each file of each DIRECTORY is given to both solvers in turn, each in a process of its own with the same time limit, so
start-up counts for both; the seconds are wall-clock. cvc5 is optional (`pip install cvc5`, here or in the interpreter
named by `--peer-python`) and runs with `sygus=true`, `incremental=false`. Size is the number of operator applications
in the answer as printed, `let` free, applications of functions that the file defines counted as one. Throughput is
measured as `benchmarks.performance.throughput` says.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.performance.throughput import Throughput, measure
from extract.sygus.calls import size
from extract.sygus.sexpr import read

NETLIFT = """
import sys
from extract.sygus import synth_file
print(synth_file(sys.argv[1], float(sys.argv[2])).answer or "")
"""

CVC5 = """
import sys, cvc5
manager = cvc5.TermManager()
solver = cvc5.Solver(manager)
for option, value in (("sygus", "true"), ("incremental", "false"), ("tlimit", str(int(1000 * float(sys.argv[2]))))):
    solver.setOption(option, value)
parser = cvc5.InputParser(solver)
parser.setFileInput(cvc5.InputLanguage.SYGUS_2_1, sys.argv[1])
symbols = parser.getSymbolManager()
while True:
    command = parser.nextCommand()
    if command.isNull():
        break
    print(command.invoke(solver, symbols), end="")
"""


@dataclass(frozen=True)
class Outcome:
    """One solver on one file: whether it answered, in how many seconds, with how many operators."""

    solved: bool
    seconds: float
    operators: int


Results = dict[str, tuple[Outcome, Outcome | None]]
"""By file: ours, and cvc5's where there is one."""


def solve(python: str, program: str, path: Path, timeout_s: float) -> Outcome:
    """Run a solver's program on a file in a fresh process."""
    started = time.perf_counter()
    command = [python, "-c", program, str(path), str(timeout_s)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s + 10, check=False)
        printed = done.stdout
    except subprocess.TimeoutExpired:
        printed = ""
    seconds = time.perf_counter() - started
    solved = "define-fun" in printed and seconds <= timeout_s + 2
    return Outcome(solved, seconds, operators(printed) if solved else 0)


def operators(printed: str) -> int:
    """Operator applications in all functions printed."""
    total = 0
    for item in read(printed):
        definitions = item if isinstance(item, tuple) and item and isinstance(item[0], tuple) else (item,)
        for definition in definitions:
            if isinstance(definition, tuple) and definition and definition[0] == "define-fun":
                total += size(definition[-1])
    return total


def has_peer(python: str) -> bool:
    """Whether that interpreter has cvc5."""
    return subprocess.run([python, "-c", "import cvc5"], capture_output=True, check=False).returncode == 0


def compare(paths: Sequence[Path], timeout_s: float, peer_python: str | None) -> Results:
    """Both solvers on every file; progress on stderr."""
    results: Results = {}
    for path in paths:
        ours = solve(sys.executable, NETLIFT, path, timeout_s)
        theirs = solve(peer_python, CVC5, path, timeout_s) if peer_python else None
        results[path.name] = (ours, theirs)
        print(f"{path.name:36} {_cell(ours)}   {_cell(theirs)}", file=sys.stderr, flush=True)
    return results


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return "-"
    return f"{outcome.seconds:7.2f} s {f'{outcome.operators:4d} ops' if outcome.solved else '   none '}"


def summary(results: Results) -> dict[str, float]:
    """Counts, medians, and geometric means of size and time ratios (ours over theirs) on files both solve."""
    ours = [a for a, _ in results.values()]
    pairs = [(a, b) for a, b in results.values() if b is not None and a.solved and b.solved]
    figures: dict[str, float] = {
        "files": len(ours),
        "netlift_solved": sum(a.solved for a in ours),
        "netlift_median_s": statistics.median(a.seconds for a in ours),
    }
    if any(b is not None for _, b in results.values()):
        figures |= {
            "cvc5_solved": sum(b is not None and b.solved for _, b in results.values()),
            "cvc5_median_s": statistics.median(b.seconds for _, b in results.values() if b is not None),
        }
    if pairs:
        ratios = [max(a.operators, 1) / max(b.operators, 1) for a, b in pairs]
        figures |= {
            "size_ratio_geometric_mean": statistics.geometric_mean(ratios),
            "size_ratio_worst": max(ratios),
            "time_ratio_geometric_mean": statistics.geometric_mean([a.seconds / b.seconds for a, b in pairs]),
        }
    return figures


def main() -> None:
    """Measure, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIRECTORY", help="folders of .sl files")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="seconds for each solver and file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--peer-python", default=sys.executable, metavar="PATH", help="an interpreter that has cvc5")
    options = parser.parse_args()
    peer = options.peer_python if has_peer(options.peer_python) else None
    throughput = measure()
    report: dict[str, object] = {"throughput": {**asdict(throughput), "share": throughput.share}}
    for directory in options.directories:
        results = compare(sorted(directory.glob("*.sl")), options.timeout, peer)
        if results:
            report[directory.name] = summary(results)
    print(json.dumps(report) if options.json else _table(throughput, report))


def _table(throughput: Throughput, report: dict[str, object]) -> str:
    lines = [
        f"integers (32 examples)   {throughput.integers / 1e6:8.1f} M candidates/s"
        f"   {100 * throughput.share:.0f} % of one row per candidate at {throughput.bandwidth / 1e9:.1f} GB/s",
        f"truth values (packed)    {throughput.truths / 1e6:8.1f} M candidates/s",
        f"growing search           {throughput.growing / 1e6:8.1f} M candidates/s",
    ]
    for name, figures in report.items():
        if name != "throughput" and isinstance(figures, dict):
            lines.append(name)
            lines += [f"  {key:28} {value:10.3f}" for key, value in figures.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
