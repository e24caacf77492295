"""What an extraction is: a program, its alignment with the network, and the evidence for both.

An *alignment* ties each program variable to a site of the network by a decoder (activation to value). The record
also holds what it cost to find, so that the result can be reproduced from the report alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from dsl.errors import BadInput
from dsl.programs import Program
from extract.report.findings import finding_from_json, finding_to_json, plain
from verify.domain import Domain
from verify.subject import Subject
from verify.verdict import Finding

FORMAT = "netlift-extraction/1"


def netlift_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("netlift")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class VariableAlignment:
    """Where a program variable lives: value = decoder · activation + offset, one row per element of the variable.

    `decoder` is None where the value is not linear in the activation (a class of states); `note` then says what it is.
    """

    variable: str
    site: str
    decoder: tuple[tuple[float, ...], ...] | None
    offset: tuple[float, ...]
    score: float
    note: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the pipeline, with its cost and what it found."""

    name: str
    seconds: float
    note: str


class Progress(Protocol):
    """Where the pipeline tells what it is doing."""

    def stage(self, name: str) -> None:
        """A stage begins."""
        ...

    def best(self, program: Program, agreement: float) -> None:
        """A better program was found; it gives the network's answer on this share of the steps tried."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line."""
        ...


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str) -> None:
        """Ignored."""

    def best(self, program: Program, agreement: float) -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""


@runtime_checkable
class Described(Protocol):
    """A network that can say which one it is."""

    @property
    def name(self) -> str: ...

    @property
    def weights_hash(self) -> str: ...

    @property
    def description(self) -> Mapping[str, Any]: ...


class Evidence(tuple[Finding, ...]):
    """Findings that print as lines."""

    __slots__ = ()

    def __str__(self) -> str:
        from extract.report.words import finding_line

        return "\n".join(map(finding_line, self))


@dataclass(frozen=True)
class Extraction:
    """A program with its alignment and evidence, or the best one when the search ended without an exact one.

    `network` holds name, weights_hash, description, domain (as text), ranges and train_length. `subject` is the network
    itself, so that `save` can put a copy beside the program; `certificate` is what `netlift check` re-checks. Both are
    saved beside the record and are no part of it.
    """

    program: Program | None
    alignment: tuple[VariableAlignment, ...]
    evidence: tuple[Finding, ...]
    cost_bits: float
    stages: tuple[Stage, ...]
    seed: int
    options: Mapping[str, Any]
    network: Mapping[str, Any]
    stop_reason: str
    interrupted: bool = False
    version: str = field(default_factory=netlift_version)
    subject: Subject | None = field(default=None, repr=False, compare=False)
    certificate: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "evidence", Evidence(self.evidence))

    @staticmethod
    def of(
        network: Subject,
        program: Program | None,
        *,
        alignment: tuple[VariableAlignment, ...],
        evidence: tuple[Finding, ...],
        cost_bits: float,
        stages: tuple[Stage, ...],
        seed: int,
        options: Mapping[str, Any],
        stop_reason: str,
        interrupted: bool = False,
        certificate: Mapping[str, Any] | None = None,
    ) -> Extraction:
        """The extraction of `program` from `network`."""
        return Extraction(
            program=program,
            alignment=alignment,
            evidence=evidence,
            cost_bits=cost_bits,
            stages=stages,
            seed=seed,
            options=options,
            network=_described(network),
            stop_reason=stop_reason,
            interrupted=interrupted,
            subject=network,
            certificate=certificate,
        )

    def save(self, directory: str | Path) -> None:
        """Write program, standalone source, its test, record and report. Raises `BadInput` if that cannot be done."""
        from extract.report.files import save

        save(self, Path(directory))

    def to_json(self) -> dict[str, Any]:
        """The record as one JSON object."""
        from dsl.printers import print_program
        from extract.report.standalone import python_source

        evidence = [finding_to_json(finding) for finding in self.evidence]
        return {
            "format": FORMAT,
            "program": None if self.program is None else print_program(self.program),
            "python": None if self.program is None else python_source(self.program),
            "cost": self.cost_bits,
            "evidence": evidence,
            "counterexamples": [item["counterexample"] for item in evidence if "counterexample" in item],
            "alignment": [plain(asdict(item)) for item in self.alignment],
            "stages": [asdict(stage) for stage in self.stages],
            "seed": self.seed,
            "options": plain(self.options),
            "network": plain(self.network),
            "stop_reason": self.stop_reason,
            "interrupted": self.interrupted,
            "version": self.version,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Extraction:
        """The extraction a record describes. Raises `BadInput` (or `ParseError` for its program)."""
        from dsl.syntax import parse

        if content.get("format") != FORMAT:
            raise BadInput(f"expected {FORMAT}, got {content.get('format')!r} (format of an extraction)")
        try:
            return Extraction(
                program=None if content["program"] is None else parse(content["program"]),
                alignment=tuple(_alignment(item) for item in content["alignment"]),
                evidence=tuple(finding_from_json(item) for item in content["evidence"]),
                cost_bits=content["cost"],
                stages=tuple(Stage(item["name"], item["seconds"], item["note"]) for item in content["stages"]),
                seed=content["seed"],
                options=content["options"],
                network=content["network"],
                stop_reason=content["stop_reason"],
                interrupted=content["interrupted"],
                version=content["version"],
            )
        except KeyError as error:
            raise BadInput(f"expected a key {error}, got none (an extraction)") from None


def _alignment(item: Mapping[str, Any]) -> VariableAlignment:
    decoder = None if item["decoder"] is None else tuple(tuple(row) for row in item["decoder"])
    return VariableAlignment(
        item["variable"], item["site"], decoder, tuple(item["offset"]), item["score"], item["note"]
    )


def _described(network: Subject) -> dict[str, Any]:
    named = isinstance(network, Described)
    return {
        "name": network.name if named else "network",
        "weights_hash": network.weights_hash if named else None,
        "description": dict(network.description) if named else {},
        "domain": domain_text(network.domain),
        "ranges": [list(bounds) for bounds in network.domain.ranges],
        "train_length": network.domain.train_length,
    }


def domain_text(domain: Domain) -> str:
    """The domain in words."""
    sets = [f"{low}..{high}" for low, high in domain.ranges]
    if len(sets) > 1 and len(set(sets)) == 1:
        sets = [f"{len(sets)} components, each {sets[0]}"]
    if not domain.streams:
        return f"inputs {' × '.join(sets)} ({domain.symbol_count:,} in all)"
    return f"streams over {' × '.join(sets)}, trained at length {domain.train_length}"
