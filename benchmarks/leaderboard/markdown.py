"""Tables as Markdown: one line a network, one line an extractor, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from benchmarks.jobs import OURS, Row
from benchmarks.leaderboard.mechanisms import COLUMNS as MECHANISM
from benchmarks.leaderboard.mechanisms import mechanism_rows
from benchmarks.leaderboard.recovery import curves
from benchmarks.leaderboard.standing import Standing, Total, duels, standing, totals
from benchmarks.peers.published import PUBLISHED, SOURCE

COLUMNS = ("network", "extractor", "cell", "operators (reference)", "states",
           "program = network: proved on inputs of", "agreement", "network = task", "program = task", "mechanism",
           "s")  # fmt: skip
COMPARING = ("extractor", "states", "agreement")
"""Columns that are shown where there are several extractors."""
TOTALS = ("suite", "extractor", "networks", "programs", "= network proved", "of every length", "= task proved",
          "at most twice the reference", "mechanism supported", "operators in all", "median s", "longest s",
          "peak GiB")  # fmt: skip


def table(rows: Iterable[Row]) -> str:
    """A Markdown table of results."""
    standings = sorted(map(standing, rows), key=lambda s: (s.suite, s.network, s.extractor != OURS.name, s.extractor))
    several = len({s.extractor for s in standings}) > 1 or any(s.extractor != OURS.name for s in standings)
    systems = list(dict.fromkeys(system for s in standings for system in PUBLISHED.get(s.suite, ())))
    kept = [c for c in COLUMNS if several or c not in COMPARING] + systems
    return _lines(kept, [[_cells(s)[c] for c in kept] for s in standings])


def summary(found: Sequence[Total]) -> str:
    """A Markdown table with a line for each extractor."""
    rows = []
    for t in found:
        *counts, median_s, longest_s, peak = asdict(t).values()
        rows.append([*map(str, counts), f"{median_s:.1f}", f"{longest_s:.1f}", f"{peak / 2**30:.1f}"])
    return _lines(TOTALS, rows)


def report(suite: str, rows: Sequence[Row]) -> str:
    """The page of a suite."""
    standings = [standing(row) for row in rows]
    against = [f"{duel}\n" for duel in duels(standings)]
    source = [f"{SOURCE}\n"] if suite in PUBLISHED else []
    parts = [f"# {suite}\n", summary(totals(standings)), "", *against, *source, table(rows), ""]
    return "\n".join([*parts, *_curves(rows), *_mechanisms(rows), *_figures(rows)])


def as_json(suite: str, rows: Sequence[Row]) -> str:
    """The same as JSON: totals, standings, and where the columns of others come from."""
    standings = [standing(row) for row in rows]
    content = {"suite": suite, "totals": [asdict(t) for t in totals(standings)],
               "against": [asdict(d) for d in duels(standings)], "networks": [s.to_json() for s in standings],
               "recovery": curves(rows), "source": SOURCE if suite in PUBLISHED else None}  # fmt: skip
    return json.dumps(content, indent=1) + "\n"


def _cells(s: Standing) -> dict[str, str]:
    table_size = f" + table of {s.table_rows}" if s.table_rows else ""
    size = "-" if s.operators is None else f"{s.operators}{table_size}"
    reference = "" if s.reference_operators is None else f" ({s.reference_operators})"
    task = s.program_task
    return {
        "network": s.network, "extractor": s.extractor, "cell": s.cell, "operators (reference)": size + reference,
        "program = network: proved on inputs of": str(s.program_network) if s.operators is not None else s.stop,
        "states": "" if s.states is None else str(s.states),
        "agreement": "" if s.agreement is None else f"{s.agreement:.2%}",
        "network = task": str(s.network_task), "mechanism": s.mechanism,
        "program = task": task.verdict + (f" (length {task.differs})" if task.differs else ""),
        "s": "" if s.seconds is None else f"{s.seconds:.1f}",
        **{system: "yes" if solved else "no" for system, solved in s.published.items()},
    }  # fmt: skip


def _curves(rows: Sequence[Row]) -> list[str]:
    """Recovery of planted programs, a table for each thing varied."""
    parts = []
    for name, curve in curves(rows).items():
        shares = [f"{right} of {count} ({right / count:.0%})" for right, count in curve.values()]
        parts += [_lines([name, *curve], [["recovered", *shares]]), ""]
    said = "Planted programs recovered: proved equal to the planted one and to their network, no long table:\n"
    return [said, *parts] if parts else []


def _mechanisms(rows: Sequence[Row]) -> list[str]:
    """The verdict on every mechanism, with its decoys."""
    found = mechanism_rows(rows)
    told = "Is the program the network's own, and how do its decoys score?\n"
    return [told, _lines(MECHANISM, found), ""] if found else []


def _figures(rows: Sequence[Row]) -> list[str]:
    """What commands said of themselves, if any did."""
    said = [(r["network"], r["extractor"], r["figures"]) for r in rows if r.get("figures")]
    names = list(dict.fromkeys(name for _, _, figures in said for name in figures))
    body = [[n, e, *(_number(f.get(name, "")) for name in names)] for n, e, f in sorted(said, key=lambda s: s[:2])]
    return ["What the commands report of themselves:\n", _lines(["network", "extractor", *names], body)] if said else []


def _number(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    clean = [[text.replace("|", "\\|").replace("\n", " ") for text in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(columns), ["---"] * len(columns), *clean])
