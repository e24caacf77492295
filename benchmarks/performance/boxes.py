"""Branch and bound against enumeration: random claims about the outputs of feed-forward networks on random boxes.

    python -m benchmarks.performance.boxes [--queries N] [--seed S]

A claim says that one output stays in a range on a box of inputs; half of the ranges are those the network really has on
the box, so that true claims are as common as false ones. Prints how many of each, disagreements, and how the inputs
were settled.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.run import networks
from extract.networks import load_network
from verify.boxes import Tally, search_boxes, within
from verify.domain import Domain, IntArray
from verify.graph import Graphed

SUITES = ("arithmetic", "boolean", "modular", "trees")
MOST_INPUTS = 1 << 14


def random_box(domain: Domain, *, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Lows and highs (arity,) of a box with few enough inputs to enumerate."""
    while True:
        ends = np.sort(domain.draw((2,), rng=rng), axis=0)
        if (ends[1] - ends[0] + 1).prod() <= MOST_INPUTS:
            return ends[0], ends[1]


def compare(network: Graphed, queries: int, *, rng: np.random.Generator) -> tuple[int, int, int, Tally]:
    """Claims that hold, claims that fail, disagreements, and the tally of all."""
    true = false = wrong = 0
    total = Tally()
    for _ in range(queries):
        lows, highs = random_box(network.domain, rng=rng)
        points = Domain(tuple(zip(lows.tolist(), highs.tolist(), strict=True)), 1).symbols()
        outputs = network.run(points[:, None])[:, 0]
        k = int(rng.integers(outputs.shape[1]))
        least, most = int(outputs[:, k].min()), int(outputs[:, k].max())
        shift = 0 if rng.random() < 0.5 else int(rng.integers(0, 3))
        ranges: list[tuple[int | None, int | None]] = [(None, None)] * outputs.shape[1]
        ranges[k] = (least + shift, most) if rng.random() < 0.5 else (least, most - shift)
        claim = within(tuple(ranges))
        found, done, tally = search_boxes(network, claim, lows, highs)
        holds = bool(claim.right(points, outputs).all())
        true, false = true + holds, false + (not holds)
        agree = (found is None and done) if holds else found is not None
        if agree and found is not None:
            agree = not bool(claim.right(found[None], network.run(found[None, None])[:, 0])[0])
        wrong += not agree
        for name in ("boxes", "bounded", "run", "splits"):
            setattr(total, name, getattr(total, name) + getattr(tally, name))
    return true, false, wrong, total


def main(
    queries: Annotated[int, typer.Option(help="in all")] = 10_000, seed: int = 0, suites: str = ",".join(SUITES)
) -> None:
    """Compare on every network of the suites."""
    paths: list[Path] = [path for suite in suites.split(",") for path in networks(suite)]
    sums = np.zeros(7, dtype=np.int64)
    began = time.process_time()
    for k, path in enumerate(paths):
        network = load_network(path)
        assert isinstance(network, Graphed)
        share = queries * (k + 1) // len(paths) - queries * k // len(paths)
        true, false, wrong, tally = compare(network, share, rng=np.random.default_rng([seed, k]))
        sums += (true, false, wrong, tally.boxes, tally.bounded, tally.run, tally.splits)
        print(f"{path.name}: {true} hold, {false} fail, {wrong} disagreements", flush=True)
    true, false, wrong, boxes, bounded, run, splits = sums.tolist()
    print(f"{true + false:,} queries ({true:,} hold, {false:,} fail): {wrong} disagreements; {bounded:,} inputs "
          f"settled by bounds over {boxes:,} boxes, {run:,} by running the network, {splits:,} splits; "
          f"{time.process_time() - began:.0f} s CPU")  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
