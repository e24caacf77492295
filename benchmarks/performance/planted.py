"""How many planted machine programs are recovered from their unlabelled tables.

    python -m benchmarks.performance.planted [--count N] [--first K] [--seed S] [--timeout S] [--json FILE]

A machine (`benchmarks.suites.planted`) is handed over as its minimal Mealy table, states in random order. It counts as
*recovered* when a program proved equal to the table on every word has no more operators than the planted program in
normal form, within so many seconds by the clock of one search that has two cores for its two threads. A search is ended
when it has such a program, so seconds are those until then; it is told to end within `SHARE` of the limit. Kernels are
compiled on a machine of another seed before.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from benchmarks.suites.planted import Planted, planted
from extract.search.tabular import machine_from_table
from verify.budget import Deadline

SHARE = 0.91


@dataclass(frozen=True)
class Outcome:
    """One machine: operators planted and recovered (none where nothing was found), seconds by the clock and of
    processor time."""

    name: str
    kind: str
    variables: int
    states: int
    planted: str
    planted_operators: int
    recovered: str | None
    operators: int | None
    seconds: float
    processor_s: float
    stop: str
    in_time: bool

    @property
    def good(self) -> bool:
        """Whether a program no larger than the planted one was found in time."""
        return self.in_time and self.operators is not None and self.operators <= self.planted_operators


def attempt(item: Planted, timeout_s: float) -> Outcome:
    """Recover one machine from its table."""
    began, processor = time.monotonic(), time.process_time()
    found = machine_from_table(
        item.mealy, item.domain, item.program.output_types, 
        deadline=Deadline.after(SHARE * timeout_s), rng=np.random.default_rng(0), enough=item.operators,
    )  # fmt: skip
    program = None if found.size is None else str(found.machine)
    seconds = time.monotonic() - began
    return Outcome(
        item.name, item.kind, len(item.program.states), item.mealy.size, str(item.program), item.operators, program,
        found.size, seconds, time.process_time() - processor, found.stop, seconds <= timeout_s,
    )  # fmt: skip


def summary(outcomes: Iterable[Outcome]) -> str:
    """Shares recovered, in all and by kind and number of variables; seconds; what failed."""
    every = list(outcomes)
    total = Counter((o.kind, o.variables) for o in every)
    right = Counter((o.kind, o.variables) for o in every if o.good)
    seconds = sorted(o.seconds for o in every)
    lines = [f"recovered {sum(right.values())} of {len(every)} ({sum(right.values()) / len(every):.1%})"]
    lines += [f"  {kind}, {width} variables: {right[kind, width]} of {n}" for (kind, width), n in sorted(total.items())]
    lines.append(f"seconds: median {seconds[len(seconds) // 2]:.1f}, most {seconds[-1]:.1f}")
    lines += [f"not recovered: {o.name} ({o.operators} operators for {o.planted_operators})"
              for o in every if not o.good]  # fmt: skip
    return "\n".join(lines)


def main(
    count: int = 200,
    first: Annotated[int, typer.Option(help="number of the first machine")] = 0,
    seed: int = 0,
    timeout: Annotated[float, typer.Option(help="seconds per machine")] = 30.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="write one object a line")] = None,
) -> None:
    """Recover planted machines and print what share was recovered."""
    outcomes = []
    progress = Console(stderr=True)
    attempt(planted(1, seed=seed + 1)[0], timeout)
    for item in planted(first + count, seed=seed)[first:]:
        outcomes.append(attempt(item, timeout))
        good = sum(o.good for o in outcomes)
        progress.print(f"{good}/{len(outcomes)} {item.name} {outcomes[-1].seconds:.1f} s")
        if json_file is not None:
            with json_file.open("a") as out:
                out.write(json.dumps(asdict(outcomes[-1])) + "\n")
    print(summary(outcomes))


if __name__ == "__main__":
    typer.run(main)
