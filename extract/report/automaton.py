"""The states a machine reaches over its declared inputs, when they are few, and a drawing of them."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass

import networkx as nx

from dsl.printers.text import print_value
from dsl.programs import Machine
from dsl.semantics import initial_state, step
from dsl.types import BoolType, IntType, Type, Value
from extract.report.svg import Box, Drawing, Point

MOST_STATES = 24
MOST_SYMBOLS = 64
MOST_ARROWS = 30
ON_A_CIRCLE = 8
SHOWN_PIECES = 5

Values = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Automaton:
    """States in order of discovery (the first is the start), and symbols by (source, target, outputs)."""

    states: tuple[Values, ...]
    symbols: tuple[Values, ...]
    moves: dict[tuple[int, int, Values], list[Values]]

    @property
    def arrows(self) -> dict[tuple[int, int], dict[Values, list[Values]]]:
        """Symbols by outputs, for each pair of states."""
        grouped: dict[tuple[int, int], dict[Values, list[Values]]] = defaultdict(dict)
        for (source, target, outputs), symbols in self.moves.items():
            grouped[source, target][outputs] = symbols
        return dict(grouped)


def automaton(machine: Machine) -> Automaton | None:
    """All states reachable over the declared inputs, or None where they or the inputs are too many to draw."""
    values = [_values(var.type) for var in machine.inputs]
    if any(v is None for v in values) or math.prod(len(v or ()) for v in values) > MOST_SYMBOLS or not machine.states:
        return None
    symbols = tuple(itertools.product(*(v or () for v in values)))
    start = initial_state(machine)
    number = {start: 0}
    moves: dict[tuple[int, int, Values], list[Values]] = {}
    states = [start]
    for source, state in enumerate(states):
        for symbol in symbols:
            after, outputs = step(machine, state, symbol)
            if after not in number:
                if len(states) == MOST_STATES:
                    return None
                number[after] = len(states)
                states.append(after)
            moves.setdefault((source, number[after], outputs), []).append(symbol)
    found = Automaton(tuple(states), symbols, moves)
    between = [pair for pair in found.arrows if pair[0] != pair[1]]
    return found if len(between) <= MOST_ARROWS else None


def _values(kind: Type) -> list[Value] | None:
    if isinstance(kind, BoolType):
        return [False, True]
    if isinstance(kind, IntType) and kind.size is not None and kind.size <= MOST_SYMBOLS:
        assert kind.low is not None
        return list(range(kind.low, kind.low + kind.size))
    return None


def draw_automaton(found: Automaton, names: tuple[str, ...]) -> str:
    """The automaton as SVG. Outputs stand in the boxes where they depend on the state reached, else on the arrows."""
    answers = _outputs_by_target(found)
    places = _layout(found)
    boxes = []
    for k, state in enumerate(found.states):
        lines = [", ".join(f"{name} = {print_value(v)}" for name, v in zip(names, state, strict=True))]
        if len(lines[0]) > 28:
            lines = [f"{name} = {print_value(v)}" for name, v in zip(names, state, strict=True)]
        if answers:
            lines.append(f"→ {_tuple(answers[k])}" if k in answers else "start")
        boxes.append(Box(places[k], tuple(lines), "start" if k == 0 else "state"))
    drawing = Drawing()
    centre = (sum(p[0] for p in places) / len(places), sum(p[1] for p in places) / len(places))
    arrows = found.arrows
    for box in boxes:
        drawing.box(box)
    for (source, target), by_outputs in arrows.items():
        label = [_label(found, symbols, None if answers else out) for out, symbols in by_outputs.items()]
        if source == target:
            drawing.loop(boxes[source], _outward(places[source], centre, len(boxes) <= 2), label)
        else:
            bend = 0.11 if (target, source) in arrows else 0.04
            drawing.arrow(boxes[source], boxes[target], label, bend)
    drawing.entry(boxes[0], _entry_angle(found, places[0], centre))
    return drawing.render(f"State diagram of {len(boxes)} states")


def _outputs_by_target(found: Automaton) -> dict[int, Values]:
    """The outputs of each state when every way into it gives the same ones (a Moore machine), else nothing."""
    answers: dict[int, set[Values]] = defaultdict(set)
    for _, target, outputs in found.moves:
        answers[target].add(outputs)
    return {k: next(iter(v)) for k, v in answers.items()} if all(len(v) == 1 for v in answers.values()) else {}


def _label(found: Automaton, symbols: list[Values], outputs: Values | None) -> str:
    if len(symbols) == len(found.symbols) > 1:
        read = "any"
    elif len(symbols[0]) == 1:
        read = _pieces([symbol[0] for symbol in symbols])
    else:
        read = " ".join(_tuple(symbol) for symbol in symbols[:SHOWN_PIECES])
        if len(symbols) > SHOWN_PIECES:
            read = f"{len(symbols)} inputs"
    return read if outputs is None else f"{read} / {_tuple(outputs)}"


def _pieces(values: list[Value]) -> str:
    """Values with runs of neighbours joined: `0–3 7`."""
    runs: list[list[Value]] = []
    for value in values:
        if runs and not isinstance(value, bool) and isinstance(value, int) and value - 1 == runs[-1][-1]:
            runs[-1].append(value)
        else:
            runs.append([value])
    texts = []
    for run in runs:
        ends = [print_value(run[0]), print_value(run[-1])]
        texts.append(ends[0] if len(run) == 1 else ("–" if len(run) > 2 else " ").join(ends))
    return " ".join(texts) if len(texts) <= SHOWN_PIECES else f"{len(values)} inputs"


def _tuple(values: Values) -> str:
    return ",".join(map(print_value, values))


def _layout(found: Automaton) -> list[Point]:
    """Centres of the boxes: a line for two, a circle for a few, springs of graph distance for more."""
    count = len(found.states)
    arrows = [pair for pair in found.arrows if pair[0] != pair[1]]
    if count <= 2:
        return [(230.0 * k, 0.0) for k in range(count)]
    if count <= ON_A_CIRCLE:
        radius = 62.0 + 30.0 * count
        turn = 2 * math.pi / count
        return [
            (radius * 1.25 * math.cos(k * turn - math.pi), radius * math.sin(k * turn - math.pi)) for k in range(count)
        ]
    graph = nx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(arrows)
    placed = nx.kamada_kawai_layout(graph)
    spread = 92.0 * math.sqrt(count)
    return [(spread * 1.35 * float(placed[k][0]), spread * float(placed[k][1])) for k in range(count)]


def _outward(place: Point, centre: Point, on_a_line: bool = False) -> float:
    """The direction away from the centre; upwards where all boxes are on one line."""
    dx, dy = place[0] - centre[0], place[1] - centre[1]
    return math.atan2(dy, dx) if math.hypot(dx, dy) > 1.0 and not on_a_line else -math.pi / 2


def _entry_angle(found: Automaton, place: Point, centre: Point) -> float:
    """From the left on a line; else from outside, beside the loop if there is one."""
    if len(found.states) <= 2:
        return math.pi
    return _outward(place, centre) + (math.pi * 0.3 if (0, 0) in found.arrows else 0.0)
