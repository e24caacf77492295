"""Verbs that take programs and problems."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dsl.programs import Function
from extract.cli.app import Json, Timeout, app, check_timeout
from extract.cli.reading import print_json, read_program, show


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(metavar="PROGRAM_A")],
    second: Annotated[Path, typer.Argument(metavar="PROGRAM_B")],
    timeout: Timeout = 60.0,
    as_json: Json = False,
) -> int:
    """Are two programs equal? Else, the shortest input that separates them."""
    check_timeout(timeout)
    from extract.report.words import status
    from verify.diff import diff_programs

    finding = diff_programs(read_program(first), read_program(second), timeout_s=timeout)
    show([finding], as_json)
    return status([finding])


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM.nl")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT...", help="One per step or argument: 3 1 4 (1,0 0,1 for several components)."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Run a program and print its outputs, one per step."""
    from dsl.semantics import run as run_program
    from extract.report.findings import plain
    from extract.report.literals import read_inputs, written

    parsed = read_program(program)
    result = run_program(parsed, read_inputs(parsed, inputs or []))
    outputs = [result] if isinstance(parsed, Function) else result
    if as_json:
        print_json({"outputs": plain(outputs)})
    else:
        print(" ".join(written(parsed, output) for output in outputs))
    return 0


@app.command()
def synth(
    problem: Annotated[Path, typer.Argument(metavar="FILE.sl", help="A SyGuS-IF 2 problem.")],
    timeout: Timeout = 60.0,
    as_json: Json = False,
) -> int:
    """Solve a SyGuS problem (bit-vectors from examples, linear integers) and print a `define-fun` that z3 has checked.

    Exit status 0: solved. 1: the search space holds no answer. 3: time or memory ran out first.
    """
    check_timeout(timeout)
    from extract.search.engine import StopReason
    from extract.sygus import synth_file

    found = synth_file(problem, timeout_s=timeout)
    if as_json:
        print_json(found.to_json())
    else:
        if found.answer is not None:
            print(found.answer)
        print(found.message, file=sys.stderr)
    if found.answer is not None:
        return 0
    return 1 if found.stop is StopReason.EXHAUSTED else 3


@app.command()
def library(
    programs: Annotated[list[Path], typer.Argument(metavar="PROGRAM.nl...", help="Programs in netlift's language.")],
    as_json: Json = False,
) -> int:
    """Which sub-programs do several programs share? Names those that make all of them shorter together.

    Exit status 0: there are some. 1: naming any part would save nothing.
    """
    from dsl.library import learn_library
    from dsl.programs import terms_of

    found = learn_library([terms_of(read_program(path)) for path in programs])
    if as_json:
        shared = [{"name": a.name, "parameters": list(a.holes), "text": str(a), "uses": a.uses,
                   "programs": [str(programs[k]) for k in a.programs], "bits_saved": a.saved}
                  for a in found.abstractions]  # fmt: skip
        print_json({"abstractions": shared, "bits_before": found.bits_before, "bits_after": found.bits_after})
    else:
        for a in found.abstractions:
            print(f"{a}   # {a.uses} uses in {len(a.programs)} programs, {a.saved:.0f} bits saved")
        print(f"{len(programs)} programs, {found.bits_before:.0f} bits; {found.bits_after:.0f} with "
              f"{len(found.abstractions)} shared definitions", file=sys.stderr)  # fmt: skip
    return 0 if found.abstractions else 1
