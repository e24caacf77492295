"""Training on with long words: pieces follow each other, memory is cleared with a fresh word, companies are alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

import benchmarks.zoo
from benchmarks.suites.tables import TASKS
from benchmarks.zoo.lengthen import lengthen
from benchmarks.zoo.recipes import RECIPES
from benchmarks.zoo.train import companies
from extract.streams import Streams
from verify.domain import Domain

TOMITA = Path(benchmarks.zoo.__file__).parent / "tomita"


def test_pieces_of_a_word_carry_the_truth_of_the_whole_word() -> None:
    task = TASKS["Tomita_4"]
    streams = Streams(Domain(task.inputs, 5), task.truth, 30, 5, rng=np.random.default_rng(0))
    read: list[list[np.ndarray]] = [[] for _ in range(30)]
    fresh = 0
    for _ in range(25):
        words, wanted = streams.piece()
        for row in range(30):
            read[row].append(words[row])
            whole = np.concatenate(read[row])[None]
            assert (task.truth(whole)[0, -5:] == wanted[row].numpy()).all()
        for row in torch.nonzero(streams.advance()[:, 0] == 0).ravel().tolist():
            read[row], fresh = [], fresh + 1
    assert fresh > 10


def test_training_on_is_deterministic_and_starts_from_what_was_found() -> None:
    names = ("tomita/1_rnn_tanh_1", "tomita/2_rnn_tanh_1")
    found = [load_file(TOMITA.parent / name / "model.safetensors") for name in names]
    recipes = [replace(RECIPES[name], long_steps=3, long_decays=(0.1, 0.01)) for name in names]
    one, other = lengthen(found, recipes), lengthen(found, recipes)
    for before, first, second in zip(found, one, other):
        for name, tensor in before.items():
            assert torch.equal(first[name], second[name])
            assert first[name].shape == tensor.shape
            assert 0 < (first[name] - tensor).abs().max() < 0.1


def test_companies_are_of_one_cell_and_noise() -> None:
    together = companies(list(RECIPES.values()))
    assert sum(map(len, together)) == len(RECIPES)
    for company in together:
        assert len({(recipe.cell, recipe.hidden, recipe.noise, recipe.long_steps) for recipe in company}) == 1
        assert len(company) == 1 or company[0].long_steps > 0
