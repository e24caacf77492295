"""S-expressions of SyGuS-IF 2: symbols and literals are strings, lists are tuples.

Errors carry line and column, as everywhere in netlift.
"""

from __future__ import annotations

import re

from dsl.errors import ParseError

SExpr = str | tuple["SExpr", ...]

TOKEN = re.compile(r'(?P<skip>\s+|;[^\n]*)|(?P<paren>[()])|(?P<atom>\|[^|]*\||"(?:[^"]|"")*"|[^\s()|";]+)')


def read(text: str) -> list[SExpr]:
    """All top-level expressions of the text. Raises `ParseError`."""
    stack: list[list[SExpr]] = [[]]
    opened: list[int] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise _error("expected a symbol, a literal or a parenthesis", text, at)
        if match.group("atom"):
            stack[-1].append(match.group("atom"))
        elif match.group("paren") == "(":
            stack.append([])
            opened.append(at)
        elif match.group("paren") == ")":
            if not opened:
                raise _error("expected no more closing parentheses", text, at)
            opened.pop()
            done = tuple(stack.pop())
            stack[-1].append(done)
        at = match.end()
    if opened:
        raise _error("expected a closing parenthesis for this one", text, opened[-1])
    return stack[0]


def _error(message: str, text: str, at: int) -> ParseError:
    line = text.count("\n", 0, at) + 1
    return ParseError(message, text, line, at - (text.rfind("\n", 0, at) + 1) + 1)


def show(expression: SExpr) -> str:
    """The text of an expression."""
    return expression if isinstance(expression, str) else "(" + " ".join(map(show, expression)) + ")"


def replace(expression: SExpr, values: dict[str, SExpr]) -> SExpr:
    """The expression with symbols replaced; `let` binds as usual."""
    if isinstance(expression, str):
        return values.get(expression, expression)
    if len(expression) == 3 and expression[0] == "let" and isinstance(expression[1], tuple):
        bindings = {}
        for binding in expression[1]:
            name, value = binding
            bindings[str(name)] = replace(value, values)
        return replace(expression[2], {**values, **bindings})
    return tuple(replace(part, values) for part in expression)
