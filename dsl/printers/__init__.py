"""Readings of programs as text: DSL text, standalone Python, LaTeX."""

from dsl.printers.text import print_program, print_term

__all__ = ["print_program", "print_term"]
