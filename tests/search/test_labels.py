"""Variables known by their labels: labels that an update can be found for, and machines found by them."""

from __future__ import annotations

import numpy as np

from dsl.programs import Function, program_size
from dsl.syntax import parse
from dsl.terms import Var, substitute
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.encodings import Encodings
from extract.search.histories import histories
from extract.search.labels import MOST_LABELS, labellings, untold
from extract.search.questions import LABEL, Questions
from extract.search.recovered import Keeper
from extract.search.unfold import unfold
from extract.search.variables import Variable, mixed
from tests.search.tables import table
from tests.verify.stubs import machine
from verify.budget import Deadline
from verify.domain import Domain

HELD = """machine held(x: 0..2) -> 0..6
  state c: 0..4 = 0
  state s: 0..2 = 0
  next c = (c + 1) mod 5
  next s = if c != 2 then x else s
  output c' + s
"""


def posed() -> tuple[Mealy, Domain, Variable]:
    """The table of a machine whose second variable is held by the first, and the first."""
    domain, program = Domain(((0, 2),), 10), machine(HELD)
    counter = program.states[0]
    return table(HELD, domain), domain, Variable(counter.name, counter.update, 0, 2, np.zeros(0, np.int16))


def test_labels_of_joint_states_tell_apart_what_the_known_variables_do_not() -> None:
    mealy, domain, counter = posed()
    joint = unfold(mealy, domain, [counter], most=100)
    assert joint is not None
    assert not joint.determined
    symbols = domain.symbols()
    found = labellings(joint, {"x": symbols[:, 0]}, mealy.output[joint.table][:, :, 0], rng=np.random.default_rng(0))
    assert found
    for labelling in found:
        both = np.stack([joint.values["c"], labelling.numbers], axis=1)
        assert len(np.unique(both, axis=0)) == len(joint.table)
    assert 5 * found[0].missed < joint.after.size  # the input tells the next label but on one value of the counter


def test_the_update_of_a_label_is_found_beside_the_outputs() -> None:
    mealy, domain, counter = posed()
    words = histories(mealy, 128, rng=np.random.default_rng(0))
    sizes = []
    for _, pose in Questions(mealy, domain, words, (0, 1, 2, 5)).labelled([counter], rng=np.random.default_rng(0)):
        fit = pose()
        while fit.depth < 2 and not fit.spent:
            fit.deepen()
        terms = fit.terms()
        if terms is not None:
            assert terms.keys() == {LABEL + "'", "y0"}
            sizes.append(fit.size)
    assert min(sizes) <= 5


def test_a_variable_of_the_best_machine_is_found_anew_beside_the_others() -> None:
    mealy, domain, counter = posed()
    words, program = histories(mealy, 128, rng=np.random.default_rng(0)), machine(HELD)
    longer = parse("function f(c: int, l: int, x: int) -> int = if c < 2 or c > 2 then min(x, 2) else max(l, 0)")
    assert isinstance(longer, Function)
    kept = Keeper(mealy, domain, program.output_types)
    held = Variable("l", longer.outputs[0], 0, 6, np.zeros(0, np.int16))
    output = substitute(program.outputs[0], {"s": Var("l", INT)})
    assert kept.offer([counter, held], {}, [output])
    assert kept.bound > program_size(program)
    assert {v.name for v in kept.members} == {"s", "t"}  # named afresh, so that no name is taken twice
    encodings = Encodings(Questions(mealy, domain, words, (0, 1, 2, 5)), kept, Deadline.after(600))
    encodings.again((), rng=np.random.default_rng(0))
    assert kept.bound <= program_size(program)


def test_updates_are_found_anew_over_what_takes_no_operators_to_remember() -> None:
    text = "machine m(x: 0..3) -> 0..3 state s: 0..3 = 0 next s = x output s"
    mealy, domain = table(text, Domain(((0, 3),), 8)), Domain(((0, 3),), 8)
    words = histories(mealy, 128, rng=np.random.default_rng(0))
    kept = Keeper(mealy, domain, machine(text).output_types)
    longer = parse("function f(x: int) -> int = if x > 1 then max(x, 2) else min(x, 1)")
    assert isinstance(longer, Function)
    assert kept.offer([Variable("l", longer.outputs[0], 0, 4, np.zeros(0, np.int16))], {}, [Var("l", INT)])
    assert kept.bound > 0
    encodings = Encodings(Questions(mealy, domain, words, (0, 1, 2, 3)), kept, Deadline.after(600))
    encodings.again((0,), rng=np.random.default_rng(0))
    assert kept.bound == 0


def test_other_values_of_a_variable_save_operators_of_what_reads_it() -> None:
    text = "machine m(x: 0..3) -> 0..3 state s: 0..1 = 0 next s = if x < 2 then 1 else s output max(x, s)"
    mealy, domain = table(text, Domain(((0, 3),), 8)), Domain(((0, 3),), 8)
    words = histories(mealy, 128, rng=np.random.default_rng(0))
    kept = Keeper(mealy, domain, machine(text).output_types)
    flag, output = (
        parse(f"function f(l: int, x: int) -> int = {term}") for term in ("if x < 2 then -1 else l", "max(x, -l)")
    )
    assert isinstance(flag, Function)
    assert isinstance(output, Function)
    assert kept.offer([Variable("l", flag.outputs[0], 0, 2, np.zeros(0, np.int16))], {}, list(output.outputs))
    assert kept.bound == program_size(machine(text)) + 1
    encodings = Encodings(Questions(mealy, domain, words, (0, 1, 2, 3)), kept, Deadline.after(600))
    encodings.again((0,), rng=np.random.default_rng(0))
    assert kept.bound <= program_size(machine(text))


def test_sets_that_leave_many_states_untold_are_told_from_those_that_leave_few() -> None:
    mealy, _, _ = posed()
    words = histories(mealy, 128, rng=np.random.default_rng(0))
    state = words.state.astype(np.int16)
    nothing, half, every = (mixed(values, k) for k, values in enumerate((np.zeros_like(state), state // 2, state)))
    counts = untold(np.stack([nothing, half, every]), words.state)
    assert mealy.size > MOST_LABELS
    assert counts.tolist() == [[MOST_LABELS + 1, 2, 1], [0, 2, 1], [0, 0, 1]]
