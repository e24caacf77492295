"""What feeds what in a program: inputs at the left, definitions and state variables between, outputs at the right."""

from __future__ import annotations

from collections.abc import Mapping

from dsl.printers.text import print_term
from dsl.programs import Aggregate, Function, Let, Machine, Program, Select, SequenceProgram
from dsl.terms import Term, variables
from extract.report.svg import Box, Drawing

COLUMN_GAP = 76.0
ROW_GAP = 22.0
LONGEST_TERM = 44

Cells = list[tuple[str, tuple[str, ...], frozenset[str], str]]  # name, lines, names it reads, kind


def draw_dataflow(program: Program) -> str:
    """The data flow of a program as SVG."""
    columns = _columns(program)
    boxes: dict[str, Box] = {}
    column_of: dict[str, int] = {}
    left = 0.0
    for index, cells in enumerate(columns):
        made = [(name, Box((0.0, 0.0), lines, kind)) for name, lines, _, kind in cells]
        width = max(box.size[0] for _, box in made)
        height = sum(box.size[1] for _, box in made) + ROW_GAP * (len(made) - 1)
        top = -height / 2
        for name, box in made:
            boxes[name] = Box((left + width / 2, top + box.size[1] / 2), box.lines, box.kind)
            column_of[name] = index
            top += box.size[1] + ROW_GAP
        left += width + COLUMN_GAP
    drawing = Drawing()
    depth = max(box.centre[1] + box.size[1] / 2 for box in boxes.values()) + 18
    for cells in columns:
        for name, _, reads, _ in cells:
            for read in sorted(reads & boxes.keys()):
                back = column_of[read] >= column_of[name]
                drawing.horizontal(boxes[read], boxes[name], depth if back else None)
                depth += 9 if back else 0
    for box in boxes.values():
        drawing.box(box)
    return drawing.render("Data flow")


def _columns(program: Program) -> list[Cells]:
    inputs: Cells = [(v.name, (v.name, str(v.type)), frozenset(), "input") for v in program.inputs]
    renamed = _new_values(program)
    outputs: Cells = []
    for k, term in enumerate(program.outputs):
        label = "output" if len(program.outputs) == 1 else f"output {k + 1}"
        outputs.append((f" output {k}", (label, _shown(term)), _reads(term, renamed), "output"))
    match program:
        case Machine():
            states: Cells = [
                (s.name, (s.name, f"next {_shown(s.update)}"), variables(s.update), "state") for s in program.states
            ]
            middle = [_definitions(dict(program.lets)), states]
        case Function():
            middle = [_definitions(dict(program.lets))]
        case SequenceProgram():
            middle = [[_sequence_step(item) for item in program.steps]]
    return [cells for cells in [inputs, *middle, outputs] if cells]


def _definitions(lets: Mapping[str, Term]) -> Cells:
    return [(name, (name, _shown(term)), variables(term), "let") for name, term in lets.items()]


def _sequence_step(item: Let | Select | Aggregate) -> tuple[str, tuple[str, ...], frozenset[str], str]:
    term = item.predicate if isinstance(item, Select) else item.term
    reads = {name.rsplit(".", 1)[-1] for name in variables(term)}
    if isinstance(item, Aggregate):
        reads.add(item.selection)
    return item.name, (item.name, _shown(term)), frozenset(reads), "let"


def _new_values(program: Program) -> dict[str, str]:
    return {s.name + "'": s.name for s in program.states} if isinstance(program, Machine) else {}


def _reads(term: Term, renamed: Mapping[str, str]) -> frozenset[str]:
    return frozenset(renamed.get(name, name) for name in variables(term))


def _shown(term: Term) -> str:
    text = print_term(term)
    return text if len(text) <= LONGEST_TERM else text[: LONGEST_TERM - 1] + "…"
