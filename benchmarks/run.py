"""Run the extractor on every network of a suite and put the results in a table.

    python -m benchmarks.run streams [--jobs N] [--timeout S] [--out results.jsonl] [--resume]

Every network runs in a fresh process (`benchmarks.worker`), one thread each. Results are appended to the store as they
come, one JSON object a line, with version, options, seed and weight hash; `--resume` skips networks the store holds for
the same budget and seed. Two questions are kept apart: program = network (the evidence of the extraction) and
program = task (decided by the worker, against the task's reference program).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.worker import Row, run_apart
from verify.causal.mechanism import CLAIM as MECHANISM

ZOO = Path(__file__).parent / "zoo"
FOLDERS = {"streams": ZOO} | {
    suite: ZOO / suite for suite in ("rnn62", "tomita", "arithmetic", "boolean", "modular", "trees", "trojans")
}


def networks(suite: str) -> list[Path]:
    """The network directories of a suite, by name. Raises typer.BadParameter for an unknown suite."""
    if suite not in FOLDERS:
        raise typer.BadParameter(f"expected one of {', '.join(FOLDERS)}, got {suite}")
    return sorted(path.parent for path in FOLDERS[suite].glob("*/network.json"))


def pending(paths: Iterable[Path], store: Path, resume: bool, timeout_s: float, seed: int) -> Iterator[Path]:
    """The networks without a result in the store; those that crashed are due again."""
    stored = [r for r in rows_in(store) if "crash" not in r] if resume else []
    done = {(r["network"], r["timeout_s"], r["seed"]) for r in stored}
    for path in paths:
        if (path.name, timeout_s, seed) not in done:
            yield path


def rows_in(store: Path) -> list[Row]:
    """The latest row of each run in a store; a last line cut short by a kill is left out."""
    rows: dict[tuple[str, float, int], Row] = {}
    for line in store.read_text().splitlines() if store.exists() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        rows[row["network"], row["timeout_s"], row["seed"]] = row
    return list(rows.values())


def verdict_of(row: Row) -> str:
    """Program = network in a phrase: what is proved, and where they part."""
    equal = [e for e in row["evidence"] if e["claim"] == "program equals network"]
    domains = [e["domain"] for e in equal if e["verdict"] == "proved"]
    proved = min(domains, key=lambda domain: "every length" not in domain, default=None)
    refuted = [len(e["counterexample"]["inputs"]) for e in equal if e["verdict"] == "refuted"]
    phrase = proved.replace("all inputs of ", "") if proved else "not proved"
    if refuted:
        return f"{phrase}; differs at length {min(refuted)}"
    sampled = [e["reason"] for e in equal if e["method"] == "sampling" and e["verdict"] == "unknown"]
    return phrase if "every length" in phrase or not sampled else f"{phrase}; {sampled[-1]}"


def mechanism_of(row: Row) -> str:
    """The verdict on the mechanism with its score, and where it is not supported what was weakest."""
    found = next((e for e in row["evidence"] if e["claim"] == MECHANISM), None)
    if found is None:
        return "-"
    phrase = f"{found['verdict']}, {found['measured']['score']:.0%}"
    return phrase if found["verdict"] == "supported" else f"{phrase} ({found['measured']['weakest']})"


def table(rows: Iterable[Row]) -> str:
    """A Markdown table of results."""
    lines = [
        "| network | cell | operators (reference) | program = network: proved on inputs of | mechanism "
        "| program = task | s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in sorted(rows, key=lambda r: r["network"]):
        if "crash" in row:
            lines.append(f"| {row['network']} | | | crashed: {row['crash']} | | | |")
            continue
        task = row.get("task_finding", {}).get("verdict", "none")
        lines.append(
            f"| {row['network']} | {row['cell']} | {row.get('operators', '-')} ({row['reference_operators']}) "
            f"| {verdict_of(row)} | {mechanism_of(row)} | {task} | {row['seconds']:.1f} |"
        )
    return "\n".join(lines)


def bench(
    suite: str,
    names: Annotated[list[str] | None, typer.Argument(help="only these networks")] = None,
    jobs: Annotated[int, typer.Option(help="processes at a time")] = 2,
    timeout: Annotated[float, typer.Option(help="seconds per network")] = 60.0,
    seed: int = 0,
    out: Annotated[Path, typer.Option(help="the store, appended to")] = Path("results.jsonl"),
    resume: Annotated[bool, typer.Option(help="skip what the store holds")] = False,
) -> None:
    """Extract every network of a suite and print a table of the results.

    Suites: streams, rnn62, tomita; boolean, arithmetic, modular, trees, trojans.
    """
    paths = [p for p in networks(suite) if not names or p.name in names]
    work = list(pending(paths, out, resume, timeout, seed))
    if not resume and out.exists():
        out.unlink()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress, out.open("a") as store:
        bar = progress.add_task(suite, total=len(work))
        worker = delayed(run_apart)
        parallel = Parallel(n_jobs=jobs, prefer="threads", return_as="generator_unordered")
        results: Any = parallel(worker(p, timeout, seed) for p in work)
        for row in results or ():
            store.write(json.dumps(row) + "\n")
            store.flush()
            progress.update(bar, advance=1, description=f"{suite}: {row['network']}")
    wanted = {p.name for p in paths}
    print(table(r for r in rows_in(out) if r["network"] in wanted))


if __name__ == "__main__":
    typer.run(bench)
