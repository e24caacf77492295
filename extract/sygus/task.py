"""A SyGuS-IF 2 file as data: functions to find with their grammars, variables, constraints, defined functions.

Defined functions are inlined into constraints when read, so later stages see only the theory's own operators; `stated`
keeps the constraints as written, for the check of an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsl.errors import BadInput, Unsupported
from extract.sygus.sexpr import SExpr, read, replace, show


@dataclass(frozen=True, slots=True)
class Definition:
    """`(define-fun name (parameters) sort body)`, the body inlined; `text` is the command as written."""

    name: str
    parameters: tuple[tuple[str, SExpr], ...]
    sort: SExpr
    body: SExpr
    text: str


@dataclass(frozen=True, slots=True)
class Grammar:
    """Nonterminals with sorts, start first, and the productions of each."""

    nonterminals: tuple[tuple[str, SExpr], ...]
    productions: dict[str, tuple[SExpr, ...]]


@dataclass(frozen=True, slots=True)
class Function:
    """A function to synthesise."""

    name: str
    parameters: tuple[tuple[str, SExpr], ...]
    sort: SExpr
    grammar: Grammar | None


@dataclass(frozen=True, slots=True)
class Task:
    """Everything a file asks for. `constraints` are inlined; `stated` are the same as written."""

    logic: str
    functions: tuple[Function, ...]
    variables: tuple[tuple[str, SExpr], ...]
    constraints: tuple[SExpr, ...]
    stated: tuple[SExpr, ...]
    definitions: dict[str, Definition]


def load(path: Path) -> Task:
    """The task in a file. Raises `BadInput` or `ParseError` with one clear line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected a readable SyGuS file, got {path} ({error})") from None
    return parse(text)


def parse(text: str) -> Task:
    """The task in a text."""
    logic, asked = "ALL", False
    functions: list[Function] = []
    variables: list[tuple[str, SExpr]] = []
    constraints: list[SExpr] = []
    stated: list[SExpr] = []
    definitions: dict[str, Definition] = {}
    for command in read(text):
        match command:
            case ("set-logic", str(name)):
                logic = name
            case ("synth-fun", str(name), tuple(parameters), sort, *grammar):
                functions.append(Function(name, _parameters(parameters), _sort(sort), _grammar(grammar, name)))
            case ("declare-var", str(name), sort):
                variables.append((name, _sort(sort)))
            case ("define-fun", str(name), tuple(parameters), sort, body):
                inlined = inline(body, definitions)
                definitions[name] = Definition(name, _parameters(parameters), _sort(sort), inlined, show(command))
            case ("constraint", body):
                stated.append(body)
                constraints.append(inline(body, definitions))
            case ("check-synth",):
                asked = True
            case ("set-option" | "set-info" | "set-feature", *_):
                pass
            case _:
                raise Unsupported(f"expected a command of SyGuS-IF 2 that netlift knows, got {show(command)[:60]}")
    if not functions:
        raise BadInput("expected a synth-fun, got none")
    if not asked:
        raise BadInput("expected (check-synth), got none")
    return Task(logic, tuple(functions), tuple(variables), tuple(constraints), tuple(stated), definitions)


def inline(expression: SExpr, definitions: dict[str, Definition]) -> SExpr:
    """The expression with calls of defined functions replaced by their bodies, and `let` expanded."""
    if isinstance(expression, str):
        found = definitions.get(expression)
        return found.body if found is not None and not found.parameters else expression
    if len(expression) == 3 and expression[0] == "let":
        return inline(replace(expression, {}), definitions)
    parts = tuple(inline(part, definitions) for part in expression)
    head = parts[0] if parts else ""
    if isinstance(head, str) and head in definitions:
        definition = definitions[head]
        if len(definition.parameters) != len(parts) - 1:
            raise BadInput(f"expected {len(definition.parameters)} arguments of {head}, got {len(parts) - 1}")
        return replace(definition.body, {n: v for (n, _), v in zip(definition.parameters, parts[1:], strict=True)})
    return parts


def _parameters(items: tuple[SExpr, ...]) -> tuple[tuple[str, SExpr], ...]:
    result = []
    for item in items:
        match item:
            case (str(name), sort):
                result.append((name, _sort(sort)))
            case _:
                raise BadInput(f"expected (name sort), got {show(item)}")
    return tuple(result)


def _sort(sort: SExpr) -> SExpr:
    match sort:
        case "Int" | "Bool" | ("_", "BitVec", str()):
            return sort
        case ("BitVec", str(width)):
            return ("_", "BitVec", width)
        case _:
            raise Unsupported(f"expected sort Int, Bool or (_ BitVec n), got {show(sort)}")


def _grammar(parts: list[SExpr], name: str) -> Grammar | None:
    if not parts:
        return None
    rules = parts[-1]
    if len(parts) > 2 or not isinstance(rules, tuple):
        raise BadInput(f"expected a grammar of nonterminals and productions, got {len(parts)} parts (synth-fun {name})")
    nonterminals: list[tuple[str, SExpr]] = []
    productions: dict[str, tuple[SExpr, ...]] = {}
    for rule in rules:
        match rule:
            case (str(symbol), sort, tuple(bodies)):
                nonterminals.append((symbol, _sort(sort)))
                productions[symbol] = bodies
            case _:
                raise BadInput(f"expected (name sort (productions)), got {show(rule)[:60]} (synth-fun {name})")
    return Grammar(tuple(nonterminals), productions)
