"""The report as one HTML file that needs no network: program, diagram, evidence, alignment, cost, how to reproduce."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from dsl.printers import print_program
from dsl.programs import Machine, Program, program_size
from extract.extraction import Extraction, VariableAlignment
from extract.report.automaton import automaton, draw_automaton
from extract.report.dataflow import draw_dataflow
from extract.report.findings import measurement, verdict_name
from extract.report.standalone import python_source
from extract.report.words import detail, equality, sides, stream, summary
from verify.verdict import Finding, Refuted

TOKEN = re.compile(r"(?P<comment>#[^\n]*)|(?P<number>\b\d+\b)|(?P<word>[A-Za-z_][A-Za-z0-9_]*'?)")
SHAPES = frozenset(
    ["machine", "function", "causal", "sequence", "state", "let", "next", "output", "select", "aggregate"]
)
KEYWORDS = SHAPES | frozenset(["if", "then", "else", "and", "or", "not", "xor", "div", "mod"])
TYPES = frozenset(("bool", "int", "real", "true", "false"))
SHOWN_WEIGHTS = 6


def report_html(extraction: Extraction) -> str:
    """The whole page. The extraction must hold a program."""
    program = extraction.program
    assert program is not None
    environment = Environment(
        loader=PackageLoader("extract.report", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
    )
    environment.filters["number"] = number
    drawing, caption = diagram(program)
    verdict, text = _main_verdict(extraction)
    return environment.get_template("report.html.j2").render(
        extraction=extraction,
        verdict=verdict,
        verdict_text=text,
        summary=summary(extraction),
        source=highlighted(print_program(program)),
        python=python_source(program),
        operators=program_size(program),
        diagram=Markup(drawing),
        caption=caption,
        findings=[finding_row(finding) for finding in extraction.evidence],
        counterexamples=counterexamples(extraction.evidence),
        alignment=[_aligned(item) for item in extraction.alignment],
        stages=_stages(extraction),
        options=json.dumps(dict(extraction.options)),
    )


def highlighted(text: str) -> Markup:
    """A program with its keywords, types and numbers marked up."""

    def mark(found: re.Match[str]) -> str:
        word, kind = found[0], found.lastgroup or ""
        if kind == "word":
            kind = "keyword" if word in KEYWORDS else "type" if word in TYPES else ""
        return f'<span class="{kind}">{escape(word)}</span>' if kind else str(escape(word))

    parts, at = [], 0
    for found in TOKEN.finditer(text):
        parts += [str(escape(text[at : found.start()])), mark(found)]
        at = found.end()
    return Markup("".join([*parts, str(escape(text[at:]))]))


def diagram(program: Program) -> tuple[str, str]:
    """The state diagram of a machine with few states, else the data flow, as SVG; and a caption."""
    found = automaton(program) if isinstance(program, Machine) else None
    if found is None or not isinstance(program, Machine):
        return draw_dataflow(program), "Data flow: what each value is computed from."
    moore = "→ is the output" if "→" in (drawn := draw_automaton(found, tuple(s.name for s in program.states))) else ""
    arrows = "arrows: input" if moore else "arrows: input / output"
    parts = [f"All {len(found.states)} states reachable over the declared inputs", arrows, moore]
    return drawn, "; ".join(filter(None, parts)) + "."


def _main_verdict(extraction: Extraction) -> tuple[str, str]:
    """Colour and words of the badge."""
    kinds = {verdict_name(finding.verdict) for finding in equality(extraction.evidence)}
    if extraction.interrupted:
        return "unknown", "interrupted"
    if {"proved", "refuted"} <= kinds:
        return "unknown", "proved in part"
    verdict = next((kind for kind in ("proved", "refuted") if kind in kinds), "unknown")
    return verdict, verdict


def finding_row(finding: Finding) -> dict[str, Any]:
    """A finding as a template shows it."""
    return {
        "claim": finding.claim,
        "verdict": verdict_name(finding.verdict),
        "detail": detail(finding),
        "method": finding.method,
        "seconds": finding.seconds,
        "measured": _measured(finding),
    }


def number(value: Any) -> str:
    """A measured value, with thousands set apart."""
    value = measurement(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {number(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(number, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _measured(finding: Finding) -> list[tuple[str, str]]:
    """The measured numbers that there are."""
    shown = [(name.replace("_", " "), number(value)) for name, value in finding.measured]
    return [(name, value) for name, value in shown if value]


def counterexamples(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Each different input once."""
    shown: dict[tuple[str, Any], dict[str, Any]] = {}
    for finding in findings:
        if isinstance(finding.verdict, Refuted):
            example, names = finding.verdict.counterexample, sides(finding)
            differ = f"The {names[0]} and the {names[1]} differ on this input"
            says = differ if equality([finding]) else f"It is not so that {finding.claim}: see this input"
            words = (example.inputs, example.expected, example.actual)
            rows = list(zip(("input", *names), map(stream, words), strict=True))
            shown.setdefault(
                (finding.claim, example.inputs), {"says": says, "shortest": finding.verdict.shortest, "rows": rows}
            )
    return list(shown.values())


def _aligned(item: VariableAlignment) -> dict[str, Any]:
    rows = None if item.decoder is None else [_linear(row, item.site, b) for row, b in zip(item.decoder, item.offset)]
    return {"variable": item.variable, "site": item.site, "rows": rows, "score": item.score, "note": item.note}


def _linear(weights: Sequence[float], site: str, offset: float) -> str:
    """The map as a sum, its largest weights first."""
    order = sorted(range(len(weights)), key=lambda k: -abs(weights[k]))
    heavy = [k for k in order if abs(weights[k]) > 1e-9]
    terms = [f"{weights[k]:+.3g}·{site}[{k}]" for k in heavy[:SHOWN_WEIGHTS]]
    if len(heavy) > SHOWN_WEIGHTS:
        terms.append(f"+ {len(heavy) - SHOWN_WEIGHTS} more")
    return " ".join([*terms, f"{offset:+.3g}"]).replace("-", "−")


def _stages(extraction: Extraction) -> list[dict[str, Any]]:
    longest = max((stage.seconds for stage in extraction.stages), default=0.0) or 1.0
    return [
        {"name": s.name, "seconds": s.seconds, "note": s.note, "share": 100 * s.seconds / longest}
        for s in extraction.stages
    ]
