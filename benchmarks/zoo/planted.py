"""Write networks whose programs are known: random machines compiled into all cells, up a ladder of difficulty.

    python -m benchmarks.zoo.planted DIR [--count 200] [--seed 0]
    netlift bench DIR --out planted.jsonl --report board

By turns of cell, noise on the weights, and superposition (directions saved on the code of the values); sizes are those
that `benchmarks.suites.planted` draws. A program that its turn's superposition or noise would break is planted with as
much of them as it bears, so that programs are not chosen by how easily they are planted; only those that find no room
in their cell are passed over, and counted. Each `network.json` holds the program under `reference`, which no extractor
gets to see, and how it was planted under `planted`; the report of the suite has recovery against each of these.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from safetensors.numpy import save_file

from benchmarks.suites.planted import Planted as Item
from benchmarks.suites.planted import endless
from dsl.errors import NetliftError
from extract.plant import Planted, PlantOptions, plant

CELLS = ("rnn_tanh", "rnn_relu", "gru", "lstm", "mlp")
NOISES = (0.0, 0.005, 0.01, 0.02)
SUPERPOSITIONS = (0, 1, 2)
HIDDEN = (32, 64, 128, 256)
"""The first of these sizes that the program fits into."""


def ladder(count: int, *, seed: int) -> Iterator[tuple[Item, Planted | None]]:
    """Programs with their networks, `count` of them; None where a program finds no room in the cell of its turn."""
    machines, made = endless(seed=seed), 0
    for k in itertools.count():
        if made == count:
            return
        item = next(machines)
        network = planted(item, made, seed + k)
        made += network is not None
        yield item, network


def planted(item: Item, turn: int, seed: int) -> Planted | None:
    """A program in the cell of a turn, with its superposition and noise or the next lower ones that keep its answers;
    None where no size has room for it."""
    cell, rest = CELLS[turn % len(CELLS)], turn // len(CELLS)
    noises = NOISES[rest % len(NOISES) :: -1]
    for superposition in SUPERPOSITIONS[rest // len(NOISES) % len(SUPERPOSITIONS) :: -1]:
        for noise in noises:
            made = _fitting(item, PlantOptions(cell, HIDDEN[0], noise, seed, superposition=superposition))
            if made is not None and not made.wrong:
                return made
    return None


def _fitting(item: Item, options: PlantOptions) -> Planted | None:
    """The network in the first size that has room."""
    for hidden in HIDDEN:
        try:
            return plant(item.program, item.domain, replace(options, hidden=hidden))
        except NetliftError:
            continue
    return None


def write(item: Item, made: Planted, directory: Path) -> None:
    """A network directory that the runner takes."""
    options = made.options
    directory.mkdir(parents=True, exist_ok=True)
    save_file(dict(made.network.tensors), directory / "model.safetensors")
    content = dict(made.network.description) | {
        "task": item.name, "notes": "", "reference": str(item.program),
        "planted": {"cell": options.cell, "hidden": options.hidden, "noise": options.noise,
                    "superposition": options.superposition, "variables": len(item.program.states),
                    "operators": item.operators, "states": item.mealy.size},
    }  # fmt: skip
    (directory / "network.json").write_text(json.dumps(content, indent=1) + "\n")


def main(directory: Path, count: int = 200, seed: Annotated[int, typer.Option(min=0)] = 0) -> None:
    """Write the networks and say how many programs were passed over."""
    passed = 0
    for item, made in ladder(count, seed=seed):
        if made is None:
            passed += 1
        else:
            write(item, made, directory / f"{item.name}_{made.options.cell}")
    print(f"{count} networks in {directory}; {passed} programs found no room")


if __name__ == "__main__":
    typer.run(main)
