"""Grammars in the form the search wants: every production a leaf, or one operator template over nonterminals.

Lone nonterminals are replaced by what they derive, `(Constant sort)` and `(Variable sort)` by leaves, and variables
inside a production by hidden nonterminals that derive nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsl.errors import BadInput, Unsupported
from extract.sygus.meaning import value_of
from extract.sygus.sexpr import SExpr, show
from extract.sygus.task import Definition, Function, Grammar, inline
from extract.sygus.words import literal

BINARY = ("bvand", "bvor", "bvxor", "bvadd", "bvsub", "bvshl", "bvlshr", "bvashr", "bvmul", "bvudiv", "bvurem")


@dataclass(frozen=True, slots=True)
class Production:
    """`result` derives the template; its i-th hole `?i` stands for what the nonterminal `holes[i]` derives."""

    result: str
    template: SExpr
    holes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NormalGrammar:
    """Nonterminals with sorts, start first; leaves (variables and literals) and productions of each."""

    sorts: Mapping[str, SExpr]
    leaves: Mapping[str, tuple[SExpr, ...]]
    productions: tuple[Production, ...]


def normal_form(
    function: Function, grammar: Grammar, definitions: dict[str, Definition], constants: Sequence[int]
) -> NormalGrammar:
    """The normal form of a function's grammar; `constants` stand for all literals where any is allowed."""
    sorts = dict(grammar.nonterminals)
    leaves: dict[str, dict[SExpr, None]] = {name: {} for name in sorts}
    productions: dict[Production, None] = {}
    parameters = dict(function.parameters)
    hidden: dict[SExpr, str] = {}
    anything: dict[str, SExpr] = {}

    def allowed(production: SExpr) -> list[SExpr]:
        match production:
            case ("Constant", sort):
                return [written(c, sort) for c in constants]
            case ("Variable", sort):
                return [n for n, s in parameters.items() if s == sort]
        return []

    def template(e: SExpr, holes: list[str], fixed: bool) -> SExpr:
        if isinstance(e, str) and e in sorts:
            holes.append(e)
        elif isinstance(e, str) and (e in parameters or (fixed and value_of(e) is not None)):
            holes.append(hidden.setdefault(e, f" {e}"))
        elif isinstance(e, str) or (e and value_of(e) is not None):
            return e
        elif len(e) == 2 and e[0] in ("Constant", "Variable"):
            holes.append(f" {show(e)}")
            anything[holes[-1]] = e
        elif not e or e[0] == "let":
            raise Unsupported(f"expected operators and nonterminals inside a production, got {show(e)} in the grammar")
        else:
            return (e[0], *(template(part, holes, fixed) for part in e[1:]))
        return f"?{len(holes) - 1}"

    for name in sorts:
        for production in _derived(grammar, name):
            match production:
                case ("Constant" | "Variable", _):
                    leaves[name] |= dict.fromkeys(allowed(production))
                case _ if production in parameters or value_of(inline(production, definitions)) is not None:
                    leaves[name][production] = None
                case str():
                    raise BadInput(f"expected a variable, a literal or a nonterminal, got {production} in the grammar")
                case _:
                    closed = not _symbols(production) & {*sorts, *parameters}
                    holes: list[str] = []
                    made = template(production, holes, closed)
                    productions[Production(name, made, tuple(holes))] = None
    own: dict[str, SExpr] = {symbol: e[1] for symbol, e in anything.items()}
    for e, symbol in hidden.items():
        own[symbol] = parameters[e] if isinstance(e, str) and e in parameters else _sort_of(e)
    alone = {symbol: (e,) for e, symbol in hidden.items()}
    alone |= {symbol: tuple(allowed(e)) for symbol, e in anything.items()}
    return NormalGrammar(
        {**sorts, **own},
        {**{name: tuple(found) for name, found in leaves.items()}, **alone},
        tuple(productions),
    )


def default_grammar(function: Function) -> Grammar:
    """What a function over bit-vectors may use where the file gives no grammar: all operators, any literal."""
    sorts = {sort for sort in (function.sort, *(sort for _, sort in function.parameters)) if isinstance(sort, tuple)}
    if len(sorts) != 1:
        raise Unsupported(f"expected a function over bit-vectors of one width, got {len(sorts)} ({function.name})")
    word = sorts.pop()
    rows: list[SExpr] = [("Constant", word), ("Variable", word), *((head, "W") for head in ("bvnot", "bvneg"))]
    rows += [(head, "W", "W") for head in BINARY]
    tests: list[SExpr] = [("Variable", "Bool"), *((head, "W", "W") for head in ("=", "bvult", "bvslt"))]
    tests += [("not", "B"), ("and", "B", "B"), ("or", "B", "B")]
    words, truths = ("W", word), ("B", "Bool")
    order = (truths, words) if function.sort == "Bool" else (words, truths)
    return Grammar(order, {"W": (*rows, ("ite", "B", "W", "W")), "B": tuple(tests)})


def written(value: int, sort: SExpr) -> SExpr:
    """The literal of a sort for a value."""
    if sort == "Bool":
        return "true" if value else "false"
    if sort == "Int":
        return str(value) if value >= 0 else ("-", str(-value))
    width = int(str(sort[2]))
    value %= 1 << width
    return f"#x{value:0{width // 4}x}" if width % 4 == 0 else f"#b{value:0{width}b}"


def _sort_of(e: SExpr) -> SExpr:
    if e in ("true", "false"):
        return "Bool"
    if isinstance(e, str) and literal(e) is not None:
        return ("_", "BitVec", str(4 * len(e[2:]) if e[1] == "x" else len(e[2:])))
    return "Int"


def _derived(grammar: Grammar, name: str) -> list[SExpr]:
    """The productions of a nonterminal, with those of lone nonterminals in their place."""
    found: dict[SExpr, None] = {}
    seen, waiting = {name}, [name]
    for symbol in waiting:
        for production in grammar.productions[symbol]:
            if isinstance(production, str) and production in grammar.productions:
                if production not in seen:
                    seen.add(production)
                    waiting.append(production)
            else:
                found[production] = None
    return list(found)


def _symbols(e: SExpr) -> set[str]:
    return {e} if isinstance(e, str) else set().union(*map(_symbols, e[1:]))
