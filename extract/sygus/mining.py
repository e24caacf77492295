"""What the constraints themselves suggest: literals, terms and conditions over the function's parameters."""

from __future__ import annotations

from collections.abc import Iterator

from extract.sygus.calls import invocations
from extract.sygus.meaning import number, parts, value_of
from extract.sygus.sexpr import SExpr, replace
from extract.sygus.task import Function, Task


def expressions(task: Task, function: Function) -> Iterator[SExpr]:
    """Expressions of the constraints, in the words of the function's parameters where a call says which these are."""
    for call in invocations(task.constraints, function.name):
        rename: dict[str, SExpr] = {}
        for (name, _), argument in zip(function.parameters, call[1:], strict=True):
            if isinstance(argument, str) and value_of(argument) is None:
                rename[argument] = name
        for constraint in task.constraints:
            for part in reversed(list(parts(constraint))):
                if not isinstance(part, str):
                    yield replace(part, rename)


def literals(task: Task) -> list[int]:
    """0, 1 and the numbers and words that the constraints mention."""
    found: dict[int, None] = {0: None, 1: None}
    for constraint in task.constraints:
        for part in parts(constraint):
            value = value_of(part)
            if value is not None and not isinstance(value, bool):
                found[value if number(part) is None else abs(value)] = None
                found[value] = None
    return list(found)
