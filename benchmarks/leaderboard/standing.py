"""A row of the store, judged: three verdicts that are kept apart, each with its domain, and sizes beside the reference.

A *cell* of the matrix is what the findings on one claim amount to: the strongest proof, and the shortest input on
which the two sides part. A claim can be proved up to a length and refuted beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.jobs import OURS, Row
from benchmarks.peers.published import PUBLISHED
from verify.causal.mechanism import CLAIM as MECHANISM

EQUAL = "program equals network"
EVERY_LENGTH = "every length"
TWICE = 2
"""A program is short when it has at most so many times the operators of the task's reference program."""

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
        """Whether the program has at most twice the operators of the reference (of none: at most one)."""
        return self.operators is not None and self.operators <= max(TWICE * (self.reference_operators or 0), 1)

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
        program_network=cell([e for e in evidence if e["claim"] == EQUAL], missing),
        network_task=cell(row.get("network_task", ())),
        program_task=cell([] if task is None else [task]),
        mechanism=mechanism(evidence),
        operators=row.get("operators"),
        reference_operators=row.get("reference_operators"),
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
