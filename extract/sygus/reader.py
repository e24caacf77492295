"""SyGuS-IF files, version 2 and the older spellings that its benchmarks still use, read into a `Task`.

An invariant to find (`synth-inv`, `inv-constraint`) is read as a function with three constraints, and an assumption
becomes the premise of every constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsl.errors import BadInput, Unsupported
from extract.sygus.sexpr import SExpr, read, show
from extract.sygus.task import Definition, Function, Grammar, Task, conjuncts, inline

IGNORED = ("set-option", "set-info", "set-feature", "set-options")


def load(path: Path) -> Task:
    """The task in a file. Raises `BadInput`, `ParseError` or `Unsupported` with one clear line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected a readable SyGuS file, got {path} ({error})") from None
    return parse(text)


def parse(text: str) -> Task:
    """The task in a text."""
    reader = _Reader()
    try:
        for command in read(text):
            reader.command(_plain(command))
        return reader.task()
    except RecursionError:
        raise BadInput("expected a SyGuS problem, got expressions nested too deeply") from None


def _plain(e: SExpr) -> SExpr:
    """The expression with negative numerals as SMT-LIB writes them, and `let` bindings without sorts."""
    if isinstance(e, str):
        return ("-", e[1:]) if e[0] == "-" and e[1:].isdigit() else e
    plain = tuple(map(_plain, e))
    if len(plain) == 3 and plain[0] == "let":
        bindings = plain[1] if isinstance(plain[1], tuple) else ()
        if not bindings or not all(isinstance(b, tuple) and len(b) in (2, 3) for b in bindings):
            raise BadInput(f"expected (let ((name value) ...) body), got {show(e)[:60]}")
        return ("let", tuple((b[0], b[-1]) for b in bindings), plain[2])
    return plain


@dataclass
class _Reader:
    """What the commands so far have said."""

    logic: str = "ALL"
    asked: bool = False
    functions: list[Function] = field(default_factory=list)
    variables: list[tuple[str, SExpr]] = field(default_factory=list)
    stated: list[SExpr] = field(default_factory=list)
    assumed: list[SExpr] = field(default_factory=list)
    definitions: dict[str, Definition] = field(default_factory=dict)
    sorts: dict[str, SExpr] = field(default_factory=dict)

    def command(self, command: SExpr) -> None:
        """Take one command."""
        match command:
            case ("set-logic", str(name)):
                self.logic = name
            case ("synth-fun", str(name), tuple(parameters), sort, *grammar):
                self._function(name, parameters, self._sort(sort), grammar)
            case ("synth-inv", str(name), tuple(parameters), *grammar):
                self._function(name, parameters, "Bool", grammar)
            case ("declare-var", str(name), sort):
                self._variable(name, sort)
            case ("declare-primed-var", str(name), sort):
                self._variable(name, sort)
                self._variable(name + "!", sort)
            case ("define-fun", str(name), tuple(parameters), sort, body):
                inlined = inline(body, self.definitions)
                self._free(name)
                given = self._parameters(parameters)
                written = ("define-fun", name, given, self._sort(sort), body)
                self.definitions[name] = Definition(name, given, self._sort(sort), inlined, show(written))
            case ("define-sort", str(name), (), sort):
                self.sorts[name] = self._sort(sort)
            case ("constraint", body):
                self.stated += conjuncts(body)
            case ("assume", body):
                self.assumed.append(body)
            case ("inv-constraint", str(name), str(before), str(step), str(after)):
                self._invariant(name, before, step, after)
            case ("check-synth",):
                self.asked = True
            case (str(head), *_) if head in IGNORED:
                pass
            case _:
                raise Unsupported(f"expected a command of SyGuS-IF 2 that netlift knows, got {show(command)[:60]}")

    def task(self) -> Task:
        """Everything said, once there is something to find."""
        if not self.functions:
            raise BadInput("expected a synth-fun, got none")
        if not self.asked:
            raise BadInput("expected (check-synth), got none")
        if self.assumed:
            self.stated = [("=>", ("and", "true", *self.assumed), body) for body in self.stated]
        constraints = tuple(inline(body, self.definitions) for body in self.stated)
        return Task(
            self.logic, tuple(self.functions), tuple(self.variables), constraints, tuple(self.stated), self.definitions
        )

    def _function(self, name: str, parameters: tuple[SExpr, ...], sort: SExpr, grammar: Sequence[SExpr]) -> None:
        self._free(name)
        self.functions.append(Function(name, self._parameters(parameters), sort, self._grammar(grammar, name)))

    def _variable(self, name: str, sort: SExpr) -> None:
        self._free(name)
        self.variables.append((name, self._sort(sort)))

    def _free(self, name: str) -> None:
        if name in {f.name for f in self.functions} | {n for n, _ in self.variables} | self.definitions.keys():
            raise BadInput(f"expected each name to be declared once, got {name} twice")

    def _invariant(self, name: str, before: str, step: str, after: str) -> None:
        """The invariant holds at the start, is kept by each step, and implies what is wanted."""
        function = next((f for f in self.functions if f.name == name), None)
        if function is None:
            raise BadInput(f"expected an invariant declared by synth-inv, got {name}")
        for used, arity in ((before, 1), (step, 2), (after, 1)):
            found = self.definitions.get(used)
            if found is None or len(found.parameters) != arity * len(function.parameters):
                raise BadInput(f"expected a defined function of the invariant's variables, got {used} (inv-constraint)")
        declared = dict(self.variables)
        for parameter, sort in function.parameters:
            for variable in (parameter, parameter + "!"):
                if declared.setdefault(variable, sort) != sort:
                    raise BadInput(f"expected {variable} of sort {show(sort)}, got {show(declared[variable])}")
        self.variables = list(declared.items())
        now = tuple(n for n, _ in function.parameters)
        then = tuple(n + "!" for n in now)
        self.stated += [
            ("=>", (before, *now), (name, *now)),
            ("=>", ("and", (name, *now), (step, *now, *then)), (name, *then)),
            ("=>", (name, *now), (after, *now)),
        ]

    def _parameters(self, items: tuple[SExpr, ...]) -> tuple[tuple[str, SExpr], ...]:
        result: dict[str, SExpr] = {}
        for item in items:
            match item:
                case (str(name), sort) if name not in result:
                    result[name] = self._sort(sort)
                case _:
                    raise BadInput(f"expected (name sort), each name once, got {show(item)}")
        return tuple(result.items())

    def _sort(self, sort: SExpr) -> SExpr:
        match sort:
            case str(name) if name in self.sorts:
                return self.sorts[name]
            case "Int" | "Bool":
                return sort
            case ("_", "BitVec", str(width)) | ("BitVec", str(width)) if width.isdigit() and 1 <= int(width) <= 64:
                return ("_", "BitVec", width)
            case _:
                raise Unsupported(f"expected sort Int, Bool or (_ BitVec n) with n from 1 to 64, got {show(sort)}")

    def _grammar(self, parts: Sequence[SExpr], name: str) -> Grammar | None:
        if not parts:
            return None
        rules = parts[-1]
        if len(parts) > 2 or not isinstance(rules, tuple) or not rules:
            raise BadInput(
                f"expected a grammar of nonterminals and productions, got {len(parts)} parts (synth-fun {name})"
            )
        nonterminals: list[tuple[str, SExpr]] = []
        productions: dict[str, tuple[SExpr, ...]] = {}
        for rule in rules:
            match rule:
                case (str(symbol), sort, tuple(bodies)) if symbol not in productions and bodies:
                    nonterminals.append((symbol, self._sort(sort)))
                    productions[symbol] = tuple(map(self._any, bodies))
                case _:
                    raise BadInput(f"expected (name sort (productions)), got {show(rule)[:60]} (synth-fun {name})")
        if len(parts) == 2:
            declared = [(str(d[0]), self._sort(d[1])) for d in parts[0] if isinstance(d, tuple) and len(d) == 2]
            if sorted(map(show, declared)) != sorted(map(show, nonterminals)):
                raise BadInput(f"expected the nonterminals declared before the grammar in its order (synth-fun {name})")
        return Grammar(tuple(nonterminals), productions)

    def _any(self, production: SExpr) -> SExpr:
        """A production, sorts spelled out and `(InputVariable sort)` and its kin under one name."""
        match production:
            case ("Constant", sort):
                return ("Constant", self._sort(sort))
            case ("Variable" | "InputVariable" | "LocalVariable", sort):
                return ("Variable", self._sort(sort))
            case (_, *_):
                return tuple(map(self._any, production))
        return production
