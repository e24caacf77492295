"""The leaderboard as one HTML file that needs no network: tables that sort, and a page for every network.

Pages are sections of the file; the address (`#rnn62/Prev1`) says which one is shown. Without scripts all of them are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.jobs import OURS, Row
from benchmarks.leaderboard.standing import Cell, Standing, duels, standing, totals
from benchmarks.peers.published import PUBLISHED, SOURCE
from dsl.printers import print_program
from dsl.syntax import parse
from extract.report.findings import finding_from_json
from extract.report.html import counterexamples, diagram, finding_row, highlighted, number
from extract.report.svg import ARROW_HEAD

ORDER = {"proved": 0, "unknown": 1, "refuted": 2, "none": 3}


def leaderboard_html(rows: Sequence[Row]) -> str:
    """The whole page, for rows of one suite or several."""
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("benchmarks.leaderboard", "templates"), PackageLoader("extract.report", "templates")]
        ),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    pairs = sorted(((standing(row), row) for row in rows), key=lambda pair: _order(pair[0]))
    suites = list(dict.fromkeys(s.suite for s, _ in pairs))
    return environment.get_template("leaderboard.html.j2").render(
        suites=[_suite(suite, [pair for pair in pairs if pair[0].suite == suite]) for suite in suites],
        arrow_head=Markup(ARROW_HEAD),
        versions=", ".join(sorted({row.get("version", "unknown") for row in rows})),
    )


def _order(s: Standing) -> tuple[str, str, bool, str]:
    return s.suite, s.network, s.extractor != OURS.name, s.extractor


def _suite(suite: str, pairs: Sequence[tuple[Standing, Row]]) -> dict[str, Any]:
    names = list(dict.fromkeys(s.network for s, _ in pairs))
    return {
        "name": suite or "results",
        "totals": totals(s for s, _ in pairs),
        "duels": [str(duel) for duel in duels(s for s, _ in pairs)],
        "several": any(s.extractor != OURS.name for s, _ in pairs),
        "systems": {system: len(tasks) for system, tasks in PUBLISHED.get(suite, {}).items()},
        "source": SOURCE if suite in PUBLISHED else None,
        "lines": [{"s": s, "id": _id(s), "cells": [_shown(c) for c in _matrix(s)]} for s, _ in pairs],
        "networks": [_network(suite, name, [pair for pair in pairs if pair[0].network == name]) for name in names],
    }


def _matrix(s: Standing) -> tuple[Cell, Cell, Cell]:
    return s.program_network, s.network_task, s.program_task


def _shown(c: Cell) -> dict[str, Any]:
    """A cell as the table shows it: a colour, a word, the domain, and what it sorts by."""
    part = c.verdict == "refuted" and bool(c.on)
    word = "in part" if part else c.verdict
    return {"tone": "unknown" if part else c.verdict, "word": word, "text": str(c),
            "sort": 10 * ORDER[c.verdict] - 5 * part}  # fmt: skip


def _id(s: Standing) -> str:
    return f"{s.suite}/{s.network}"


def _network(suite: str, name: str, pairs: Sequence[tuple[Standing, Row]]) -> dict[str, Any]:
    """One page: what each extractor made of the network."""
    row = pairs[0][1]
    reference = row.get("reference")
    return {
        "id": f"{suite}/{name}",
        "name": name,
        "task": row.get("task", ""),
        "task_text": row.get("task_text", ""),
        "reference": highlighted(print_program(parse(reference))) if reference else None,
        "weights_hash": row.get("weights_hash"),
        "entries": [_entry(s, r) for s, r in pairs],
    }


def _entry(s: Standing, row: Row) -> dict[str, Any]:
    program = parse(row["program"]) if row.get("program") else None
    drawn, caption = diagram(program) if program is not None else ("", "")
    evidence = [*row.get("evidence", ()), *row.get("network_task", ())]
    findings = [finding_from_json(e) for e in [*evidence, *filter(None, [row.get("task_finding")])]]
    claims = ("program = network", "network = task", "program = task")
    return {
        "s": s,
        "matrix": [{"claim": claim, **_shown(c)} for claim, c in zip(claims, _matrix(s), strict=True)],
        "source": highlighted(print_program(program)) if program is not None else None,
        "drawing": Markup(drawn),
        "caption": caption,
        "findings": [finding_row(f) for f in findings],
        "counterexamples": counterexamples(findings),
        "command": " ".join(row.get("command") or ()),
        "seed": row["seed"],
        "timeout_s": row["timeout_s"],
        "version": row.get("version", "unknown"),
    }
