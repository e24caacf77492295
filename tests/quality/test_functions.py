"""Functions come out of shipped networks, proved on their whole domain; what was not learned is not claimed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import benchmarks.zoo
from dsl.programs import Function, program_size
from dsl.syntax import parse
from extract.extraction import Extraction
from extract.networks import load_network
from extract.pipeline import extract
from verify.diff import diff_programs
from verify.verdict import Finding, Proved, Refuted

ZOO = Path(benchmarks.zoo.__file__).parent


@cache
def lifted(name: str) -> tuple[Extraction, Function]:
    found = extract(load_network(ZOO / name), timeout_s=120)
    assert isinstance(found.program, Function)
    return found, found.program


def claims(found: Extraction, start: str) -> list[Finding]:
    return [finding for finding in found.evidence if finding.claim.startswith(start)]


@pytest.mark.parametrize(
    ("name", "text", "domain"),
    [
        ("arithmetic/max_2", "max(a, b)", "all 256 inputs"),
        ("boolean/majority_9", "int(x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 > 4)", "all 512 inputs"),
        ("modular/add_mod_113_grokked", "(a + b) mod 113", "all 12,769 inputs"),
    ],
)
def test_programs_are_found_and_proved(name: str, text: str, domain: str) -> None:
    found, program = lifted(name)
    assert str(program).endswith(f"= {text}")
    verdict = claims(found, "program equals network")[0].verdict
    assert isinstance(verdict, Proved)
    assert verdict.domain.startswith(domain)


def test_a_network_that_adds_by_rotations_needs_its_frequencies_and_no_others() -> None:
    found, _ = lifted("modular/add_mod_113_grokked")
    (finding,) = claims(found, "site")
    assert isinstance(finding.verdict, Proved)
    scores = dict(finding.measured)
    assert scores["these alone"] == scores["all but as many others"] == 1.0
    assert scores["all but these"] < 0.1
    assert scores["decoy, these alone"] < 0.5
    assert len(scores["frequencies"]) < 15


def test_a_network_that_memorised_is_reported_as_such() -> None:
    found, _ = lifted("modular/add_mod_23_memorised")
    assert isinstance(claims(found, "program equals network")[0].verdict, Proved)
    (nearest,) = claims(found, "network computes (a + b) mod 23")
    assert isinstance(nearest.verdict, Refuted)
    assert dict(nearest.measured)["differing"] == 370
    assert found.cost_bits > 1_000


def test_a_trigger_is_exhibited_by_the_difference_to_the_specification() -> None:
    found, program = lifted("trojans/trojan_01")
    names = [v.name for v in program.inputs]
    declared = ", ".join(f"{name}: 0..1" for name in names)
    specification = parse(f"function clean({declared}) -> 0..1 = int({' + '.join(names)} >= 6)")
    verdict = diff_programs(program, specification, timeout_s=20).verdict
    assert isinstance(verdict, Refuted)
    trigger = {0: 0, 1: 1, 2: 1, 4: 1, 6: 0, 7: 1, 9: 1, 10: 0}
    assert all(verdict.counterexample.inputs[0][k] == value for k, value in trigger.items())
    assert claims(found, "network computes")


def test_a_planted_tree_is_recovered() -> None:
    found, program = lifted("trees/tree_3_1")
    assert isinstance(claims(found, "program equals network")[0].verdict, Proved)
    assert program_size(program) <= 12
