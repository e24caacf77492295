"""Proofs for every length on trained networks: attack, prove, check again, one row a network.

    python -m benchmarks.performance.certificates [DIRECTORY ...] [--timeout S] [--json]

Each network of each DIRECTORY (default: the Tomita networks of the zoo) is compared with the reference program of its
task: first all inputs up to a length and structured random inputs up to 100 times the training length, which may refute
(the counterexample is replayed on the network), then `verify.certificate` for most of the time. A certificate counts
once the independent checker has accepted it. Where none is found, the reachable float32 states are enumerated: a proof
too where they are few (exact closure), with no regions. Seconds are processor time of this process; checking is timed
again, apart. The obstacle is the prover's own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.suites.tables import TASKS
from dsl.programs import Machine
from dsl.syntax import parse
from extract.networks import load_recurrent
from verify.budget import Deadline
from verify.certificate import certify
from verify.checker import check_certificate
from verify.exhaustive import exhaustive
from verify.sampling import sampled
from verify.subject import RecurrentSubject
from verify.verdict import Proved, Refuted

TOMITA = Path(__file__).parents[1] / "zoo" / "tomita"
ATTACKS = ((4_000, 10), (1_000, 40), (200, 100))  # inputs, training lengths
ATTACK_SHARE, CERTIFY_SHARE = 0.3, 0.9
EXACT_STEPS = 4_000_000


@dataclass(frozen=True)
class Row:
    """One network: verdict `proved`, `refuted` or `obstacle`, and what it rests on."""

    network: str
    cell: str
    noisy: bool
    width: int
    verdict: str
    regions: int
    prover_s: float
    checker_s: float
    detail: str


def measure(directory: Path, timeout_s: float) -> Row:
    """Attack, prove and check one network."""
    description = json.loads((directory / "network.json").read_text())
    network = load_recurrent(directory)
    if not isinstance(network, RecurrentSubject):
        raise ValueError(f"expected a recurrent network, got another ({directory})")
    machine = parse(TASKS[description["task"]].reference)
    assert isinstance(machine, Machine)
    cell, noisy = description["cell"], "noise" in description.get("notes", "")
    deadline, began = Deadline.after(timeout_s, time.process_time), time.process_time()
    width = network.initial_state(1).shape[1]

    def row(verdict: str, regions: int, seconds: float, checking: float, detail: str) -> Row:
        return Row(directory.name, cell, noisy, width, verdict, regions, seconds, checking, detail)

    counterexample = _attacked(network, machine, deadline.share(ATTACK_SHARE))
    if counterexample is not None:
        return row("refuted", 0, time.process_time() - began, 0.0, f"differs at length {counterexample}")
    finding, certificate = certify(network, machine, timeout_s=CERTIFY_SHARE * deadline.left, clock=time.process_time)
    if isinstance(finding.verdict, Refuted):
        length = finding.verdict.counterexample.length
        return row("refuted", 0, time.process_time() - began, 0.0, f"differs at length {length}")
    if certificate is None:
        closed = exhaustive(network, machine, max_inputs=EXACT_STEPS, deadline=deadline)
        if isinstance(closed.verdict, Proved) and closed.domain.endswith("exact closure)"):
            return row("proved", 0, time.process_time() - began, 0.0, closed.domain)
    seconds = time.process_time() - began
    if certificate is None:
        return row("obstacle", 0, seconds, 0.0, getattr(finding.verdict, "reason", ""))
    began = time.process_time()
    check_certificate(certificate, dict(description), dict(network.tensors))  # type: ignore[attr-defined]
    return row("proved", len(certificate["regions"]), seconds, time.process_time() - began, "every length")


def _attacked(network: RecurrentSubject, machine: Machine, deadline: Deadline) -> int | None:
    """The length of the shortest difference found."""
    findings = [exhaustive(network, machine, max_inputs=50_000, deadline=deadline.share(0.4))]
    if not isinstance(findings[0].verdict, Refuted):
        for count, factor in ATTACKS:
            length = factor * network.domain.train_length
            findings.append(sampled(network, machine, count=count, length=length, rng_seed=0, deadline=deadline))
    lengths = [f.verdict.counterexample.length for f in findings if isinstance(f.verdict, Refuted)]
    return min(lengths, default=None)


def summary(rows: Sequence[Row]) -> list[str]:
    """Shares by cell, plainly trained and with noise, and medians over the proved."""
    lines = []
    for noisy in (False, True):
        for cell in (*sorted({r.cell for r in rows if r.noisy == noisy}), ""):
            own = [r for r in rows if r.noisy == noisy and cell in (r.cell, "")]
            proved = [r for r in own if r.verdict == "proved"]
            counts = ", ".join(f"{sum(r.verdict == v for r in own)} {v}" for v in ("proved", "refuted", "obstacle"))
            medians = ""
            if proved:
                middle = (statistics.median(x) for x in zip(*((r.regions, r.prover_s, r.checker_s) for r in proved)))
                medians = "; median {:.0f} regions, prover {:.1f} s, checker {:.1f} s".format(*middle)
            if own:
                lines.append(f"{'noisy' if noisy else 'plain'} {cell or 'all'}: {counts} of {len(own)}{medians}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.certificates", description=__doc__)
    parser.add_argument("directories", nargs="*", type=Path, help="directories of networks")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="processor time a network")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for directory in options.directories or [TOMITA]:
        found = [directory] if (directory / "network.json").exists() else sorted(directory.iterdir())
        for each in found:
            if (each / "network.json").exists():
                rows.append(measure(each, options.timeout))
                print(f"{each.name}: {rows[-1].verdict}", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"networks": [asdict(r) for r in rows], "summary": summary(rows)}, indent=1))
        return 0
    print("| network | cell | state | verdict | regions | prover s | checker s | what |\n" + "| --- " * 8 + "|")
    for r in rows:
        numbers = f"{r.regions:,} | {r.prover_s:.1f} | {r.checker_s:.1f}"
        print(f"| {r.network} | {r.cell} | {r.width} | {r.verdict} | {numbers} | {r.detail} |")
    print("\n" + "\n".join(summary(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
