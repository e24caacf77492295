"""One network of a suite in a process of its own, with a limit on time and memory.

    python -m benchmarks.worker DIRECTORY TIMEOUT_S SEED

prints the row of the results as one JSON object. `run_apart` starts it; a worker that crashes, hangs or outgrows its
memory becomes a row that says so, and takes nothing else with it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.suites.tables import task_of
from dsl.programs import Program, program_size
from dsl.syntax import parse

Row = dict[str, Any]
GRACE = 1.5
GRACE_S = 60.0
"""A worker is ended after `GRACE` times its budget and `GRACE_S` seconds for loading and judging."""
MAX_BYTES = 16 << 30
"""Of data a worker may reserve, a fuse: banks of the search reserve much and touch little. The row has the peak."""


def run_apart(directory: Path, timeout_s: float, seed: int) -> Row:
    """Extract one network in a fresh process: its row, or one with what went wrong under `crash`."""
    command = [sys.executable, "-m", "benchmarks.worker", str(directory), str(timeout_s), str(seed)]
    failed: Row = {"network": directory.name, "timeout_s": timeout_s, "seed": seed}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GRACE * timeout_s + GRACE_S)
    except subprocess.TimeoutExpired as late:
        return failed | {"crash": f"ended after {late.timeout:.0f} s"}
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return failed | {"crash": said[-1]}
    return json.loads(done.stdout)


def run_one(directory: Path, timeout_s: float, seed: int) -> Row:
    """Extract one network and judge it: one row of the table."""
    import torch

    from extract import extract, load_network

    torch.set_num_threads(1)
    network = load_network(directory)
    began = time.monotonic()
    task = task_of(network.description["task"], streams=network.domain.streams)
    found = extract(network, timeout_s=timeout_s, rng_seed=seed)
    seconds = time.monotonic() - began
    record = found.to_json()
    row: Row = {
        "network": directory.name, "cell": _architecture(network.description), "task": task.name, "seconds": seconds,
        "timeout_s": timeout_s, "seed": seed, "version": found.version, "weights_hash": network.weights_hash,
        "program": record["program"], "cost": found.cost_bits, "stop": found.stop_reason,
        "evidence": record["evidence"], "reference_operators": program_size(parse(task.reference)),
    }  # fmt: skip
    if found.program is not None:
        row["operators"] = program_size(found.program)
        row |= _judged(found.program, task.reference)
    row["peak_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return row


def _architecture(description: Mapping[str, Any]) -> str:
    """What the network is built of: its cell, or the activation of its layers."""
    return description.get("cell") or description["activation"]


def _judged(program: Program, reference: str) -> Row:
    """Program = task, decided by the equivalence checker."""
    from extract.report.findings import finding_to_json
    from verify.diff import diff_programs

    return {"task_finding": finding_to_json(diff_programs(program, parse(reference), timeout_s=10))}


def main() -> None:
    """The row of the network named on the command line."""
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
    directory, timeout_s, seed = sys.argv[1:]
    print(json.dumps(run_one(Path(directory), float(timeout_s), int(seed))))


if __name__ == "__main__":
    main()
