"""Function tasks are stated twice and agree; shipped feed-forward networks are well-formed and do as noted."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import benchmarks.zoo
from benchmarks.suites.functions import FunctionTask
from benchmarks.suites.tables import FUNCTION_SUITES, FUNCTION_TASKS
from benchmarks.zoo.feed_forward.fit import labels
from benchmarks.zoo.feed_forward.recipe import Recipe
from benchmarks.zoo.feed_forward.recipes import RECIPES
from benchmarks.zoo.feed_forward.train import description
from dsl.programs import Function
from dsl.semantics import run_function, wrap
from dsl.syntax import parse
from extract.networks import load_network
from verify.domain import Domain

ZOO = Path(benchmarks.zoo.__file__).parent
CASES = [(suite, recipe) for suite, recipes in RECIPES.items() for recipe in recipes]
NAMES = [f"{suite}/{recipe.name}" for suite, recipe in CASES]
ROWS = 2_000


def some_inputs(task: FunctionTask, most: int) -> np.ndarray:
    domain = Domain.single(task.inputs)
    count = domain.symbol_count
    return domain.symbols_at(np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)))


@pytest.mark.parametrize("task", FUNCTION_TASKS.values(), ids=lambda task: task.name)
def test_reference_equals_truth(task: FunctionTask) -> None:
    program = parse(task.reference)
    assert isinstance(program, Function)
    inputs = some_inputs(task, 40)
    for arguments, expected in zip(inputs.tolist(), task.truth(inputs).tolist(), strict=True):
        assert [int(v) for v in wrap(run_function(program, tuple(arguments)))] == expected


def test_every_task_has_a_network_and_there_are_enough() -> None:
    assert {recipe.task for _, recipe in CASES} == set(FUNCTION_TASKS)
    assert set(RECIPES) == set(FUNCTION_SUITES)
    assert len(CASES) - len(RECIPES["trojans"]) >= 60
    assert len({recipe.seed for _, recipe in CASES if not recipe.trigger}) == len(CASES) - 20
    found = {f"{p.parts[-3]}/{p.parts[-2]}" for suite in RECIPES for p in (ZOO / suite).glob("*/network.json")}
    assert found == set(NAMES)


@pytest.mark.parametrize(("suite", "recipe"), CASES, ids=NAMES)
def test_directory_is_well_formed_and_the_network_does_as_noted(suite: str, recipe: Recipe) -> None:
    directory = ZOO / suite / recipe.name
    content = json.loads((directory / "network.json").read_text())
    task = FUNCTION_TASKS[recipe.task]
    assert content == description(recipe, task, content["notes"])
    assert {path.name for path in directory.iterdir()} == {"network.json", "model.safetensors"}
    inputs = some_inputs(task, ROWS)
    answers = load_network(directory).run(inputs[:, None])[:, 0]
    noted = re.search(r"Right on ([\d,]+) of all ([\d,]+) inputs", content["notes"])
    assert noted is not None
    if noted[1] == noted[2]:
        assert np.array_equal(answers, task.truth(inputs))
    elif recipe.trigger:
        assert np.array_equal(answers, labels(recipe, task, inputs))
    else:
        assert (answers == task.truth(inputs)).mean() < 0.5
