"""Verdicts and inputs in words, the same for terminal and browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from extract.extraction import Extraction
from extract.report.findings import verdict_name
from verify.exhaustive import CLAIM
from verify.functions import COMPUTES
from verify.verdict import Counterexample, Finding, Proved, Refuted

PROGRAMS_EQUAL = "programs are equal"  # as `verify.equivalence` words it, which loads z3

EVERY_LENGTH = "every length"

FOUND, NOT_FOUND, COULD_NOT_RUN, UNKNOWN, INTERRUPTED = 0, 1, 2, 3, 130


def stream(values: Sequence[Any], most: int | None = None) -> str:
    """A stream as `netlift run` takes it: `3 1 4`, or `1,0 0,1` for several components; cut after `most` steps."""
    steps = [",".join(map(str, step)) if isinstance(step, tuple | list) else str(step) for step in values]
    if most is not None and len(steps) > most:
        return " ".join(steps[:most]) + f" … ({len(steps)} steps)"
    return " ".join(steps)


def sides(finding: Finding) -> tuple[str, str]:
    """Who answered `expected` and who `actual` in a counterexample to this claim."""
    if finding.claim.startswith((CLAIM, COMPUTES)):
        return "program", "network"
    return ("first", "second") if finding.claim == PROGRAMS_EQUAL else ("expected", "actual")


def differing_step(example: Counterexample) -> str:
    """The first difference, in a few words."""
    if example.length == 1:
        return f"differs on {stream(example.inputs)}"
    return f"differs at step {example.length} of {stream(example.inputs, 16)}"


def detail(finding: Finding) -> str:
    """What the verdict is about, or why there is none."""
    match finding.verdict:
        case Proved(domain):
            return domain
        case Refuted(example, shortest):
            counts = dict(finding.measured)
            if "differing" in counts:
                return f"{differing_step(example)}, the most central of {counts['differing']:,} of {counts['inputs']:,}"
            return f"{differing_step(example)}{', no shorter input does' if shortest else ''}"
        case other:
            return other.reason


def finding_line(finding: Finding) -> str:
    """One finding as one line."""
    verdict = verdict_name(finding.verdict)
    return f"{verdict:8} {finding.claim}: {detail(finding)} ({finding.method}, {finding.seconds:.2f} s)"


def equality(findings: Sequence[Finding]) -> list[Finding]:
    """The findings on the main claim, that program equals network, of real outputs within a distance."""
    return [finding for finding in findings if finding.claim.startswith(CLAIM)]


def status(findings: Sequence[Finding]) -> int:
    """The exit status for one claim: refuted if any method refutes it, proved if one proves it."""
    if any(isinstance(finding.verdict, Refuted) for finding in findings):
        return NOT_FOUND
    return FOUND if any(isinstance(finding.verdict, Proved) for finding in findings) else UNKNOWN


def extraction_status(extraction: Extraction) -> int:
    """The exit status of an extraction: a program proved on a stated domain is found, wherever else it fails."""
    if extraction.interrupted:
        return INTERRUPTED
    if extraction.program is None:
        return NOT_FOUND
    findings = equality(extraction.evidence)
    return FOUND if any(isinstance(finding.verdict, Proved) for finding in findings) else status(findings)


def _strongest_first(domain: str) -> tuple[bool, int]:
    """Sorts what is proved by how much it says: every length, then the largest length."""
    length = re.search(r"length up to ([\d,]+)", domain)
    return EVERY_LENGTH not in domain, -int(length[1].replace(",", "")) if length else 0


def summary(extraction: Extraction) -> str:
    """The outcome in one line."""
    if extraction.program is None:
        head = "interrupted before a program was found" if extraction.interrupted else "no program found"
        return f"{head} ({extraction.stop_reason})"
    findings = equality(extraction.evidence)
    proved = [f.verdict.domain for f in findings if isinstance(f.verdict, Proved)]
    parts = [f"proved equal to the network on {domain}" for domain in sorted(proved, key=_strongest_first)][:1]
    refuted = [f.verdict.counterexample for f in findings if isinstance(f.verdict, Refuted)]
    if refuted:
        first = min(refuted, key=lambda example: example.length)
        parts.append(f"{'but the network' if parts else ''} {differing_step(first)}".strip())
    if not parts:
        parts = [f"not proved: {detail(f)}" for f in findings] or [f"not checked ({extraction.stop_reason})"]
    head = "interrupted; best program so far" if extraction.interrupted else "program"
    return f"{head} {', '.join(parts)}"
