"""How the time to a certificate grows with the number of hidden units and of program states, cell by cell.

    python -m benchmarks.performance.growth [--cells CELL ...] [--hidden N ...] [--states N ...] [--timeout S] [--json]

The networks are planted (`extract.plant`, with noise on the weights), so that any cell and size can be had. With hidden
units the machine stays parity, every unit of its circuit copied as often as there is room; with states it is a counter
modulo their number, with a unit or two a pair of state and input. Seconds are processor time of this process, the
median over three draws of noise, copies and places; a draw that is not proved counts with the time it took.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from dsl.errors import BadInput
from dsl.programs import Machine
from dsl.syntax import parse
from extract.networks.cells import CELLS
from extract.plant import PlantOptions, plant
from extract.plant.values import domain_of
from verify.certificate import certify, for_every_length
from verify.checker import check_certificate

HIDDEN, STATES = (8, 16, 32, 64, 128), (2, 4, 8, 16, 32, 64)
NOISE, DRAWS = 0.005, 3
UNITS = {"rnn_relu": 4}
"""Hidden units per unit of the circuit that a cell needs at least, times two inputs; 2 where none are named."""


@dataclass(frozen=True)
class Row:
    """One cell and size: medians, and how many of the draws were proved."""

    cell: str
    states: int
    hidden: int
    proved: int
    regions: float
    prover_s: float
    checker_s: float


def counter(states: int) -> Machine:
    """Counts ones modulo `states`."""
    machine = parse(
        f"machine count(x: 0..1) -> 0..1  state n: 0..{states - 1} = 0  next n = (n + x) mod {states}"
        "  output int(n' == 0)"
    )
    assert isinstance(machine, Machine)
    return machine


def measure(cell: str, states: int, hidden: int, timeout_s: float) -> Row:
    """Medians over the draws of one size."""
    machine, regions, proving, checking = counter(states), list[int](), list[float](), list[float]()
    domain, copies = domain_of(machine, 2 * states), max(1, hidden // (UNITS.get(cell, 2) * states))
    for draw in range(DRAWS):
        options = PlantOptions(cell, hidden, noise=NOISE, seed=draw, redundancy=copies, length=2 * states)
        network = plant(machine, domain, options).network
        began = time.process_time()
        _, certificate = certify(network, machine, timeout_s=timeout_s, clock=time.process_time)
        proving.append(time.process_time() - began)
        if certificate is not None and for_every_length(certificate):
            began = time.process_time()
            check_certificate(certificate, dict(network.description), dict(network.tensors))
            checking.append(time.process_time() - began)
            regions.append(len(certificate.get("regions", ())))
    middles = (float(statistics.median(found or [0])) for found in (regions, proving, checking))
    return Row(cell, states, hidden, len(regions), *middles)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    names = [cell.name for cell in CELLS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.growth", description=__doc__)
    parser.add_argument("--cells", nargs="*", default=names, choices=names, metavar="CELL", help=", ".join(names))
    parser.add_argument("--hidden", type=int, nargs="*", default=HIDDEN, metavar="N", help="units, for parity")
    parser.add_argument("--states", type=int, nargs="*", default=STATES, metavar="N", help="program states")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="processor time a network")
    parser.add_argument("--json", action="store_true", help="one object a line, as measured, instead of a table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for cell in options.cells:
        least = UNITS.get(cell, 2)
        sizes = [*((2, max(n, 2 * least)) for n in options.hidden), *((n, least * n) for n in options.states)]
        for states, hidden in sizes:
            try:
                rows.append(measure(cell, states, hidden, options.timeout))
            except BadInput as error:
                print(f"{cell}, {states} states, {hidden} units: {error}", file=sys.stderr, flush=True)
                continue
            print(f"{cell}, {states} states, {hidden} units", file=sys.stderr, flush=True)
            if options.json:
                print(json.dumps(asdict(rows[-1])), flush=True)
    if options.json:
        return 0
    print("| cell | states | hidden units | proved | regions | prover s | checker s |\n" + "| --- " * 7 + "|")
    for r in rows:
        numbers = f"{r.regions:,.0f} | {r.prover_s:.2f} | {r.checker_s:.2f}"
        print(f"| {r.cell} | {r.states} | {r.hidden} | {r.proved} of {DRAWS} | {numbers} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
