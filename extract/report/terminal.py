"""Results on stdout: the program as text, a table of evidence, one line of summary."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dsl.printers import print_program
from extract.extraction import Extraction
from extract.report.findings import verdict_name
from extract.report.words import detail, sides, stream, summary
from verify.verdict import Finding, Refuted

PLAIN_WIDTH = 120
COLOURS = {"proved": "green", "refuted": "red", "unknown": "yellow",
           "supported": "green", "not supported": "red", "undecided": "yellow"}  # fmt: skip


def stdout() -> Console:
    """A console on stdout, wide enough for a table where it is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def show_extraction(extraction: Extraction, console: Console) -> None:
    """Program, evidence, summary."""
    if extraction.program is not None:
        console.print(Text(print_program(extraction.program)), soft_wrap=True)
    if extraction.evidence:
        show_findings(extraction.evidence, console)
    console.print(Text(summary(extraction)), soft_wrap=True)


def show_findings(findings: Sequence[Finding], console: Console) -> None:
    """A table of findings, and the counterexample that matters: the first of the shortest."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("claim", "verdict", "domain", "method"):
        table.add_column(heading, overflow="fold")
    table.add_column("seconds", justify="right")
    for finding in findings:
        verdict = verdict_name(finding.verdict)
        cells = (finding.claim, Text(verdict, style=COLOURS[verdict]), detail(finding), finding.method)
        table.add_row(*(Text(c) if isinstance(c, str) else c for c in cells), f"{finding.seconds:.2f}")
    console.print(table)
    console.print()
    refuted = [finding for finding in findings if isinstance(finding.verdict, Refuted)]
    if refuted:
        show_counterexample(min(refuted, key=_length), console)


def show_counterexample(finding: Finding, console: Console) -> None:
    """Input and both answers, in full, one under the other."""
    assert isinstance(finding.verdict, Refuted)
    example = finding.verdict.counterexample
    names = ("input", *sides(finding))
    width = max(map(len, names))
    for name, values in zip(names, (example.inputs, example.expected, example.actual), strict=True):
        console.print(Text(f"{name:{width}}  {stream(values)}"), soft_wrap=True)
    console.print()


def _length(finding: Finding) -> int:
    assert isinstance(finding.verdict, Refuted)
    return finding.verdict.counterexample.length
