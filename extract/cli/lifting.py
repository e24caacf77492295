"""Verbs that take a network: what program is in it, is it that program, and is it its own?"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dsl.errors import BadInput, ParseError
from dsl.programs import Function, Machine
from extract.cli.app import Json, Network, Seed, Timeout, app, check_timeout
from extract.cli.reading import as_stepped, load, print_json, read_program, show
from verify.verdict import Finding

CERTIFY_SHARE = 0.5
"""Of the time to verify a program: what is kept for a certificate."""


@app.command()
def extract(
    context: typer.Context,
    network: Network,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write program, test, record and report.")] = None,
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> int:
    """Find the program that a network implements.

    Exit status 0: a program was found and proved equal to the network on the domain stated. 1: none was found, or it
    was refuted. 3: found, but not proved. Ctrl-C ends the search and gives the best program so far (status 130).
    """
    began = time.monotonic() - (context.obj or 0.0)  # loading torch takes seconds, and they count
    check_timeout(timeout)
    if out is not None:
        from extract.report.files import prepare

        prepare(out)
    subject = load(network)
    from extract.pipeline import extract as run_pipeline
    from extract.report.progress import watched
    from extract.report.words import extraction_status

    with watched(quiet=as_json) as progress:
        left = max(timeout - (time.monotonic() - began), 0.0)
        extraction = run_pipeline(subject, timeout_s=left, rng_seed=seed, progress=progress)
    extraction = replace(extraction, options={"timeout_s": timeout})
    if as_json:
        print_json(extraction.to_json())
    else:
        from extract.report.terminal import show_extraction, stdout

        show_extraction(extraction, stdout())
    if out is not None:
        extraction.save(out)
    return extraction_status(extraction)


@app.command()
def verify(
    network: Network,
    program: Annotated[Path, typer.Argument(metavar="PROGRAM.nl", help="A machine or function in netlift's language.")],
    prop: Annotated[
        str | None, typer.Option("--property", metavar="EXPR", help="Also: is this true at every step?")
    ] = None,
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> int:
    """Is a network equal to a program, and has the program a property?

    All short inputs, long random ones, then a certificate for every length, or one for as many steps as it covers.
    A property is a truth value over inputs, state variables before (s) and after (s') the step, and the output y
    (y0, y1, ... where there are several): --property "y <= 9". What is proved of the program holds of the network as
    far as the two are equal.
    """
    check_timeout(timeout)
    parsed = read_program(program)
    machine = as_stepped(parsed, program)
    from extract.report.progress import watched
    from extract.report.words import status
    from verify.check import check
    from verify.lockstep import check_compatible
    from verify.properties import check_property

    subject = load(network)
    wanted = Machine if subject.domain.streams else Function
    if not isinstance(parsed, wanted):
        shapes = (wanted.__name__.lower(), type(parsed).__name__.lower())
        raise BadInput(f"expected a {shapes[0]}, got a {shapes[1]} ({program})")
    asked: list[Finding] = []
    if prop is not None:
        try:
            asked = [check_property(machine, prop, timeout_s=timeout / 2, rng_seed=seed)]
        except ParseError as error:
            raise BadInput(f"--property, {error}") from None
        timeout /= 2
    check_compatible(subject.domain, len(subject.output_ranges), machine)
    with watched(quiet=as_json) as progress:
        progress.stage("verify")
        findings = check(subject, parsed, rng_seed=seed, timeout_s=timeout, certify_s=CERTIFY_SHARE * timeout)
    show([*findings, *asked], as_json)
    statuses = [status(group) for group in (findings, asked) if group]
    return 1 if 1 in statuses else max(statuses)


@app.command()
def check(
    certificate: Annotated[Path, typer.Argument(metavar="CERTIFICATE_DIR", help="Directory with certificate.json.")],
    network: Network,
    as_json: Json = False,
) -> int:
    """Re-establish a certificate from the weights and the program, with the independent checker."""
    from extract.report.words import status
    from verify.checker import check_directories

    finding = check_directories(certificate, network)
    show([finding], as_json)
    return status([finding])
