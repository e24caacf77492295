"""Inputs and outputs of `netlift run` as text: literals of the language, joined by commas within a step."""

from __future__ import annotations

from collections.abc import Sequence

from dsl.errors import BadInput, ParseError, TypeMismatch
from dsl.printers.text import print_value
from dsl.programs import Function, Program
from dsl.semantics import evaluate
from dsl.syntax import parse_term
from dsl.types import BoolType, Type, Value


def read_inputs(program: Program, texts: Sequence[str]) -> list[Value | tuple[Value, ...]]:
    """The inputs of a program, one text per step (per argument, for a function). Raises `BadInput`."""
    kinds = [var.type for var in program.inputs]
    if isinstance(program, Function):
        if len(texts) != len(kinds):
            raise BadInput(f"expected {len(kinds)} arguments, got {len(texts)} ({program.name})")
        return [
            _value(text, kind, f"argument {k + 1}") for k, (text, kind) in enumerate(zip(texts, kinds, strict=True))
        ]
    return [_step(text, kinds, k) for k, text in enumerate(texts)]


def written(program: Program, output: Value | tuple[Value, ...]) -> str:
    """One output as text, in the form in which inputs are given."""
    several = len(program.output_types) > 1
    parts = output if several and isinstance(output, tuple) else (output,)
    return ",".join(print_value(part).replace(" ", "") for part in parts)


def _step(text: str, kinds: Sequence[Type], position: int) -> tuple[Value, ...]:
    parts = _split(text)
    if len(parts) != len(kinds):
        wanted = "one value" if len(kinds) == 1 else f"{len(kinds)} values joined by commas"
        raise BadInput(f"expected {wanted}, got {text!r} (input {position + 1})")
    return tuple(_value(part, kind, f"input {position + 1}") for part, kind in zip(parts, kinds, strict=True))


def _split(text: str) -> list[str]:
    """The parts between commas that are not inside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _value(text: str, kind: Type, where: str) -> Value:
    try:
        value = evaluate(parse_term(text, {}), {})
    except (ParseError, TypeMismatch, RecursionError):
        raise BadInput(f"expected a value of type {kind}, got {text!r} ({where})") from None
    if isinstance(kind, BoolType) and not isinstance(value, bool) and value in (0, 1):
        return value == 1
    return value
