"""Growing certificates cover what runs do, only as far as it is true, and only true ones pass the checker."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.suites.tables import TASKS
from dsl.programs import Machine
from dsl.semantics import step
from dsl.syntax import parse
from extract.networks import load_network
from verify.affine_reading import Ends, Undecided, read
from verify.certificate import certify_growing, for_every_length
from verify.checker import Rejected, check_certificate
from verify.enclosures import HELD, Enclosure, Network
from verify.growth import Growth
from verify.lockstep import first_failures
from verify.reach.tubes import guesses
from verify.verdict import Proved
from verify.weights import weights_of
from verify.words import draw_mixed

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"
PROGRAMS = (
    "machine a(x: -3..3) -> int  state s: int = 0  state m: -3..3 = 0  next s = max(s - 1, 0) + abs(x)  next m = x"
    "  output s' - m",
    "machine b(x: 0..5) -> int  state n: int = 2  state f: bool = false  next n = (n + 3 * x) mod 4"
    "  next f = f xor x < 2  output if f then n' div 3 else min(n, x)",
    "machine c(x: 0..3, y: 0..1) -> 0..3, int  state r: [0..3; 2] = [0, 1]  next r = push(r, x)"
    "  output r[y], sum(r') * 2 - (x & 1)",
)


def machine(text: str) -> Machine:
    parsed = parse(text)
    assert isinstance(parsed, Machine)
    return parsed


def reference(name: str) -> tuple[Any, Machine]:
    network: Any = load_network(ZOO / name)
    return network, machine(TASKS[network.description["task"]].reference)


def cells(program: Machine, cell: Ends) -> list[Any]:
    try:
        return [read(program, cell)]
    except Undecided as where:
        (low, high), k, at = cell, where.variable, where.at
        assert low[k] <= at < high[k]
        below, above = (low, (*high[:k], at, *high[k + 1 :])), ((*low[:k], at + 1, *low[k + 1 :]), high)
        return cells(program, below) + cells(program, above)


def numbers(values: Any) -> list[int]:
    return [n for v in values for n in (numbers(v) if isinstance(v, tuple) else [int(v)])]


@pytest.mark.parametrize("text", PROGRAMS)
def test_readings_cover_every_point_once_and_say_what_the_program_does(text: str) -> None:
    program = machine(text)
    low, high = (((-2, -3, -3), (6, 3, 3)), ((-2, 0, 0), (6, 1, 5)), ((0, 0, 0, 0), (3, 3, 3, 1)))[PROGRAMS.index(text)]
    seen, found = set(), cells(program, (low, high))
    for reading in found:
        spans = [range(int(a), int(b) + 1) for a, b in zip(reading.low, reading.high)]
        for point in itertools.product(*spans):
            assert point not in seen
            seen.add(point)
            inputs = len(program.inputs)
            state: tuple[Any, ...] = tuple(point[:-inputs])
            if "bool" in text:
                state = state[0], bool(state[1])
            if "push" in text:
                state = (state,)
            after, outputs = step(program, state, tuple(point[-inputs:]))
            assert numbers(after) == (reading.update @ point + reading.shift).tolist()
            assert numbers(outputs) == (reading.outputs @ point + reading.output_shift).tolist()
    assert len(seen) == np.prod([b - a + 1 for a, b in zip(low, high)])
    assert len(found) < len(seen)


@pytest.mark.parametrize("name", ["sum_all_mlp", "newton_spring_mlp", "rnn62/Sum_Last3", "rnn62/Evens_Detector"])
def test_runs_stay_in_the_tube(name: str) -> None:
    network, program = reference(name)
    words = draw_mixed(network.domain, 120, 24, rng=np.random.default_rng(5))
    tubes = guesses(network, program, weights_of(network, network.initial_state(1)[0]), words)
    growth = Growth(tubes[-1], program, Network(dict(network.description), dict(network.tensors)))
    hidden = network.trace(words).activations["h"].astype(np.float64)
    states = [tuple(s.initial for s in program.states)] * len(words)
    for t in range(8):
        growth.step()
        states = [step(program, state, tuple(x))[0] for state, x in zip(states, words[:, t].tolist())]
        flat = np.array([numbers(state) for state in states], dtype=np.float64)
        low, high = growth.bundle.ends
        assert (low <= flat).all()
        assert (flat <= high).all()
        tube = growth.tube
        errors = (hidden[:, t] - tube.centre - flat @ tube.slope.T) @ tube.inverse.T - growth.bundle.errors
        assert (tube.lengths(errors) <= growth.bundle.lengths(tube) + 1e-9).all()


@pytest.fixture(scope="module")
def sums() -> tuple[Any, Machine, dict[str, Any]]:
    network, program = reference("sum_all_mlp")
    finding, certificate = certify_growing(network, program, timeout_s=60)
    assert isinstance(finding.verdict, Proved)
    assert certificate is not None
    return network, program, certificate


def test_a_sum_is_proved_to_ten_times_the_training_length_and_no_further_than_it_holds(sums: Any) -> None:
    network, program, certificate = sums
    length = certificate["length"]
    assert not for_every_length(certificate)
    assert length >= 10 * network.domain.train_length
    rng = np.random.default_rng(3)
    words = np.where(rng.random((200, length, 1)) < rng.random((200, 1, 1)), 99, 0)
    assert (first_failures(network, program, words) < 0).all()
    assert first_failures(network, program, np.full((1, 3 * length, 1), 99))[0] >= length


def test_corrupted_growing_certificates_are_rejected(sums: Any) -> None:
    network, _, certificate = sums
    assert certificate == json.loads(json.dumps(certificate))
    description, tensors = dict(network.description), dict(network.tensors)
    assert f"up to {certificate['length']}" in check_certificate(certificate, description, tensors)
    wrong = [copy.deepcopy(certificate) for _ in range(8)]
    wrong[0]["length"] *= 2
    wrong[1]["closed"] = True
    wrong[2]["length"] = 0
    wrong[3]["program"] = certificate["program"].replace("next s = s + x", "next s = s + x + 1")
    wrong[4]["format"] = "netlift-certificate/1"
    wrong[5]["tube"]["basis"][0] = wrong[5]["tube"]["basis"][1]
    wrong[6]["tube"]["groups"] = [1]
    wrong[7]["tube"]["centre"][0] = float("nan")
    wrong.append({**certificate, "weights_sha256": "0" * 64})
    assert wrong[3]["program"] != certificate["program"]
    for each in wrong:
        with pytest.raises(Rejected):
            check_certificate(each, description, tensors)


def test_a_program_with_another_number_of_outputs_is_rejected(sums: Any) -> None:
    network, _, certificate = sums
    twice = certificate["program"].replace("-> int", "-> int, int").replace("output s'", "output s', s'")
    with pytest.raises(Rejected, match="as many"):
        check_certificate({**certificate, "program": twice}, dict(network.description), dict(network.tensors))


def test_memory_that_is_forgotten_is_proved_for_every_length() -> None:
    network, program = reference("weighted_last3_mlp")
    finding, certificate = certify_growing(network, program, timeout_s=60)
    assert isinstance(finding.verdict, Proved)
    assert for_every_length(certificate)
    assert certificate is not None
    other = certificate["program"].replace("2 *", "3 *")
    assert other != certificate["program"]
    with pytest.raises(Rejected):
        check_certificate({**certificate, "program": other}, dict(network.description), dict(network.tensors))


def test_nothing_is_known_of_numbers_that_may_overflow() -> None:
    centre = np.array([[0.1 * HELD, 2 * HELD]])
    box = Enclosure(centre, np.zeros((1, 0, 2)), np.zeros((1, 2))).plus_error(0.0).box
    assert np.isfinite(box[0, 0])
    assert np.isinf(box[0, 1])
