"""Answers with their repeated parts named: what occurs twice is bound once by `let`, as SMT-LIB writes shared terms."""

from __future__ import annotations

from collections import Counter

from extract.sygus.sexpr import SExpr, replace


def shared(body: SExpr, taken: frozenset[str]) -> SExpr:
    """The same term with every application that occurs more than once bound by a `let`; names avoid `taken`.

    Bindings stand inside out, one `let` each, so that later ones may use earlier ones.
    """
    body = replace(body, {})
    found: Counter[SExpr] = Counter()

    def visit(e: SExpr) -> None:
        if not isinstance(e, str) and not _numeral(e):
            found[e] += 1
            if found[e] == 1:
                for part in e[1:]:
                    visit(part)

    visit(body)
    repeated = [e for e, count in found.items() if count > 1]
    repeated.sort(key=_depth)
    names = (name for i in range(1, len(repeated) + len(taken) + 1) if (name := f"_{i}") not in taken)
    named: dict[SExpr, str] = {}

    def renamed(e: SExpr) -> SExpr:
        if e in named:
            return named[e]
        return e if isinstance(e, str) else (e[0], *map(renamed, e[1:]))

    bindings: list[tuple[str, SExpr]] = []
    for e in repeated:
        value = renamed(e)
        named[e] = next(names)
        bindings.append((named[e], value))
    result = renamed(body)
    for name, value in reversed(bindings):
        result = ("let", ((name, value),), result)
    return result


def _numeral(e: tuple[SExpr, ...]) -> bool:
    return len(e) == 2 and e[0] == "-" and isinstance(e[1], str) and e[1].isdigit()


def _depth(e: SExpr) -> int:
    return 0 if isinstance(e, str) else 1 + max(map(_depth, e[1:]), default=0)
