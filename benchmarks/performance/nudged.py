"""Networks nudged until one input flips: the prover must not call them proved.

    python -m benchmarks.performance.nudged [DIRECTORY ...] [--count N] [--seed N] [--timeout S] [--json]

From each network of each DIRECTORY (default: some Tomita networks of the zoo, proved as they are) copies are made whose
last layer is moved by as little as makes the answer to one input word another one. The word is drawn at random, the
flip is replayed on the float32 network, and the prover is asked about the program alone: nothing is attacked first.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from benchmarks.performance.certificates import TOMITA
from benchmarks.suites.tables import TASKS
from dsl.programs import Machine
from dsl.syntax import parse
from extract.networks import load_recurrent
from extract.networks.recurrent import RecurrentNetwork
from verify.certificate import certify
from verify.lockstep import replay
from verify.verdict import Proved, Refuted

DEFAULT = (
    *(f"{k}_{cell}_noisy_1" for k in (1, 2) for cell in ("rnn_tanh", "gru")),
    *(f"{k}_rnn_tanh_noisy_1" for k in (4, 5, 6, 7)),
)
LENGTHS = (1, 12)
SMALLEST, LARGEST = 1e-6, 1e3


@dataclass(frozen=True)
class Nudged:
    """One copy: the length of the word whose answer flips, how far the bias was moved, and what the prover said."""

    network: str
    length: int
    moved: float
    proved: bool
    reason: str


def nudge(directory: Path, place: Path, *, rng: np.random.Generator) -> tuple[int, float]:
    """Write a copy that answers one word otherwise; the word's length and the change of one bias of the last layer.

    The change is within a thousandth of the smallest that flips the answer.
    """
    description = json.loads((directory / "network.json").read_text())
    tensors = load_file(directory / description["weights"])
    network, machine = _loaded(directory)
    length = int(rng.integers(*LENGTHS, endpoint=True))
    word = network.domain.draw((length,), rng=rng)
    bias = max(name for name in tensors if name.startswith("readout") and name.endswith("bias"))
    unit, sign = int(rng.integers(len(tensors[bias]))), float(rng.choice([-1.0, 1.0]))
    (place / "network.json").write_text(json.dumps(description))

    def flips(moved: float) -> bool:
        changed = {**tensors, bias: tensors[bias].copy()}
        changed[bias][unit] += np.float32(sign * moved)
        save_file(changed, place / description["weights"])
        return replay(_loaded(place)[0], machine, word) is not None

    low, high = 0.0, SMALLEST
    while not flips(high):
        low, high = high, 2 * high
        if high > LARGEST:
            return nudge(directory, place, rng=rng)  # this word is always answered so: draw another
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if flips(middle) else (middle, high)
    assert flips(high)
    return length, sign * high


def _loaded(directory: Path) -> tuple[RecurrentNetwork, Machine]:
    network = load_recurrent(directory)
    machine = parse(TASKS[str(network.description["task"])].reference)
    assert isinstance(machine, Machine)
    return network, machine


def measure(directories: Sequence[Path], count: int, timeout_s: float, seed: int) -> list[Nudged]:
    """`count` nudged copies, of the networks in turn."""
    rows = []
    for k in range(count):
        directory = directories[k % len(directories)]
        with tempfile.TemporaryDirectory() as place:
            length, moved = nudge(directory, Path(place), rng=np.random.default_rng(seed + k))
            finding, _ = certify(*_loaded(Path(place)), timeout_s=timeout_s)
        proved, reason = isinstance(finding.verdict, Proved), getattr(finding.verdict, "reason", "")
        if isinstance(finding.verdict, Refuted):
            reason = f"differs at length {finding.verdict.counterexample.length}"
        rows.append(Nudged(directory.name, length, moved, proved, reason))
        print(f"{directory.name}: {'proved' if proved else 'not proved'}", file=sys.stderr, flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the prover said of each; exit status 1 when it proved one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.nudged", description=__doc__)
    parser.add_argument("directories", nargs="*", type=Path, help="network directories")
    parser.add_argument("--count", type=int, default=50, metavar="N", help="nudged copies")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first copy")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="for the prover, each")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    directories = options.directories or [TOMITA / name for name in DEFAULT]
    rows = measure(directories, options.count, options.timeout, options.seed)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        print("| network | length of the word | bias moved by | proved | obstacle |\n" + "| --- " * 5 + "|")
        for row in rows:
            proved = "yes" if row.proved else "no"
            print(f"| {row.network} | {row.length} | {row.moved:.3g} | {proved} | {row.reason} |")
        print(f"\n{sum(row.proved for row in rows)} of {len(rows)} nudged copies called proved")
    return int(any(row.proved for row in rows))


if __name__ == "__main__":
    sys.exit(main())
