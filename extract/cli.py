"""The command `netlift`: one verb per question. Results go to stdout, progress to stderr.

Exit status: 0 proved or found, 1 refuted or not found, 2 could not run, 3 unknown, 130 interrupted.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from dsl.errors import BadInput, NetliftError, ParseError
from dsl.programs import Function, Machine, Program
from verify.verdict import Finding

COULD_NOT_RUN, INTERRUPTED = 2, 130
USAGE_ERRORS = cast("type[Exception]", typer.BadParameter.__mro__[2])  # click's ClickException, wherever typer keeps it

app = typer.Typer(name="netlift", add_completion=False, pretty_exceptions_enable=False)

Network = Annotated[Path, typer.Argument(metavar="NETWORK_DIR", help="Directory with network.json and weights.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Timeout = Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds to spend at most.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random.")]


def _version(wanted: bool) -> None:
    if wanted:
        from extract.extraction import netlift_version

        print(f"netlift {netlift_version()}")
        raise typer.Exit


@app.callback(epilog="Exit status: 0 proved or found, 1 refuted or not found, 2 could not run, 3 unknown.")
def netlift(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Take a trained neural network and give back the program it implements, with a proof."""


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
    _check_timeout(timeout)
    if out is not None:
        from extract.report.files import prepare

        prepare(out)
    subject = _load(network)
    from extract.pipeline import extract as run_pipeline
    from extract.report.progress import watched
    from extract.report.words import extraction_status

    with watched(quiet=as_json) as progress:
        left = max(timeout - (time.monotonic() - began), 0.0)
        extraction = run_pipeline(subject, timeout_s=left, rng_seed=seed, progress=progress)
    extraction = replace(extraction, options={"timeout_s": timeout})
    if as_json:
        _print_json(extraction.to_json())
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

    A property is a truth value over inputs, state variables before (s) and after (s') the step, and the output y
    (y0, y1, ... where there are several): --property "y <= 9". What is proved of the program holds of the network as
    far as the two are equal.
    """
    _check_timeout(timeout)
    parsed = _read_program(program)
    machine = _machine(parsed, program)
    from extract.report.words import status
    from verify.check import check
    from verify.properties import check_property

    subject = _load(network)
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
    findings = check(subject, parsed, rng_seed=seed, timeout_s=timeout)
    _show([*findings, *asked], as_json)
    statuses = [status(group) for group in (findings, asked) if group]
    return 1 if 1 in statuses else max(statuses)


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(metavar="PROGRAM_A")],
    second: Annotated[Path, typer.Argument(metavar="PROGRAM_B")],
    timeout: Timeout = 60.0,
    as_json: Json = False,
) -> int:
    """Are two programs equal? Else, the shortest input that separates them."""
    _check_timeout(timeout)
    from extract.report.words import status
    from verify.diff import diff_programs

    finding = diff_programs(_read_program(first), _read_program(second), timeout_s=timeout)
    _show([finding], as_json)
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
    from dsl.programs import Function
    from dsl.semantics import run as run_program
    from extract.report.findings import plain
    from extract.report.literals import read_inputs, written

    parsed = _read_program(program)
    result = run_program(parsed, read_inputs(parsed, inputs or []))
    outputs = [result] if isinstance(parsed, Function) else result
    if as_json:
        _print_json({"outputs": plain(outputs)})
    else:
        print(" ".join(written(parsed, output) for output in outputs))
    return 0


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
    _show([finding], as_json)
    return status([finding])


@app.command()
def harden(
    network: Network,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the copy goes; the network is left as it is.")],
    timeout: Timeout = 120.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> int:
    """Fine-tune a copy of a network under noise until it is proved to equal its program for every length.

    Exit status 0: proved, and no answer changed up to the training length. 1: no program was found, or answers
    changed. 3: no answer changed, but the proof does not close.
    """
    began = time.monotonic()
    _check_timeout(timeout)
    from extract.report.files import prepare, write
    from extract.report.hardening import check_separate, contents, lines, to_json

    check_separate(network, out)
    prepare(out)
    subject = _load_recurrent(network)
    from extract.harden import LIFT_SHARE
    from extract.harden import harden as harden_network
    from extract.pipeline import extract as run_pipeline

    machine = run_pipeline(subject, timeout_s=LIFT_SHARE * timeout, rng_seed=seed).program
    if not isinstance(machine, Machine):
        print("netlift: no program was found to hold the copy to", file=sys.stderr)
        return 1
    left = max(timeout - (time.monotonic() - began), 0.0)
    hardened = harden_network(subject, machine, timeout_s=left, rng_seed=seed)
    write(contents(subject, hardened, machine), out)
    if as_json:
        _print_json(to_json(hardened, machine))
    else:
        print("\n".join([str(machine), *lines(hardened)]))
    if not hardened.kept:
        return 1
    return 0 if hardened.certificate is not None else 3


@app.command()
def synth(
    problem: Annotated[Path, typer.Argument(metavar="FILE.sl", help="A SyGuS-IF 2 problem.")],
    timeout: Timeout = 60.0,
    as_json: Json = False,
) -> int:
    """Solve a SyGuS problem (bit-vectors from examples, linear integers) and print a `define-fun` that z3 has checked.

    Exit status 0: solved. 1: the search space holds no answer. 3: time or memory ran out first.
    """
    _check_timeout(timeout)
    from extract.search.engine import StopReason
    from extract.sygus import synth_file

    found = synth_file(problem, timeout_s=timeout)
    if as_json:
        _print_json(found.to_json())
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

    found = learn_library([terms_of(_read_program(path)) for path in programs])
    if as_json:
        shared = [{"name": a.name, "parameters": list(a.holes), "text": str(a), "uses": a.uses,
                   "programs": [str(programs[k]) for k in a.programs], "bits_saved": a.saved}
                  for a in found.abstractions]  # fmt: skip
        _print_json({"abstractions": shared, "bits_before": found.bits_before, "bits_after": found.bits_after})
    else:
        for a in found.abstractions:
            print(f"{a}   # {a.uses} uses in {len(a.programs)} programs, {a.saved:.0f} bits saved")
        print(f"{len(programs)} programs, {found.bits_before:.0f} bits; {found.bits_after:.0f} with "
              f"{len(found.abstractions)} shared definitions", file=sys.stderr)  # fmt: skip
    return 0 if found.abstractions else 1


@app.command()
def explain(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A network, or what extract --out or plant wrote.")],
    program: Annotated[Path | None, typer.Option(metavar="PROGRAM.nl", help="Explain by this program.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the page and the graph go.")] = Path("explanation"),
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> int:
    """Where is the program in the network, and is it really there? Writes one page, and the network's graph.

    The program is the one given, else program.nl in DIR, else it is extracted first. Exit status 0: the mechanism is
    supported. 1: it is not, or no program was found. 3: undecided.
    """
    _check_timeout(timeout)
    from extract.explain import explain as run_explain
    from extract.explain import find_program
    from extract.report.explain import GRAPH_DOT, GRAPH_JSON, PAGE, write_explanation
    from extract.report.findings import finding_to_json, verdict_name

    where, machine = find_program(directory)
    subject = _load_recurrent(where)
    if program is not None:
        machine = _machine(_read_program(program), program)
    if machine is None:
        from extract.pipeline import extract as run_pipeline

        found = run_pipeline(subject, timeout_s=timeout, rng_seed=seed).program
        if not isinstance(found, Machine):
            print("no program found, so there is nothing to explain", file=sys.stderr)
            return 1
        machine = found
    explanation = run_explain(subject, machine, timeout_s=timeout, rng_seed=seed)
    write_explanation(explanation, out)
    finding = explanation.mechanism.finding()
    if as_json:
        _print_json({"evidence": [finding_to_json(finding)], "structure": explanation.structure.to_json()})
    else:
        _show([finding], as_json)
        print(f"wrote {out / PAGE}, {GRAPH_JSON} and {GRAPH_DOT}", file=sys.stderr)
    return {"supported": 0, "not supported": 1}.get(verdict_name(finding.verdict), 3)


@app.command()
def plant(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM.nl", help="A machine with finitely many states.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the network goes.")],
    cell: Annotated[str, typer.Option(help="rnn_tanh, rnn_relu, gru, lstm or mlp.")] = "rnn_tanh",
    hidden: Annotated[int, typer.Option(metavar="N", min=1, help="Hidden units.")] = 32,
    noise: Annotated[float, typer.Option(metavar="S", min=0, help="Of weights, as a share of their size.")] = 0.0,
    seed: Seed = 0,
    redundancy: Annotated[int, typer.Option(metavar="N", min=1, help="Copies of every unit.")] = 1,
    superposition: Annotated[int, typer.Option(metavar="N", min=0, help="Directions to save on the values.")] = 0,
    joint: Annotated[bool, typer.Option("--joint", help="Let every unit look at all variables.")] = False,
    tune: Annotated[int, typer.Option(metavar="N", min=0, help="Steps of gradient descent afterwards.")] = 0,
    length: Annotated[int, typer.Option(metavar="N", min=2, help="The training length to state.")] = 12,
    as_json: Json = False,
) -> int:
    """Compile a program into the weights of a recurrent network, and record where its variables are.

    Exit status 0: the network answers as the program on 2,000 random words. 1: it does not (noise or tuning broke it).
    """
    import torch

    from extract.plant import PlantOptions
    from extract.plant import plant as run_plant
    from extract.plant.planted import WORDS
    from extract.plant.values import domain_of

    torch.set_num_threads(1)
    machine = _machine(_read_program(program), program)
    options = PlantOptions(cell, hidden, noise, seed, redundancy, superposition, joint, tune, length)
    made = run_plant(machine, domain_of(machine, length), options)
    made.save(out)
    sizes = {name: len(basis) for name, basis in made.subspaces.items()}
    if as_json:
        _print_json({"network": str(out), "wrong_words": made.wrong, "words": WORDS, "dimensions": sizes})
    else:
        equal = "answers as the program" if not made.wrong else f"differs from the program on {made.wrong}"
        where = ", ".join(f"{name} in {count}" for name, count in sizes.items())
        words = f"{'of' if made.wrong else 'on all'} {WORDS} random words of length {2 * length}"
        print(f"planted in {cell} with {hidden} units: {equal} {words}; dimensions: {where}")
    return 1 if made.wrong else 0


def _load(directory: Path) -> Any:
    """The network, with torch on one thread: the networks are small, and threads cost more than they give."""
    import torch

    from extract.networks import load_network

    torch.set_num_threads(1)
    return load_network(directory)


def _load_recurrent(directory: Path) -> Any:
    """Likewise, where only a network over streams will do."""
    import torch

    from extract.networks import load_recurrent

    torch.set_num_threads(1)
    return load_recurrent(directory)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every outcome is an exit status, every mistake of the caller one line on stderr."""
    command = typer.main.get_command(app)
    loading_s = time.process_time() if arguments is None else 0.0  # the user has been waiting since the process began
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = command.main(words, "netlift", standalone_mode=False, obj=loading_s)
        sys.stdout.flush()
    except USAGE_ERRORS as error:
        status = _complain(" ".join(_usage_message(error).split()))
    except NetliftError as error:
        status = _complain(str(error))
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except OSError as error:  # stdout was closed, or the disk behind it is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again while it exits
        status = _complain(f"expected to write to stdout, got {error.strerror or error}")
    except Exception:
        traceback.print_exc()
        status = _complain("this is a mistake in netlift, not in its input")
    sys.exit(status if isinstance(status, int) else 0)


def _usage_message(error: Any) -> str:
    """What click has to say, with the name of the option it speaks of."""
    return f"{error.format_message()} (netlift --help lists commands and options)"


def _complain(message: str) -> int:
    """Say in one line what is wrong; the lines that point into a text follow on a terminal only."""
    first, *pointing = message.splitlines() or [""]
    print(f"netlift: {first}", file=sys.stderr)
    if sys.stderr.isatty():
        print("\n".join(pointing), file=sys.stderr)
    return COULD_NOT_RUN


def _check_timeout(timeout_s: float) -> None:
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise BadInput(f"expected a positive number of seconds, got {timeout_s} (--timeout)")


def _read_program(path: Path) -> Program:
    from dsl.syntax import parse

    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"expected a text file, got bytes that are not UTF-8 ({path})") from None
    except OSError as error:
        raise BadInput(f"expected a program file, got {error.strerror} ({path})") from None
    try:
        return parse(text)
    except ParseError as error:
        raise BadInput(f"{path}, {error}") from None
    except RecursionError:
        raise BadInput(f"expected a program, got terms nested too deeply ({path})") from None


def _machine(program: Program, path: Path) -> Machine:
    """The program as a machine, whose steps properties speak of; a function is one without state."""
    from verify.equivalence import as_machine

    if isinstance(program, Function):
        return as_machine(program)
    if not isinstance(program, Machine):
        raise BadInput(f"expected a machine, got a {type(program).__name__.lower()} ({path})")
    return program


def _show(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        from extract.report.findings import finding_to_json

        evidence = [finding_to_json(finding) for finding in findings]
        examples = [item["counterexample"] for item in evidence if "counterexample" in item]
        _print_json({"evidence": evidence, "counterexamples": examples})
        return
    from extract.report.terminal import show_findings, stdout

    show_findings(findings, stdout())


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
