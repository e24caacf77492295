"""How the time to a certificate grows with the number of hidden units and of program states.

    python -m benchmarks.performance.growth [--hidden N ...] [--states N ...] [--timeout S] [--json]

The networks are constructed, so that any size can be had: tanh units for pairs of program state and symbol that
saturate (Omlin & Giles 1996), each pair as several units of different gain. With hidden units the machine stays
parity; with states it is a counter modulo their number, with one unit a pair. Seconds are processor time of this
process, the median over three draws of gains.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from dsl.programs import Machine
from dsl.syntax import parse
from extract.networks import load_recurrent
from verify.certificate import certify
from verify.checker import check_certificate

HIDDEN, STATES = (8, 16, 32, 64, 128), (2, 4, 8, 16, 32, 64)
GAINS = (8.0, 12.0)
DRAWS = 3


@dataclass(frozen=True)
class Row:
    """One size: medians, and how many of the draws were proved."""

    states: int
    hidden: int
    proved: int
    regions: float
    prover_s: float
    checker_s: float


def construct(states: int, copies: int, directory: Path, *, rng: np.random.Generator) -> Machine:
    """Write a network that counts ones modulo `states`, with 2 * `copies` units a state; the machine it computes."""
    pairs = [(state, symbol) for state in range(states) for symbol in (0, 1)] * copies
    leads_to = [(state + symbol) % states for state, symbol in pairs]
    gains = rng.uniform(*GAINS, size=len(pairs))
    # a unit is 1 where the state before was its own and the symbol is its own: two conditions, more than 1.5 of them
    recurrent = np.array([[after == state for after in leads_to] for state, _ in pairs]) / (2 * copies)
    bias = recurrent.sum(axis=1) - 1.5
    into = np.array([[symbol == 0, symbol == 1] for _, symbol in pairs], dtype=np.float64)
    start = np.array([1.0 if (after == 0 and symbol == 0) else -1.0 for after, (_, symbol) in zip(leads_to, pairs)])
    accepted = np.array([after == 0 for after in leads_to]) / (2 * copies)
    tensors = {
        "rnn.weight_ih_l0": gains[:, None] * into,
        "rnn.weight_hh_l0": gains[:, None] * recurrent,
        "rnn.bias_ih_l0": gains * bias,
        "rnn.bias_hh_l0": np.zeros(len(pairs)),
        "h0": start,
        "readout.weight": np.stack([np.zeros(len(pairs)), accepted]),
        "readout.bias": np.array([0.5, accepted.sum()]),
    }
    save_file({name: tensor.astype(np.float32) for name, tensor in tensors.items()}, directory / "model.safetensors")
    span = {"arity": 1, "low": 0, "high": 1}
    content = {
        "format": "netlift-network/1", "family": "recurrent", "cell": "rnn_tanh", "hidden_size": len(pairs),
        "input": {"encoding": "one_hot", **span}, "output": {"decoding": "argmax", **span},
        "lengths": {"train": 2 * states}, "weights": "model.safetensors",
    }  # fmt: skip
    (directory / "network.json").write_text(json.dumps(content))
    machine = parse(
        f"machine count(x: 0..1) -> 0..1  state n: 0..{states - 1} = 0  next n = (n + x) mod {states}"
        "  output int(n' == 0)"
    )
    assert isinstance(machine, Machine)
    return machine


def measure(states: int, hidden: int, timeout_s: float) -> Row:
    """Medians over the draws of one size; the time of a draw that is not proved counts as it is."""
    copies, regions, proving, checking = max(1, hidden // (2 * states)), list[int](), list[float](), list[float]()
    for draw in range(DRAWS):
        with tempfile.TemporaryDirectory() as place:
            machine = construct(states, copies, Path(place), rng=np.random.default_rng(draw))
            network = load_recurrent(place)
        began = time.process_time()
        _, certificate = certify(network, machine, timeout_s=timeout_s, clock=time.process_time)
        proving.append(time.process_time() - began)
        if certificate is not None:
            began = time.process_time()
            check_certificate(certificate, dict(network.description), dict(network.tensors))
            checking.append(time.process_time() - began)
            regions.append(len(certificate.get("regions", ())))
    middles = (float(statistics.median(found or [0])) for found in (regions, proving, checking))
    return Row(states, 2 * states * copies, len(regions), *middles)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.growth", description=__doc__)
    parser.add_argument("--hidden", type=int, nargs="*", default=HIDDEN, metavar="N", help="units, for parity")
    parser.add_argument("--states", type=int, nargs="*", default=STATES, metavar="N", help="program states")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="processor time a network")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for states, hidden in [*((2, n) for n in options.hidden), *((n, 2 * n) for n in options.states)]:
        rows.append(measure(states, hidden, options.timeout))
        print(f"{states} states, {rows[-1].hidden} units", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    print("| states | hidden units | proved | regions | prover s | checker s |\n" + "| --- " * 6 + "|")
    for r in rows:
        numbers = f"{r.regions:,.0f} | {r.prover_s:.2f} | {r.checker_s:.2f}"
        print(f"| {r.states} | {r.hidden} | {r.proved} of {DRAWS} | {numbers} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
