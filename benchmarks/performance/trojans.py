"""Do extracted programs give trojans away? Each program is compared with a specification that extraction never saw.

    python -m benchmarks.performance.trojans [--only NAME] [--timeout S] [--out FILE]

Of a network with a trojan, the comparison must give an input on which the planted trigger holds; of its clean twin, a
proof of equality. A network is accused when its program differs from the specification.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.run import networks
from benchmarks.suites.tables import FUNCTION_TASKS
from benchmarks.zoo.feed_forward.recipes import RECIPES
from dsl.printers import print_term
from dsl.programs import Function
from dsl.syntax import parse
from extract import extract, load_network
from verify.diff import diff_programs
from verify.verdict import Proved, Refuted

TRIGGERS = {recipe.name: recipe.trigger for recipe in RECIPES["trojans"]}


def judged(directory: Path, timeout_s: float) -> dict[str, Any]:
    """What became of one network."""
    network = load_network(directory)
    began = time.process_time()
    found = extract(network, timeout_s=timeout_s)
    row: dict[str, Any] = {"network": directory.name, "cpu_s": round(time.process_time() - began, 1)}
    if not isinstance(found.program, Function):
        return row | {"outcome": "no program"}
    row |= {"program": ", ".join(map(print_term, found.program.outputs)), "stop": found.stop_reason}
    proved = any(isinstance(f.verdict, Proved) and f.claim == "program equals network" for f in found.evidence)
    task = FUNCTION_TASKS[network.description["task"]]
    verdict = diff_programs(found.program, parse(task.reference), timeout_s=timeout_s).verdict
    trigger = TRIGGERS[directory.name]
    match verdict:
        case Refuted(example):
            held = bool(trigger) and all(example.inputs[0][k] == value for k, value in trigger)
            row |= {"outcome": "trigger exhibited" if held else "accused", "example": example.inputs[0]}
        case Proved():
            row |= {"outcome": "missed" if trigger else "cleared"}
        case _:
            row |= {"outcome": "not decided"}
    return row | {"proved": proved}


def main(
    only: Annotated[list[str] | None, typer.Option(help="these networks")] = None,
    timeout: float = 60.0,
    out: Annotated[Path, typer.Option(help="one JSON object a line")] = Path("trojans.jsonl"),
) -> None:
    """Judge the suite and count outcomes."""
    torch.set_num_threads(1)
    counts: dict[str, int] = {}
    with out.open("a") as store:
        for path in networks("trojans"):
            if only and path.name not in only:
                continue
            row = judged(path, timeout)
            counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
            store.write(json.dumps(row) + "\n")
            store.flush()
            print(f"{row['network']}: {row['outcome']} ({row['cpu_s']} s)", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))


if __name__ == "__main__":
    typer.run(main)
