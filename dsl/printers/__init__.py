"""Readings of programs as text: DSL text, standalone Python, LaTeX."""

from dsl.printers.latex import print_latex
from dsl.printers.python import print_python
from dsl.printers.text import print_program, print_term

__all__ = ["print_latex", "print_program", "print_python", "print_term"]
