"""What verbs read and show: networks, programs, findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsl.errors import BadInput, ParseError
from dsl.programs import Function, Machine, Program
from verify.verdict import Finding


def load(directory: Path) -> Any:
    """The network, with torch on one thread: the networks are small, and threads cost more than they give."""
    import torch

    from extract.networks import load_network

    torch.set_num_threads(1)
    return load_network(directory)


def load_recurrent(directory: Path) -> Any:
    """Likewise, where only a network over streams will do."""
    import torch

    from extract.networks import load_recurrent

    torch.set_num_threads(1)
    return load_recurrent(directory)


def read_program(path: Path) -> Program:
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


def as_stepped(program: Program, path: Path) -> Machine:
    """The program as a machine, whose steps properties speak of; a function is one without state."""
    from verify.equivalence import as_machine

    if isinstance(program, Function):
        return as_machine(program)
    if not isinstance(program, Machine):
        raise BadInput(f"expected a machine, got a {type(program).__name__.lower()} ({path})")
    return program


def show(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        from extract.report.findings import finding_to_json

        evidence = [finding_to_json(finding) for finding in findings]
        examples = [item["counterexample"] for item in evidence if "counterexample" in item]
        print_json({"evidence": evidence, "counterexamples": examples})
        return
    from extract.report.terminal import show_findings, stdout

    show_findings(findings, stdout())


def print_json(content: Any) -> None:
    print(json.dumps(content, indent=1))
