"""Planted networks: what share of the programs is recovered, against everything that makes it harder.

Recovered means that the program found is proved equal to the planted one for inputs of every length, that it is proved
equal to the network as far as its row says, and that it is a program rather than a table of states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from benchmarks.jobs import OURS, Row
from benchmarks.leaderboard.standing import READABLE_ROWS, standing

PROVED = "proved"
SIZES = ("operators", "states")
"""Counts that are put into classes of four."""


def curves(rows: Sequence[Row]) -> dict[str, dict[str, tuple[int, int]]]:
    """For each thing varied and each of its values, how many of how many programs were recovered."""
    planted = [row for row in rows if row.get("planted") and (row.get("extractor") or OURS.name) == OURS.name]
    found: dict[str, dict[Any, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in planted:
        for name, value in row["planted"].items():
            found[name][_class(value) if name in SIZES else value].append(recovered(row))
    return {name: {_shown(value, name): (sum(rights), len(rights)) for value, rights in sorted(by_value.items())}
            for name, by_value in found.items()}  # fmt: skip


def recovered(row: Row) -> bool:
    """Whether the program found is proved equal to the planted one and to the network, and is no long table."""
    found = standing(row)
    return found.program_task.verdict == PROVED and found.proved and found.table_rows <= READABLE_ROWS


def _class(count: int) -> int:
    return (count - 1) // 4 if count else -1


def _shown(value: Any, name: str) -> str:
    if name not in SIZES:
        return str(value)
    return "0" if value < 0 else f"{4 * value + 1}–{4 * value + 4}"
