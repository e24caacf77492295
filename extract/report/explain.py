"""An explanation as files: one page for a person, the graph of parts for machines (JSON) and for Graphviz (DOT)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from dsl.errors import BadInput
from dsl.printers import print_program
from extract.explain import Example, Explanation
from extract.report.findings import finding_to_json, verdict_name
from extract.report.html import highlighted
from extract.report.svg import Box, Drawing
from extract.report.words import stream
from extract.structure import INPUT, OUTPUT, REST, Structure
from verify.causal.decoys import FINER
from verify.causal.mechanism import THRESHOLD

PAGE, GRAPH_JSON, GRAPH_DOT = "explain.html", "structure.json", "structure.dot"
CELL, MOST_COLUMNS = 17, 44
MEANS = {
    "supported": "Changing what this alignment says is a variable has the program's effect, as it has in networks that "
    "were built from their programs; every decoy of the claim fails.",
    "not supported": "Changing what should be the program's variables does not have the program's effect. The outputs "
    "may agree all the same: then the network computes them in another way.",
    "undecided": "The interventions do not tell this claim from its decoys.",
}


def write_explanation(explanation: Explanation, directory: Path) -> None:
    """Write page and graph. Raises `BadInput` if that cannot be done."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / PAGE).write_text(explain_html(explanation), encoding="utf-8")
        record = explanation.structure.to_json() | {"mechanism": finding_to_json(explanation.mechanism.finding())}
        (directory / GRAPH_JSON).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        (directory / GRAPH_DOT).write_text(explanation.structure.to_dot(), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"expected a directory to write to, got {error.strerror} ({directory})") from None


def explain_html(explanation: Explanation) -> str:
    """The whole page, which needs no network."""
    environment = Environment(loader=PackageLoader("extract.report", "templates"), undefined=StrictUndefined,
                              autoescape=True, trim_blocks=True)  # fmt: skip
    mechanism, found = explanation.mechanism, explanation.structure
    verdict = verdict_name(mechanism.verdict)
    return environment.get_template("explain.html.j2").render(
        name=explanation.network.name,
        cell=explanation.network.description.get("cell", "a torch module"),
        width=explanation.network.width,
        verdict=verdict,
        means=MEANS[verdict],
        reason=mechanism.verdict.reason,
        threshold=THRESHOLD,
        source=highlighted(print_program(explanation.machine)),
        variables=_variables(explanation),
        experiments=_experiments(explanation),
        examples=[_example(e) for e in explanation.examples],
        decoys=[(n, s) for n, s in mechanism.decoys if FINER not in n],
        finer=[(n.split(FINER)[1], s) for n, s in mechanism.decoys if FINER in n],
        score=mechanism.score,
        p_value=mechanism.p_value,
        heat=Markup(_heat(found)) if found.variables else "",
        graph=Markup(_graph(found)),
        structure=found,
        agreement=mechanism.assessment.agreement,
        wrong=_wrong(explanation),
    )


def _variables(explanation: Explanation) -> list[dict[str, Any]]:
    found = explanation.structure
    rows = []
    for k, item in enumerate(explanation.alignment):
        order = sorted(range(len(found.carried)), key=lambda u: -found.carried[u, k])
        units = [(u, float(found.carried[u, k])) for u in order[:5] if found.carried[u, k] >= 0.1]
        rows.append({"name": item.variable, "note": item.note, "score": item.score,
                     "units": ", ".join(f"h[{u}] {share:.0%}" for u, share in units) or "spread thinly"})  # fmt: skip
    return rows


def _experiments(explanation: Explanation) -> list[dict[str, Any]]:
    assessment = explanation.mechanism.assessment
    unseen = [assessment.unseen] if assessment.unseen is not None and len(assessment.unseen.scored) else []
    return [{"name": e.name, "right": int(e.scored.sum()), "of": len(e.scored), "score": e.score, "spared": e.spared}
            for e in (*assessment.experiments, *unseen)]  # fmt: skip


def _example(e: Example) -> dict[str, Any]:
    rows = [("input so far", stream(e.inputs[: e.time + 1])), ("input from here", stream(e.inputs[e.time + 1 :])),
            ("program, unchanged", stream(e.plain)), (f"program, {e.variable} = {e.after}", stream(e.foretold)),
            (f"network, {e.variable} = {e.after}", stream(e.answered))]  # fmt: skip
    return {
        "variable": e.variable,
        "before": e.before,
        "after": e.after,
        "rows": rows,
        "good": e.foretold == e.answered,
    }


def _wrong(explanation: Explanation) -> float:
    """Share of all interventions that matter whose effect was not the program's."""
    told = [e.scored for e in explanation.mechanism.assessment.experiments]
    total = sum(len(e) for e in told)
    return 1 - sum(int(e.sum()) for e in told) / total if total else 0.0


def _heat(found: Structure) -> str:
    """Units by variables: the darker, the more of the unit's variance is the variable."""
    count = min(len(found.carried), MOST_COLUMNS)
    rows = [*found.variables, "nothing named"]
    left = 8.5 * max(map(len, rows)) + 12
    parts = []
    idle = set(found.idle)
    for k, name in enumerate(rows):
        y = k * CELL
        parts.append(f'<text x="{left - 8:.0f}" y="{y + CELL / 2:.0f}" style="text-anchor:end">{escape(name)}</text>')
        for u in range(count):
            share = float(found.carried[u, k] if k < len(found.variables) else found.unexplained[u])
            tone = "var(--accent)" if k < len(found.variables) else "var(--soft)"
            faint = ' opacity="0.35"' if u in idle else ""
            parts.append(
                f'<rect x="{left + u * CELL:.0f}" y="{y}" width="{CELL - 2}" height="{CELL - 2}" rx="2"{faint} '
                f'style="fill:{tone};fill-opacity:{share:.2f};stroke:var(--line)">'
                f"<title>h[{u}]: {share:.0%} {escape(name)}</title></rect>"
            )
    bottom = len(rows) * CELL
    parts += [f'<text x="{left + u * CELL + CELL / 2 - 1:.0f}" y="{bottom + 8}" style="font-size:9px">{u}</text>'
              for u in range(count)]  # fmt: skip
    width, height = left + count * CELL + 6, bottom + 18
    size = f'viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}"'
    head = f'<svg role="img" aria-label="What each unit carries" {size} xmlns="http://www.w3.org/2000/svg">'
    return f"{head}{''.join(parts)}</svg>"


def _graph(found: Structure) -> str:
    """Input and rest of the state at the left, variables before and after a step, output at the right."""
    before = [INPUT, *found.variables, REST]
    after = [*found.variables, OUTPUT]
    drawing = Drawing()
    boxes: dict[tuple[int, str], Box] = {}
    for side, names in enumerate((before, after)):
        for k, name in enumerate(names):
            label = found.talks.nodes[name]["label"] if name in found.talks.nodes else name
            kind = {INPUT: "input", OUTPUT: "output", REST: "let"}.get(name, "state")
            lines = (label, "after the step") if side and name != OUTPUT else (label,)
            boxes[side, name] = Box((side * 330.0, (k - len(names) / 2) * 66.0), lines, kind)
    for source, target, about in found.talks.edges(data=True):
        drawing.arrow(boxes[0, source], boxes[1, target], [about["label"]], 0.0)
    for box in boxes.values():
        drawing.box(box)
    return drawing.render("What changes what")
