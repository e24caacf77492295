"""Verbs about the inside of networks: explain, plant, harden."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from dsl.programs import Machine
from extract.cli.app import Json, Network, Seed, Timeout, app, check_timeout
from extract.cli.reading import as_stepped, load_recurrent, print_json, read_program, show


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
    check_timeout(timeout)
    from extract.explain import explain as run_explain
    from extract.explain import find_program
    from extract.report.explain import GRAPH_DOT, GRAPH_JSON, PAGE, write_explanation
    from extract.report.findings import finding_to_json, verdict_name

    where, machine = find_program(directory)
    subject = load_recurrent(where)
    if program is not None:
        machine = as_stepped(read_program(program), program)
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
        print_json({"evidence": [finding_to_json(finding)], "structure": explanation.structure.to_json()})
    else:
        show([finding], as_json)
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
    machine = as_stepped(read_program(program), program)
    options = PlantOptions(cell, hidden, noise, seed, redundancy, superposition, joint, tune, length)
    made = run_plant(machine, domain_of(machine, length), options)
    made.save(out)
    sizes = {name: len(basis) for name, basis in made.subspaces.items()}
    if as_json:
        print_json({"network": str(out), "wrong_words": made.wrong, "words": WORDS, "dimensions": sizes})
    else:
        equal = "answers as the program" if not made.wrong else f"differs from the program on {made.wrong}"
        where = ", ".join(f"{name} in {count}" for name, count in sizes.items())
        words = f"{'of' if made.wrong else 'on all'} {WORDS} random words of length {2 * length}"
        print(f"planted in {cell} with {hidden} units: {equal} {words}; dimensions: {where}")
    return 1 if made.wrong else 0


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
    check_timeout(timeout)
    from extract.report.files import prepare, write
    from extract.report.hardening import check_separate, contents, lines, to_json

    check_separate(network, out)
    prepare(out)
    subject = load_recurrent(network)
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
        print_json(to_json(hardened, machine))
    else:
        print("\n".join([str(machine), *lines(hardened)]))
    if not hardened.kept:
        return 1
    return 0 if hardened.certificate is not None else 3
