"""Decodability: what is in the hidden state is found there, what is not is not."""

import numpy as np

from extract.abstract.evidence import EitherEvidence, LinearEvidence, StateEvidence

RNG = np.random.default_rng(0)
BITS = RNG.integers(0, 2, size=(64, 10))
COUNT = np.cumsum(BITS, axis=1)
OTHER = np.cumsum(RNG.integers(0, 2, size=(64, 10)), axis=1)


def test_a_linear_mixture_is_decoded_and_an_unrelated_stream_is_not() -> None:
    hidden = np.stack([COUNT, BITS], axis=-1) @ RNG.normal(size=(2, 6)) + RNG.normal(size=6)
    evidence = LinearEvidence(hidden.astype(np.float32))
    scores = evidence.score(np.stack([COUNT, COUNT + 3 * BITS, OTHER, OTHER % 2]))
    assert (scores[:2] == 1).all()
    assert (scores[2:] < 0.9).all()


def test_a_saturating_read_out_still_shows_its_counter() -> None:
    hidden = np.tanh(COUNT[..., None] / np.array([4.0, 8.0, 16.0])).astype(np.float32)
    assert LinearEvidence(hidden).score(COUNT[None])[0] > 0.9


def test_states_decode_exactly_their_functions() -> None:
    evidence = StateEvidence(COUNT % 4)
    scores = evidence.score(np.stack([COUNT % 2, COUNT % 4, COUNT, OTHER]))
    assert (scores == [1, 1, scores[2], scores[3]]).all()
    assert (scores[2:] <= 0.5).all()


def test_either_takes_the_better() -> None:
    state, linear = StateEvidence(COUNT % 4), LinearEvidence(COUNT[..., None].astype(np.float32))
    both = EitherEvidence(state, linear).score(np.stack([COUNT % 4, COUNT, OTHER]))
    assert both[0] == both[1] == 1
    assert both[2] < 0.9
