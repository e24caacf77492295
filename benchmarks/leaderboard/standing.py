"""A row of the store, judged: three verdicts that are kept apart, each with its domain, and sizes beside the reference.

A *cell* of the matrix is what the findings on one claim amount to: the strongest proof, and the shortest input on
which the two sides part. A claim can be proved up to a length and refuted beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import geometric_mean, median
from typing import Any

from benchmarks.jobs import OURS, Row
from benchmarks.peers.published import PUBLISHED
from verify.causal.mechanism import CLAIM as MECHANISM
from verify.exhaustive import CLAIM as EQUAL

EVERY_LENGTH = "every length"
TWICE = 2
"""A program is short when it has at most so many times the operators of the task's reference program."""

READABLE_ROWS = 16

Finding = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """`verdict` is proved, refuted, unknown or none; `on` is what is proved; the sides part at length `differs`."""

    verdict: str = "none"
    on: str = ""
    differs: int | None = None
    note: str = ""

    def __str__(self) -> str:
        if self.verdict == "none":
            return self.note or "-"
        phrase = self.on or "not proved"
        if self.differs is not None:
            return f"{phrase}; differs at length {self.differs}" if self.differs > 1 or self.on else "differs"
        return phrase if EVERY_LENGTH in phrase or not self.note else f"{phrase}; {self.note}"


@dataclass(frozen=True)
class Standing:
    """What the table says of one extractor on one network."""

    suite: str
    network: str
    extractor: str
    cell: str
    task: str
    program_network: Cell
    network_task: Cell
    program_task: Cell
    mechanism: str
    operators: int | None
    reference_operators: int | None
    table_rows: int
    states: int | None
    agreement: float | None
    seconds: float | None
    peak_bytes: int | None
    stop: str
    figures: Mapping[str, Any]
    published: Mapping[str, bool]

    @property
    def proved(self) -> bool:
        """Whether the program is proved equal to the network on a stated domain."""
        return bool(self.program_network.on)

    @property
    def short(self) -> bool:
        """Whether the program has at most twice the operators of the reference (of none: at most one), and no table
        that is longer than a reader takes in."""
        most = max(TWICE * (self.reference_operators or 0), 1)
        return self.operators is not None and self.operators <= most and self.table_rows <= READABLE_ROWS

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def standing(row: Row) -> Standing:
    """The standing of a row; a worker that crashed has one too."""
    evidence: Sequence[Finding] = row.get("evidence", ())
    task = row.get("task_finding")
    missing = row.get("crash") or (row.get("stop", "") if row.get("program") is None else "")
    suite = row.get("suite") or ""
    published = {system: row.get("task") in tasks for system, tasks in PUBLISHED.get(suite, {}).items()}
    return Standing(
        suite=suite,
        network=row["network"],
        extractor=row.get("extractor") or OURS.name,
        cell=row.get("cell", ""),
        task=row.get("task", ""),
        program_network=cell([e for e in evidence if e["claim"].startswith(EQUAL)], missing),
        network_task=cell(row.get("network_task", ())),
        program_task=cell([] if task is None else [task]),
        mechanism=mechanism(evidence),
        operators=row.get("operators"),
        reference_operators=row.get("reference_operators"),
        table_rows=row.get("table_rows", 0),
        states=row.get("states"),
        agreement=row.get("agreement"),
        seconds=row.get("seconds"),
        peak_bytes=row.get("peak_bytes"),
        stop=f"crashed: {row['crash']}" if "crash" in row else row.get("stop", ""),
        figures=row.get("figures", {}),
        published=published,
    )


def cell(findings: Sequence[Finding], missing: str = "") -> Cell:
    """What findings on one claim amount to."""
    if not findings:
        return Cell(note=missing)
    domains = [f["domain"] for f in findings if f["verdict"] == "proved"]
    proved = min(domains, key=lambda domain: EVERY_LENGTH not in domain, default="").replace("all inputs of ", "")
    lengths = [len(f["counterexample"]["inputs"]) for f in findings if f["verdict"] == "refuted"]
    sampled = [f["reason"] for f in findings if f["method"] == "sampling" and f["verdict"] == "unknown"]
    others = [f["reason"] for f in findings if f["verdict"] == "unknown"]
    verdict = "refuted" if lengths else "proved" if proved else "unknown"
    return Cell(verdict, proved, min(lengths, default=None), (sampled or ([] if proved else others) or [""])[-1])


def mechanism(evidence: Sequence[Finding]) -> str:
    """The verdict on the mechanism with its score, and where it is not supported what was weakest."""
    found = next((e for e in evidence if e["claim"] == MECHANISM), None)
    if found is None:
        return "-"
    phrase = f"{found['verdict']}, {found['measured']['score']:.0%}"
    return phrase if found["verdict"] == "supported" else f"{phrase} ({found['measured']['weakest']})"


@dataclass(frozen=True)
class Total:
    """One extractor over one suite: how many networks, and for how many of them each thing holds."""

    suite: str
    extractor: str
    networks: int
    programs: int
    proved: int
    every_length: int
    is_task: int
    short: int
    supported: int
    operators: int
    median_s: float
    longest_s: float
    peak_bytes: int


def totals(standings: Iterable[Standing]) -> list[Total]:
    """By suite and extractor, the best first: most programs proved equal to their network, then fewest operators."""
    groups: dict[tuple[str, str], list[Standing]] = {}
    for each in standings:
        groups.setdefault((each.suite, each.extractor), []).append(each)
    found = [_total(suite, extractor, group) for (suite, extractor), group in groups.items()]
    return sorted(found, key=lambda t: (t.suite, -t.proved, t.operators))


def _total(suite: str, extractor: str, group: Sequence[Standing]) -> Total:
    seconds = [s.seconds for s in group if s.seconds is not None] or [0.0]
    return Total(
        suite=suite,
        extractor=extractor,
        networks=len(group),
        programs=sum(s.operators is not None for s in group),
        proved=sum(s.proved for s in group),
        every_length=sum(EVERY_LENGTH in s.program_network.on for s in group),
        is_task=sum(s.program_task.verdict == "proved" for s in group),
        short=sum(s.short for s in group),
        supported=sum(s.mechanism.startswith("supported") for s in group),
        operators=sum(s.operators or 0 for s in group),
        median_s=median(seconds),
        longest_s=max(seconds),
        peak_bytes=max((s.peak_bytes or 0 for s in group), default=0),
    )


@dataclass(frozen=True)
class Duel:
    """Ours and one other extractor on the networks of a suite for which both have a program.

    `states` and `agreement` count networks on which ours has fewer, equally many, more; a higher, equal, lower share.
    States are those of minimal machines, where both are finite and few.
    """

    suite: str
    other: str
    networks: int
    states: tuple[int, int, int]
    agreement: tuple[int, int, int]
    seconds_ratio: float

    def __str__(self) -> str:
        fewer, same, more = self.states
        higher, equal, lower = self.agreement
        return (
            f"Against {self.other} on {self.networks} networks where both have a program: states fewer on {fewer}, as "
            f"many on {same}, more on {more}; agreement with the network higher on {higher}, equal on {equal}, lower "
            f"on {lower}; {self.seconds_ratio:.2f} times its seconds in the geometric mean (a "
            "command's with start-up)."
        )


def duels(standings: Iterable[Standing]) -> list[Duel]:
    """Ours against each other extractor, suite by suite."""
    table = {(s.suite, s.extractor, s.network): s for s in standings if s.operators is not None}
    others = sorted({(suite, name) for suite, name, _ in table if name != OURS.name})
    found = []
    for suite, name in others:
        theirs = [s for (where, who, _), s in sorted(table.items()) if (where, who) == (suite, name)]
        pairs = [(table[suite, OURS.name, t.network], t) for t in theirs if (suite, OURS.name, t.network) in table]
        if pairs:
            found.append(_duel(suite, name, pairs))
    return found


def _duel(suite: str, other: str, pairs: Sequence[tuple[Standing, Standing]]) -> Duel:
    ratios = [a.seconds / b.seconds for a, b in pairs if a.seconds and b.seconds]
    return Duel(
        suite=suite,
        other=other,
        networks=len(pairs),
        states=_counts((b.states, a.states) for a, b in pairs),
        agreement=_counts((a.agreement, b.agreement) for a, b in pairs),
        seconds_ratio=geometric_mean(ratios) if ratios else 1.0,
    )


def _counts(pairs: Iterable[tuple[float | None, float | None]]) -> tuple[int, int, int]:
    """How often the left is larger, equal, smaller, where both are known."""
    known = [(left, right) for left, right in pairs if left is not None and right is not None]
    return (sum(x > y for x, y in known), sum(x == y for x, y in known), sum(x < y for x, y in known))
