"""Updates that people write: what they are is what their tables say."""

import numpy as np

from dsl.batch import evaluate_batch
from dsl.syntax import parse_term
from dsl.terms import Var
from dsl.types import INT
from extract.search import templates
from extract.search.candidates import by_usual

OWN, X, OTHER = (Var(n, INT) for n in "sxt")
SPAN = np.arange(-2, 8)
ROWS = np.array([(x, t) for x in range(3) for t in SPAN])
GRID = {"s": np.repeat(SPAN, len(ROWS)), "x": np.tile(ROWS[:, 0], len(SPAN)), "t": np.tile(ROWS[:, 1], len(SPAN))}
SCOPE = {"s": INT, "x": INT, "t": INT}


def test_usual_choices_have_the_values_of_their_terms_and_come_in_order_of_bits() -> None:
    plain = templates.templates(OWN, [X, OTHER], SPAN, ROWS, (0, 1))
    checks = templates.tests(OWN, [X, OTHER], SPAN, ROWS)
    chosen = templates.usual(OWN, plain, checks, (0,), 40)
    assert [c.cost for c in chosen] == sorted(c.cost for c in chosen)
    for made in (c.made for c in chosen[:: len(chosen) // 60]):
        assert (evaluate_batch(made.term, GRID) == made.values.ravel()).all()


def test_counters_that_another_variable_moves_holds_or_resets_are_among_the_candidates() -> None:
    found = by_usual([X, OTHER], SPAN, ROWS, (0,), 200)
    assert (np.diff(found.size) >= 0).all()
    tables = {t.tobytes() for t in found.tables}
    for text in (
        "if t != 1 then min(s + 1, 4) else max(s - 1, 0)",
        "if x == 2 then min(s, t) else s",
        "if x > 0 then 0 else (2 * s + t) mod 4",
        "if x == 0 then 0 else if t == 2 then x else s",
    ):
        wanted = evaluate_batch(parse_term(text, SCOPE), GRID).reshape(found.tables[0].shape)
        assert wanted.astype(np.int16).tobytes() in tables, text
