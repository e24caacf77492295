"""One job in a process of its own, with a limit on time and memory.

    python -m benchmarks.worker SUITE DIRECTORY EXTRACTOR_JSON TIMEOUT_S SEED PARENT

prints the row of the results as one JSON object. `run_apart` starts it; a worker that crashes, hangs or outgrows its
memory becomes a row that says so, and takes nothing else with it. A worker leads a process group, which is ended with
it, and ends itself when the process that started it is gone, so that a killed run leaves nothing behind that works on.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.entry import Entry, enter
from benchmarks.jobs import Extractor, Job, Row
from benchmarks.suites.tables import task_of
from dsl.programs import program_size
from dsl.syntax import parse

GRACE = 2.5
GRACE_S = 60.0
"""A worker is ended after `GRACE` times its budget, which includes judging, and `GRACE_S` seconds for loading."""
MAX_BYTES = 16 << 30
"""Of data a worker may reserve, a fuse: banks of the search reserve much and touch little. The row has the peak."""
WATCH_S = 0.5


def run_apart(job: Job) -> Row:
    """Do a job in a fresh process: its row, or one with what went wrong under `crash`.

    A worker that was ended by a signal may just have been in somebody's way, and is tried once more.
    """
    extractor = json.dumps([job.extractor.name, job.extractor.command])
    command = [sys.executable, "-m", "benchmarks.worker", job.suite, str(job.directory), extractor,
               str(job.timeout_s), str(job.seed), str(os.getpid())]  # fmt: skip
    limit_s = GRACE * job.timeout_s + GRACE_S
    status, said, complaints = _ended(command, limit_s)
    if status is not None and status < 0:
        status, said, complaints = _ended(command, limit_s)
    if status == 0:
        return job.identity() | json.loads(said)
    if status is None:
        return job.identity() | {"crash": f"ended after {limit_s:.0f} s"}
    lines = complaints.strip().splitlines() or [f"exit status {status}"]
    return job.identity() | {"crash": lines[-1]}


def _ended(command: list[str], limit_s: float) -> tuple[int | None, str, str]:
    """Exit status (none if it had to be ended), stdout and stderr of a command, all of whose children end with it."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        said, complaints = process.communicate(timeout=limit_s)
        return process.returncode, said, complaints
    except subprocess.TimeoutExpired:
        return None, "", ""
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def watch(parent: int) -> None:
    """End this process and its children as soon as the process that started it is gone."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=look, daemon=True).start()


def run_one(job: Job) -> Row:
    """Extract one network and judge it: what its row holds beside the identity of the job."""
    description = json.loads((job.directory / "network.json").read_text())
    reference, text = _task(description)
    row: Row = {"cell": _architecture(description), "task": description.get("task", ""), "task_text": text,
                "reference": reference, "planted": description.get("planted"),
                "reference_operators": None if reference is None else program_size(parse(reference))}  # fmt: skip
    if job.extractor.command is None:
        row |= _ours(job)
    else:
        row |= _entered(job, enter(job.extractor.command, job.directory, timeout_s=job.timeout_s, seed=job.seed))
    if row["program"] is not None:
        row |= _judged(job, row["program"], reference)
    row["peak_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return row


def _task(description: Mapping[str, Any]) -> tuple[str | None, str]:
    """The reference program of a network's task and the task in words, from the tables or from the description."""
    if "reference" in description or "task" not in description:
        return description.get("reference"), description.get("task_text", "")
    task = task_of(description["task"], streams=description["family"] == "recurrent")
    return task.reference, task.description


def _ours(job: Job) -> Row:
    """What netlift's own extractor finds; its evidence comes with it."""
    from extract import extract

    network = _loaded(job.directory)
    began = time.monotonic()
    found = extract(network, timeout_s=job.timeout_s, rng_seed=job.seed)
    record = found.to_json()
    return {"seconds": time.monotonic() - began, "program": record["program"], "cost": found.cost_bits,
            "stop": found.stop_reason, "evidence": record["evidence"]}  # fmt: skip


def _entered(job: Job, entry: Entry) -> Row:
    """What a command found; its evidence is established here, outside its budget."""
    from dsl.cost import cost_bits
    from dsl.errors import NetliftError

    row: Row = {"seconds": entry.seconds, "program": None, "cost": None, "stop": entry.stop, "evidence": [],
                "figures": entry.figures}  # fmt: skip
    if entry.program is None:
        return row
    from benchmarks.judge import program_is_network
    from extract.report.findings import finding_to_json

    try:
        findings = program_is_network(_loaded(job.directory), entry.program, budget_s=job.timeout_s, rng_seed=job.seed)
    except NetliftError as error:
        return row | {"stop": f"the command wrote a program of another kind: {str(error).splitlines()[0]}"}
    evidence = [finding_to_json(finding) for finding in findings]
    return row | {"program": str(entry.program), "cost": cost_bits(entry.program), "evidence": evidence}


def _judged(job: Job, program: str, reference: str | None) -> Row:
    """Sizes, and the two questions that are about the task, if there is one."""
    from benchmarks.judge import agreement, network_does_task, program_does_task, states_of, table_rows
    from extract.report.findings import finding_to_json

    parsed, network = parse(program), _loaded(job.directory)
    row: Row = {
        "operators": program_size(parsed), "table_rows": table_rows(parsed), "states": states_of(network, parsed),
        "agreement": agreement(network, parsed, rng_seed=job.seed),
    }  # fmt: skip
    if reference is None:
        return row
    on_network = network_does_task(network, reference, budget_s=job.timeout_s, rng_seed=job.seed)
    does_task = program_does_task(parsed, reference, budget_s=job.timeout_s)
    return row | {"task_finding": finding_to_json(does_task),
                  "network_task": [finding_to_json(finding) for finding in on_network]}  # fmt: skip


def _loaded(directory: Path) -> Any:
    """The network, with torch on one thread."""
    import torch

    from extract import load_network

    torch.set_num_threads(1)
    return load_network(directory)


def _architecture(description: Mapping[str, Any]) -> str:
    """What the network is built of: its cell, or the activation of its layers."""
    return description.get("cell") or description["activation"]


def main() -> None:
    """The row of the job named on the command line."""
    suite, directory, extractor, timeout_s, seed, parent = sys.argv[1:]
    watch(int(parent))
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
    name, command = json.loads(extractor)
    asked = Extractor(name, None if command is None else tuple(command))
    print(json.dumps(run_one(Job(suite, Path(directory), asked, float(timeout_s), int(seed)))))


if __name__ == "__main__":
    main()
