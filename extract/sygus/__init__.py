"""SyGuS-IF problems solved with the term synthesis engine: from examples, or by constraints for all inputs.

`synth_file` reads a file, searches, lets z3 check the answer and returns it as `define-fun` text.
"""

from __future__ import annotations

from extract.sygus.solve import Synthesis, synth_file, synthesise_task

__all__ = ["Synthesis", "synth_file", "synthesise_task"]
