"""Run extractors on every network of a suite and put the results in a table.

    netlift bench streams [--jobs N] [--timeout S] [--out results.jsonl] [--resume] [--report DIR]
    netlift bench finite --extractor netlift --extractor aalpy --extractor 'mine=./mine {network} {program}'
    netlift bench --report DIR                        pages and tables of all that the store holds
    netlift bench --compare before.jsonl after.jsonl  what got better or worse

Every job runs in a fresh process (`benchmarks.worker`), one thread each, and its row is appended to the store as soon
as it ends (`benchmarks.store`). `--resume` leaves out jobs that the store holds with equal weights, version, budget and
seed; those that crashed are due again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.cluster import THREADS, rows_of
from benchmarks.entry import extractor
from benchmarks.jobs import OURS, Extractor, Job, Row
from benchmarks.leaderboard.compare import compare as comparison
from benchmarks.leaderboard.markdown import as_json, report, table
from benchmarks.store import key, opened, rows_in, set_aside
from dsl.errors import BadInput
from extract.cli.app import check_timeout

ZOO = Path(__file__).parent / "zoo"
FOLDERS = {"streams": ZOO} | {
    suite: ZOO / suite
    for suite in ("rnn62", "finite", "tomita", "algorithms", "arithmetic", "boolean", "modular", "trees", "trojans")
}
PAGE = "leaderboard.html"


def networks(suite: str) -> list[Path]:
    """The network directories of a suite, by name; of a folder, those in it. Raises typer.BadParameter for neither."""
    folder = FOLDERS.get(suite, Path(suite))
    found = sorted(path.parent for path in folder.glob("*/network.json"))
    if not found:
        raise typer.BadParameter(f"expected one of {', '.join(FOLDERS)} or a folder of networks, got {suite}")
    return found


def jobs_of(
    suite: str, names: Iterable[str], extractors: Iterable[Extractor], timeout_s: float, seed: int
) -> list[Job]:
    """The jobs of a suite, or of the networks named. Raises typer.BadParameter for a name that is not there."""
    wanted, paths = set(names), networks(suite)
    unknown = wanted - {path.name for path in paths}
    if unknown:
        raise typer.BadParameter(f"expected networks of {suite}, got {', '.join(sorted(unknown))}")
    label = suite if suite in FOLDERS else Path(suite).resolve().name
    return [
        Job(label, path, each, timeout_s, seed)
        for path in paths if not wanted or path.name in wanted for each in extractors
    ]  # fmt: skip


def pending(jobs: Iterable[Job], store: Path) -> list[Job]:
    """The jobs without a result in the store; those that crashed are due again."""
    done = {key(row) for row in rows_in(store) if "crash" not in row}
    return [job for job in jobs if key(job.identity()) not in done]


def work(jobs: list[Job], store: Path, *, at_a_time: int, backend: str = THREADS, address: str | None = None) -> None:
    """Do jobs, and append a row for each to the store. Progress goes to stderr."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with opened(store) as out, Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(jobs))
        for row in rows_of(jobs, at_a_time=at_a_time, backend=backend, address=address) if jobs else ():
            out.append(row)
            progress.update(bar, advance=1, description=f"{row['suite']}: {row['network']}")


def write_report(rows: list[Row], directory: Path) -> list[Path]:
    """Write the page, and per suite a table in Markdown and JSON; the files written. Raises `BadInput`."""
    from benchmarks.leaderboard.page import leaderboard_html

    suites = sorted({row.get("suite") or "results" for row in rows})
    texts = {PAGE: leaderboard_html(rows)}
    for suite in suites:
        of_suite = [row for row in rows if (row.get("suite") or "results") == suite]
        texts |= {f"{suite}.md": report(suite, of_suite) + "\n", f"{suite}.json": as_json(suite, of_suite)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (directory / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"expected a directory to write to, got {error.strerror} ({directory})") from None
    return [directory / name for name in texts]


def bench(
    suite: Annotated[str | None, typer.Argument(help="A suite, or a folder of network directories.")] = None,
    names: Annotated[list[str] | None, typer.Argument(help="Only these networks.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at a time.")] = 2,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds per network.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The store, appended to.")] = Path("results.jsonl"),
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what the store holds.")] = False,
    extractors: Annotated[
        list[str] | None,
        typer.Option("--extractor", metavar="NAME", help="netlift, aalpy, tree or NAME=COMMAND; may be repeated."),
    ] = None,
    report_to: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Write leaderboard.html, and tables per suite.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="A B", help="Two stores: what got better or worse?")
    ] = None,
    backend: Annotated[str, typer.Option(help="Where jobs run: threading, or dask.")] = THREADS,
    address: Annotated[str | None, typer.Option(help="Of a running Dask cluster.")] = None,
) -> None:
    """Extract every network of a suite and print a table of the results.

    Suites: streams, rnn62, finite, tomita, algorithms; boolean, arithmetic, modular, trees, trojans.
    """
    if compare is not None:
        print(comparison(_read(compare[0]), _read(compare[1])))
        return
    if suite is None:
        if report_to is None:
            raise BadInput("expected a suite, or --report or --compare, got neither")
        rows = _read(out)
    else:
        check_timeout(timeout)
        asked = jobs_of(suite, names or [], [extractor(text) for text in extractors or [OURS.name]], timeout, seed)
        if not resume and (aside := set_aside(out)) is not None:
            print(f"the store that was there is now {aside}", file=sys.stderr)
        work(pending(asked, out), out, at_a_time=jobs, backend=backend, address=address)
        wanted = {key(job.identity()) for job in asked}
        rows = [row for row in rows_in(out) if key(row) in wanted]
        print(table(rows))
    if report_to is not None:
        for path in write_report(rows if suite is None else _read(out), report_to):
            print(f"wrote {path}", file=sys.stderr)


def _read(store: Path) -> list[Row]:
    rows = rows_in(store)
    if not rows:
        raise BadInput(f"expected a store with results, got {'an empty one' if store.exists() else 'none'} ({store})")
    return rows


if __name__ == "__main__":
    typer.run(bench)
