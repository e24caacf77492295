"""Errors of the language. Catch `NetliftError` to catch everything the package raises on purpose.

Each class says what went wrong for the caller and what to do; messages have one shape:
*expected X, got Y (where)*.
"""

from __future__ import annotations


class NetliftError(Exception):
    """Root of all errors raised on purpose. The message is one line fit for a terminal."""


class ParseError(NetliftError):
    """The text is not a program. The message has line, column, and a caret under the text: fix it there."""

    def __init__(self, message: str, text: str, line: int, column: int) -> None:
        self.line, self.column = line, column
        lines = text.splitlines() or [""]
        shown = lines[min(line, len(lines)) - 1] if line >= 1 else ""
        caret = " " * max(column - 1, 0) + "^"
        super().__init__(f"line {line}, column {column}: {message}\n  {shown}\n  {caret}")


class TypeMismatch(NetliftError):
    """A term or program does not fit its types: change the term or the declared type."""


class EvaluationError(NetliftError):
    """A program was run on something outside its declared input types: pass values of those types."""


class Unsupported(NetliftError):
    """This reading (z3, numpy, LaTeX, ...) cannot express the term: the verdict becomes `Unknown`, never `Proved`."""


class BadInput(NetliftError):
    """A file, directory or option given by the user cannot be used: the message says which and why."""
