"""Proofs for every length on trained networks: attack, prove, check again, one row a network.

    python -m benchmarks.performance.certificates [DIRECTORY ...] [--timeout S] [--json]

Each recurrent network of each DIRECTORY (default: the Tomita networks of the zoo) is compared with the reference
program of its task: first all inputs up to a length and structured random inputs up to 500 times the training length,
which may refute (the counterexample is replayed on the network), then `verify.certificate` for most of the time. A
certificate counts once the independent checker has accepted it. Where it is not for every length, the reachable float32
states are enumerated: a proof too where they are few (exact closure), with no regions; where they are not, `length` is
what either covered. A network that keeps numbers without bound may be proved up to a length, by a growing certificate,
and refuted from some longer one on. Seconds are processor time of this process; checking, which may be done by several,
is timed apart, by the clock. The obstacle is the prover's own.
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
from typing import Any

import torch

from benchmarks.suites.tables import TASKS
from dsl.programs import Machine
from dsl.syntax import parse
from dsl.types import BoolType, RegisterType, Type
from extract.networks import load_recurrent
from verify.budget import Deadline
from verify.certificate import certify, certify_growing, for_every_length
from verify.checker import check_certificate
from verify.exhaustive import exhaustive
from verify.sampling import sampled
from verify.subject import RecurrentSubject
from verify.verdict import Proved, Refuted

TOMITA = Path(__file__).parents[1] / "zoo" / "tomita"
ATTACKS = ((4_000, 10), (1_000, 40), (200, 100), (24, 500))  # inputs, training lengths
ATTACK_SHARE, CERTIFY_SHARE = 0.3, 0.9
EXACT_STEPS = 4_000_000
TIMES = 10  # the training length: how far counters and sums are to be settled
LEAST = 16  # inputs of this length are to be covered where not every length is, if programs have finitely many states
VERDICTS = ("proved", "bounded", "refuted", "obstacle")


@dataclass(frozen=True)
class Row:
    """One network: verdict `proved` (every length), `bounded` (certificate up to a length), `refuted` or `obstacle`.

    `length` is covered without a difference (0: none known), `differs` the length of the counterexample, if any.
    """

    network: str
    cell: str
    noisy: bool
    width: int
    verdict: str
    regions: int
    prover_s: float
    checker_s: float
    detail: str
    finite: bool = True
    train: int = 0
    length: int = 0
    differs: int = 0


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

    finite, train = all(_finite(state.type) for state in machine.states), network.domain.train_length

    def row(
        verdict: str, detail: str, *, regions: int = 0, checking: float = 0.0, length: int = 0, differs: int = 0
    ) -> Row:
        seconds = time.process_time() - began
        name = directory.name
        return Row(
            name, cell, noisy, width, verdict, regions, seconds, checking, detail, finite, train, length, differs
        )  # fmt: skip

    def checked(certificate: dict[str, Any]) -> float:
        nonlocal began
        clock, start = time.perf_counter(), time.process_time()
        check_certificate(certificate, dict(description), dict(network.tensors))  # type: ignore[attr-defined]
        began += time.process_time() - start  # it is not the prover's
        return time.perf_counter() - clock

    differs = _attacked(network, machine, deadline.share(ATTACK_SHARE))
    if differs is None:
        time_left = CERTIFY_SHARE * deadline.left
        finding, certificate = certify(network, machine, timeout_s=time_left, clock=time.process_time)
        if isinstance(finding.verdict, Refuted):
            differs = finding.verdict.counterexample.length
        elif for_every_length(certificate) and certificate is not None:
            regions = len(certificate.get("regions", ()))
            return row("proved", "every length", regions=regions, checking=checked(certificate))
        else:
            checking = 0.0 if certificate is None else checked(certificate)
            closed = exhaustive(network, machine, max_inputs=EXACT_STEPS, deadline=deadline)
            if isinstance(closed.verdict, Proved) and closed.domain.endswith("exact closure)"):
                return row("proved", closed.domain)
            tried = int(dict(closed.measured)["length"])
            if certificate is None:
                return row("obstacle", getattr(finding.verdict, "reason", ""), length=tried)
            regions, length = len(certificate.get("regions", ())), max(tried, int(certificate["length"]))
            return row("bounded", finding.method, regions=regions, checking=checking, length=length)
    length, detail = 0, f"differs at length {differs}"
    if not finite and differs > train + 1:
        grown = certify_growing(network, machine, timeout_s=deadline.left, clock=time.process_time)[1]
        if grown is not None:
            checked(grown)
            length, detail = int(grown["length"]), f"{detail}; up to {grown['length']} proved"
    return row("refuted", detail, length=length, differs=differs)


def _finite(kind: Type) -> bool:
    """Whether a type has finitely many values."""
    match kind:
        case BoolType():
            return True
        case RegisterType(element, _):
            return _finite(element)
        case _:
            return getattr(kind, "size", None) is not None


def _recurrent(directory: Path) -> bool:
    described = directory / "network.json"
    return described.exists() and json.loads(described.read_text())["family"] == "recurrent"


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
    """Counts by cell, plainly trained and with noise, with medians over the proved; then by what programs keep."""
    lines = []
    for noisy in (False, True):
        for cell in (*sorted({r.cell for r in rows if r.noisy == noisy}), ""):
            own = [r for r in rows if r.noisy == noisy and cell in (r.cell, "")]
            proved = [r for r in own if r.verdict == "proved"]
            medians = ""
            if proved:
                middle = (statistics.median(x) for x in zip(*((r.regions, r.prover_s, r.checker_s) for r in proved)))
                medians = "; median {:.0f} regions, prover {:.1f} s, checker {:.1f} s".format(*middle)
            if own:
                lines.append(f"{'noisy' if noisy else 'plain'} {cell or 'all'}: {_counts(own)}{medians}")
    finite, numbers = ([r for r in rows if r.finite == kind] for kind in (True, False))
    if finite:
        left = [r for r in finite if r.verdict in ("bounded", "obstacle")]
        covered = sum(r.length >= LEAST for r in left)
        lines.append(
            f"finitely many program states: {_counts(finite)}; {covered} of {len(left)} neither proved nor refuted "
            f"are to length {LEAST} or more"
        )
    if numbers:
        met = sum(r.length >= TIMES * r.train or 0 < r.differs <= TIMES * r.train for r in numbers)
        forbidden = sum(0 < r.differs <= TIMES * r.train for r in numbers)
        lines.append(
            f"unbounded numbers: {_counts(numbers)}; {met} settled to {TIMES} times the training length, "
            f"{forbidden} by a counterexample"
        )
    return lines


def _counts(rows: Sequence[Row]) -> str:
    return ", ".join(f"{sum(r.verdict == v for r in rows)} {v}" for v in VERDICTS) + f" of {len(rows)}"


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
            if _recurrent(each):
                rows.append(measure(each, options.timeout))
                print(f"{each.name}: {rows[-1].verdict}", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"networks": [asdict(r) for r in rows], "summary": summary(rows)}, indent=1))
        return 0
    columns = ("network", "cell", "state", "verdict", "length", "regions", "prover s", "checker s", "what")
    print(f"| {' | '.join(columns)} |\n" + "| --- " * len(columns) + "|")
    for r in rows:
        numbers = f"{r.length or ''} | {r.regions:,} | {r.prover_s:.1f} | {r.checker_s:.1f}"
        print(f"| {r.network} | {r.cell} | {r.width} | {r.verdict} | {numbers} | {r.detail} |")
    print("\n" + "\n".join(summary(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
