"""Does a benchmark run that is killed at random moments end in the table of a run that is not?

    python -m benchmarks.performance.kills [--suite streams] [--kills 10] [--jobs 2] [NAMES...]

Runs `netlift bench` on real networks once without disturbance and once with `kill -9`, by turns of the runner and of
one of its workers, each time at a random moment; resumes, and compares the tables without their seconds. Exit status
0: they are equal, and no job that had ended was done again. The networks should be easy ones: what a search finds
close to the end of its budget depends on the machine, killed or not.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.leaderboard.markdown import table
from benchmarks.store import Key, key, rows_in

EASY = ("parity_noisy_rnn_tanh", "prev1_mlp", "sum_all_mlp", "tomita1_rnn_tanh", "set_reset_rnn_relu")


def bench(store: Path, options: list[str]) -> subprocess.Popen[bytes]:
    """A run of the suite that goes on where the store ends."""
    words = [sys.executable, "-c", "from benchmarks.cli import main; main()", "bench", *options]
    quiet = subprocess.DEVNULL
    return subprocess.Popen([*words, "--resume", "--out", str(store)], stdout=quiet, stderr=quiet)


def workers(runner: int) -> list[int]:
    """The processes that the runner has started (as Linux lists them)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == runner:
                found.append(int(path.parent.name))
    return found


def disturbed(store: Path, options: list[str], kills: int, longest_s: float, rng: random.Random) -> Counter[str]:
    """Run and kill; what was killed how often. The last run is left to end."""
    killed: Counter[str] = Counter()

    def wait(process: subprocess.Popen[bytes]) -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.0, longest_s))

    for number in range(kills):
        process = bench(store, options)
        wait(process)
        if number % 2:
            while process.poll() is None and not workers(process.pid):
                time.sleep(0.05)
            found = workers(process.pid)
            with suppress(ProcessLookupError, IndexError):  # it may just have ended
                os.kill(rng.choice(found), signal.SIGKILL)
                killed["worker"] += 1
            wait(process)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed["runner"] += 1
        process.wait()
        print(f"{number + 1} of {kills}: {len(rows_in(store))} jobs have ended", file=sys.stderr)
    bench(store, options).wait()
    return killed


def untimed(store: Path) -> str:
    """The table without what the clock has a say in."""
    return table(row | {"seconds": 0.0} for row in rows_in(store))


def done_twice(store: Path) -> int:
    """How many jobs have more than one row that is no crash."""
    ended: Counter[Key] = Counter()
    for line in store.read_text().splitlines():
        with suppress(json.JSONDecodeError):
            row = json.loads(line)
            ended[key(row)] += "crash" not in row
    return sum(count > 1 for count in ended.values())


def main(
    names: Annotated[list[str] | None, typer.Argument()] = None,
    suite: str = "streams",
    kills: int = 10,
    jobs: int = 2,
    timeout: float = 120.0,
    longest: Annotated[float, typer.Option(help="Most seconds between a start and a kill.")] = 15.0,
    seed: int = 0,
) -> None:
    """Compare a run that was killed with one that was not."""
    options = [suite, *(names or EASY), "--jobs", str(jobs), "--timeout", str(timeout)]
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder, "whole.jsonl"), Path(folder, "broken.jsonl")
        bench(whole, options).wait()
        killed = disturbed(broken, options, kills, longest, random.Random(seed))
        equal, twice = untimed(whole) == untimed(broken), done_twice(broken)
        print(untimed(broken))
        if not equal:
            print(f"without disturbance:\n{untimed(whole)}")
    told = ", ".join(f"{count} times a {what}" for what, count in sorted(killed.items()))
    print(f"killed {told}; tables {'equal' if equal else 'different'}; jobs done twice: {twice}")
    raise typer.Exit(0 if equal and not twice else 1)


if __name__ == "__main__":
    typer.run(main)
