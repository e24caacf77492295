"""Programs as standalone Python: standard library only, one function `run`, written to be read.

A machine becomes a loop over its inputs, a function a function, a sequence program a list per step. The reading is
exact: ranges that range inference cannot confirm are not relied on (`dsl.invariants`).
"""

from __future__ import annotations

import ast
import builtins
import graphlib
import keyword
from collections.abc import Mapping

from dsl.invariants import sound
from dsl.printers.source import Expressions
from dsl.printers.text import print_program
from dsl.programs import Aggregate, Function, Let, Machine, Program, Select, SequenceProgram
from dsl.terms import Term, Var, variables
from dsl.types import BoolType, IntType, RegisterType, Type

WIDTH = 100
Scope = dict[str, ast.expr]

MEAN = '''def mean(values, default):
    """The exact mean, or the default when there are no values."""
    return Fraction(sum(values), len(values)) if values else default
'''
PICK = '''def pick(values, default):
    """The only value, or the default when there is none or more than one."""
    return values[0] if len(values) == 1 else default
'''


def print_python(program: Program) -> str:
    """The program as a Python module that defines `run`."""
    printer = _Printer(program)
    match program:
        case Function():
            body = printer.function(program)
        case Machine():
            body = printer.machine(sound(program))
        case SequenceProgram():
            body = printer.sequence(program)
    return printer.module(program, body)


class _Printer:
    """Names and collected parts of one module."""

    def __init__(self, program: Program) -> None:
        self.taken = {*keyword.kwlist, *dir(builtins), "run", "xs", "ys", "mean", "pick", "Fraction", "annotations"}
        self.source = Expressions(self.fresh)
        self.extras: list[str] = []

    def fresh(self, wanted: str) -> str:
        """A new Python name, `wanted` itself where possible."""
        name, number = wanted if wanted.isidentifier() else "op", 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name

    def declare(self, scope: Scope, names: list[str]) -> list[str]:
        """Fresh Python names for DSL names, entered in `scope`."""
        chosen = [self.fresh(name) for name in names]
        scope.update((name, ast.Name(python)) for name, python in zip(names, chosen, strict=True))
        return chosen

    def text(self, term: Term, scope: Mapping[str, ast.expr]) -> str:
        """The term as Python text."""
        return ast.unparse(self.source.expression(term, scope))

    def module(self, program: Program, body: list[str]) -> str:
        """The whole text, from docstring to `run`."""
        shown = "".join(f"    {line}\n" for line in print_program(program).splitlines())
        tables = [f"{name} = {_wrapped(node)}\n" for name, node in self.source.tables.values()]
        helpers = [text for _, text in self.source.helpers.values()]
        rest = "\n\n".join(["\n".join(tables)] * bool(tables) + self.extras + helpers + ["\n".join(body) + "\n"])
        imports = ["from __future__ import annotations\n"]
        if "Fraction" in rest:
            imports.append("from fractions import Fraction\n")
        opening = f'"""The program `{program.name}`, in the language of netlift:\n\n{shown}"""\n'
        return "\n".join([opening, *imports]) + "\n\n" + rest

    # --- functions

    def function(self, program: Function) -> list[str]:
        scope: Scope = {}
        names = self.declare(scope, [v.name for v in program.inputs])
        hints = (f"{name}: {hint(v.type)}" for name, v in zip(names, program.inputs, strict=True))
        lines = [f"def run({', '.join(hints)}) -> {_row_hint(program.output_types)}:", _docstring(program, "value")]
        for name, term in program.lets:
            text = self.source.expression(term, scope)
            lines += self.assign(self.declare(scope, [name])[0], text, 1)
        return [*lines, f"    return {self.row(program.outputs, scope)}"]

    def row(self, terms: tuple[Term, ...], scope: Scope) -> str:
        """One output alone, several as a tuple."""
        texts = [self.text(term, scope) for term in terms]
        return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"

    def assign(self, target: str, value: ast.expr, depth: int) -> list[str]:
        """`target = value`, as statements `if ... elif ... else` where one line would be long."""
        indent = "    " * depth
        if ast.unparse(value) == target:
            return []
        line = f"{indent}{target} = {ast.unparse(value)}"
        if len(line) <= WIDTH or not isinstance(value, ast.IfExp):
            return [line]
        lines, word = [], "if"
        while isinstance(value, ast.IfExp):
            lines.append(f"{indent}{word} {ast.unparse(value.test)}:")
            lines += self.assign(target, value.body, depth + 1) or [f"{indent}    pass"]
            value, word = value.orelse, "elif"
        otherwise = self.assign(target, value, depth + 1)
        return [*lines, f"{indent}else:", *otherwise] if otherwise else lines

    # --- machines

    def machine(self, program: Machine) -> list[str]:
        scope: Scope = {}
        inputs = self.declare(scope, [v.name for v in program.inputs])
        states = self.declare(scope, [s.name for s in program.states])
        lines = [
            f"def run(xs: list[{_row_hint(tuple(v.type for v in program.inputs))}])"
            f" -> list[{_row_hint(program.output_types)}]:",
            _docstring(program, "list of outputs, one per input"),
            "    ys = []",
        ]
        for state, name in zip(program.states, states, strict=True):
            initial = self.source.expression(_constant(state.initial), {})
            lines.append(f"    {name} = {ast.unparse(initial)}")
        lines.append(f"    for {', '.join(inputs) or '_'} in xs:")
        for name, term in program.lets:
            value = self.source.expression(term, scope)
            lines += self.assign(self.declare(scope, [name])[0], value, 2)
        lines += self._step(program, scope)
        return [*lines, "    return ys"]

    def _step(self, program: Machine, scope: Scope) -> list[str]:
        """Output and simultaneous update, in the order that needs the fewest extra names."""
        read = frozenset[str]().union(*map(variables, program.outputs))
        changed = {
            s.name: self.source.expression(s.update, scope)
            for s in program.states
            if not (isinstance(s.update, Var) and s.update.name == s.name)
        }
        after = {s.name + "'": scope[s.name] for s in program.states}
        new_read = [name for name in changed if name + "'" in read]
        if not new_read:
            return [f"        ys.append({self.row(program.outputs, scope | after)})", *self.update(changed, scope)]
        if not any(name in read for name in changed):
            return [*self.update(changed, scope), f"        ys.append({self.row(program.outputs, scope | after)})"]
        lines: list[str] = []
        for name in new_read:
            new = self.fresh(f"new_{name}")
            lines += self.assign(new, changed[name], 2)
            changed[name] = after[name + "'"] = ast.Name(new)
        lines.append(f"        ys.append({self.row(program.outputs, scope | after)})")
        return lines + self.update(changed, scope)

    def update(self, changed: Mapping[str, ast.expr], scope: Scope) -> list[str]:
        """Simultaneous assignment: in sequence where some order allows it, else a tuple or temporaries."""
        names = {name: ast.unparse(scope[name]) for name in changed}
        read = {n: {s.id for s in ast.walk(value) if isinstance(s, ast.Name)} for n, value in changed.items()}
        before = {n: [m for m in changed if m != n and names[n] in read[m]] for n in changed}
        try:
            order = list(graphlib.TopologicalSorter(before).static_order())
        except graphlib.CycleError:
            targets = ", ".join(names.values())
            line = f"        {targets} = {', '.join(map(ast.unparse, changed.values()))}"
            if len(line) <= WIDTH:
                return [line]
            temporaries = {name: self.fresh(f"new_{name}") for name in changed}
            lines = [part for n, value in changed.items() for part in self.assign(temporaries[n], value, 2)]
            return [*lines, f"        {targets} = {', '.join(temporaries.values())}"]
        return [line for name in order for line in self.assign(names[name], changed[name], 2)]

    # --- sequence programs

    def sequence(self, program: SequenceProgram) -> list[str]:
        columns: Scope = {}
        n, p, q, row = (self.fresh(name) for name in ("n", "p", "q", "row"))
        inputs = self.declare(columns, [v.name for v in program.inputs])

        def at(position: str) -> Scope:
            found: Scope = {name: ast.Subscript(node, ast.Name(position)) for name, node in columns.items()}
            return found | {"i": ast.Name(position), "n": ast.Name(n)}

        lines = [
            f"def run(xs: list[{_row_hint(tuple(v.type for v in program.inputs))}])"
            f" -> list[{_row_hint(program.output_types)}]:",
            _docstring(program, "list of outputs, one per input"),
            f"    {n} = len(xs)",
        ]
        for k, name in enumerate(inputs):
            lines.append(f"    {name} = xs" if len(inputs) == 1 else f"    {name} = [{row}[{k}] for {row} in xs]")
        selections: dict[str, str] = {}
        keys = f"range({q} + 1)" if program.causal else f"range({n})"
        for item in program.steps:
            match item:
                case Let(name, term):
                    text = self.text(term, at(p))
                    lines.append(f"    {self.declare(columns, [name])[0]} = [{text} for {p} in range({n})]")
                case Select(name, predicate):
                    sides = [(f"{side}.", at(position)) for side, position in (("key", p), ("query", q))]
                    scope = {prefix + v: node for prefix, found in sides for v, node in found.items()}
                    selections[name] = self.fresh(name)
                    inner = f"[{self.text(predicate, scope)} for {p} in {keys}]"
                    lines.append(f"    {selections[name]} = [{inner} for {q} in range({n})]")
                case Aggregate(name, "count", selection, _, _):
                    chosen = selections[selection]
                    lines.append(f"    {self.declare(columns, [name])[0]} = [sum({row}) for {row} in {chosen}]")
                case Aggregate(name, kind, selection, term, default):
                    helper, text = self._aggregate(kind), self.text(term, at(p))
                    values = f"[{text} for {p} in {keys} if {selections[selection]}[{q}][{p}]]"
                    other = self.text(_constant(default), {})
                    target = self.declare(columns, [name])[0]
                    lines.append(f"    {target} = [{helper}({values}, {other}) for {q} in range({n})]")
        return [*lines, f"    return [{self.row(program.outputs, at(p))} for {p} in range({n})]"]

    def _aggregate(self, kind: str) -> str:
        text = {"mean": MEAN, "pick": PICK}[kind]
        if text not in self.extras:
            self.extras.append(text)
        return kind


def hint(kind: Type) -> str:
    """The Python annotation of a type."""
    match kind:
        case BoolType():
            return "bool"
        case IntType():
            return "int"
        case RegisterType(element):
            return f"tuple[{hint(element)}, ...]"
        case _:
            return "int | Fraction"


def _row_hint(kinds: tuple[Type, ...]) -> str:
    return hint(kinds[0]) if len(kinds) == 1 else f"tuple[{', '.join(map(hint, kinds)) or '()'}]"


def _docstring(program: Program, result: str) -> str:
    inputs = ", ".join(f"{v.name} in {v.type}" for v in program.inputs) or "no inputs"
    return f'    """The {result} of `{program.name}`, for {inputs}."""'


def _constant(value: object) -> Term:
    from dsl.terms import constant

    return constant(value)  # type: ignore[arg-type]


def _wrapped(node: ast.expr) -> str:
    """A long tuple over several lines."""
    assert isinstance(node, ast.Tuple)
    lines, line = ["("], "   "
    for element in node.elts:
        text = f" {ast.unparse(element)},"
        if len(line) + len(text) > WIDTH and line.strip():
            lines.append(line)
            line = "   "
        line += text
    return "\n".join([*lines, line, ")"])
