"""Which programs are their networks' own: the verdict on each mechanism, what its variables occupy, its decoys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.jobs import Row
from verify.causal.mechanism import CLAIM, DIRECTIONS_OF

COLUMNS = ("network", "mechanism", "weakest", "directions of each variable", "random network", "shuffled alignment",
           "wrong variable", "same outputs, at best", "s", "why not")  # fmt: skip
DECOY, SAME, FINER = "decoy ", "same outputs", "same outputs, finer"


def mechanism_rows(rows: Sequence[Row]) -> list[list[str]]:
    """A line of cells for every network whose program was put to the test, in order of name."""
    found = []
    for row in sorted(rows, key=lambda r: (r.get("network", ""), r.get("extractor") or "")):
        evidence = next((e for e in row.get("evidence", ()) if e["claim"] == CLAIM), None)
        if evidence is not None:
            cells = _cells(evidence["verdict"], evidence["measured"], evidence["seconds"])
            why = "" if evidence["verdict"] == "supported" else evidence["reason"].partition(";")[0]
            found.append([row["network"], *cells, why])
    return found


def _cells(verdict: str, measured: Mapping[str, Any], seconds: float) -> list[str]:
    decoys = {name.removeprefix(DECOY): score for name, score in measured.items() if name.startswith(DECOY)}
    same = [score for name, score in decoys.items() if name.startswith(SAME) and not name.startswith(FINER)]
    occupied = [f"{name.removeprefix(DIRECTIONS_OF)} {count}" for name, count in measured.items()
                if name.startswith(DIRECTIONS_OF)]  # fmt: skip
    return [
        f"{verdict}, {measured['score']:.0%}", measured["weakest"], ", ".join(occupied) or "-",
        *(_share(decoys.get(name)) for name in COLUMNS[4:7]), _share(max(same, default=None)), f"{seconds:.1f}",
    ]  # fmt: skip


def _share(score: float | None) -> str:
    return "-" if score is None else f"{score:.0%}"
