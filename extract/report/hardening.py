"""What hardening did, in words and as JSON, and the files of the copy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.numpy import save as to_safetensors

from dsl.errors import BadInput
from dsl.printers import print_program
from dsl.programs import Machine
from extract.harden import Hardened
from extract.networks.disk import DESCRIPTION
from extract.networks.recurrent import RecurrentNetwork
from extract.report.findings import finding_to_json
from verify.verdict import Proved


def check_separate(original: Path, out: Path) -> None:
    """Raise `BadInput` where writing the copy would touch a network that is there."""
    if out.resolve() == original.resolve():
        raise BadInput(f"expected another directory than the network's, which is never altered, got {out} (--out)")
    if (out / DESCRIPTION).exists():
        raise BadInput(f"expected a directory without a network, got one with {DESCRIPTION} ({out})")


def lines(hardened: Hardened) -> list[str]:
    """What changed and what holds, one fact a line."""
    told = [
        f"trained on for {hardened.steps:,} steps, noise of {hardened.noise:g} of the state's spread; "
        f"weights moved by {100 * hardened.moved:.1f} % of their norm"
    ]
    for change in hardened.changes:
        told.append(
            f"length {change.length}: {change.differing:,} of {change.words:,} inputs answered otherwise than before; "
            f"off the program before {change.original_off:,}, now {change.copy_off:,}"
        )
    verdict = hardened.finding.verdict
    held = f"on {verdict.domain}" if isinstance(verdict, Proved) else getattr(verdict, "reason", "refuted")
    told.append(f"{'proved' if isinstance(verdict, Proved) else 'not proved'}: the copy equals the program {held}")
    return told


def to_json(hardened: Hardened, machine: Machine) -> dict[str, Any]:
    """The same for machines."""
    return {
        "program": print_program(machine),
        "steps": hardened.steps,
        "noise": hardened.noise,
        "weights_moved": hardened.moved,
        "behaviour_kept": hardened.kept,
        "changes": [
            {name: getattr(change, name) for name in ("length", "words", "differing", "original_off", "copy_off")}
            for change in hardened.changes
        ],
        "evidence": [finding_to_json(hardened.finding)],
    }


def contents(original: RecurrentNetwork, hardened: Hardened, machine: Machine) -> dict[str, bytes]:
    """The files of the copy: the network, its program, what changed, and the certificate where there is one."""
    copy = hardened.network
    notes = f"Hardened copy of the network with weights {original.weights_hash[:16]}."
    description = {**original.description, "weights": "model.safetensors", "notes": notes}
    files = {
        DESCRIPTION: json.dumps(description, indent=1) + "\n",
        "program.nl": print_program(machine) + "\n",
        "hardening.json": json.dumps(to_json(hardened, machine), indent=1) + "\n",
    }
    if hardened.certificate is not None:
        files["certificate/certificate.json"] = json.dumps(hardened.certificate)
    tensors = to_safetensors(dict(copy.tensors))
    return {"model.safetensors": tensors, **{name: text.encode() for name, text in files.items()}}
