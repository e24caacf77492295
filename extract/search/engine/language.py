"""What the engine must know of a language: its operator table, how terms are built, run, priced and joined.

`integers` is the language of `dsl`; `extract.sygus.words` gives that of a SyGuS grammar over bit-vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dsl import ops
from dsl.batch import evaluate_batch
from dsl.terms import Const, Term, Var, constant
from extract.search.engine.costs import constant_bits, whole
from extract.search.engine.distil import distil
from extract.search.engine.guidance import Guidance, guide
from extract.search.engine.lowering import INTEGERS, TRUTH, Table
from extract.search.engine.problem import Array, Problem

TRUE, FALSE = constant(True), constant(False)


@dataclass(frozen=True)
class Language:
    """`table` drives the enumeration; the rest concerns whole terms.

    `apply` builds an application, `evaluate` runs a term on columns by name, `fits` are closed-form solutions, `guide`
    asks distillers for seeds. Divide
    and conquer joins terms with `choose` at `choose_cost`; its predicates are rows of `condition_kind`, true where
    `holds` of their values says so. `literal_cost` prices constants. `kinds` are those of a leaf or seed (None: as its
    values say); a grammar may derive a leaf from several nonterminals.
    """

    table: Table
    apply: Callable[[str, tuple[Term, ...]], Term]
    evaluate: Callable[[Term, Mapping[str, Array]], Any]
    fits: Callable[[Problem, Array], Iterator[Term]]
    choose: Callable[[Term, Term, Term], Term] | None
    choose_cost: int
    condition_kind: int
    holds: Callable[[Array], Array]
    literal_cost: Callable[[Any], int] = constant_bits
    guide: Callable[[Problem, Array], Guidance] = lambda problem, pool: Guidance()
    kinds: Callable[[Term], tuple[int | None, ...]] = lambda term: (None,)

    def cost(self, term: Term, variables: Mapping[str, int]) -> int:
        """The cost of a term in whole bits, given the variables' costs."""
        if isinstance(term, Var):
            return variables[term.name]
        if isinstance(term, Const):
            return self.literal_cost(term.value)
        own = self._operators().get(term.op)
        if own is None:
            own = whole(ops.BY_NAME[term.op].cost)
        return own + sum(self.cost(arg, variables) for arg in term.args)

    def _operators(self) -> dict[str, int]:
        return {row.operator: whole(row.cost) for row in self.table}


def integers(operators: tuple[str, ...]) -> Language:
    """The language of `dsl` over integers and truth values, with these operators."""
    return Language(
        table=tuple(row for row in INTEGERS if row.operator in operators),
        apply=ops.apply,
        evaluate=evaluate_batch,
        fits=distil,
        choose=choice if "if" in operators else None,
        choose_cost=whole(ops.BY_NAME["if"].cost),
        condition_kind=TRUTH,
        holds=lambda truths: truths,
        guide=guide,
    )


def choice(condition: Term, then: Term, otherwise: Term) -> Term:
    """`if condition then then else otherwise`, with a constant truth value in a branch as a connective."""
    if then == otherwise:
        return then
    if otherwise == FALSE:
        return condition if then == TRUE else ops.apply("and", (condition, then))
    if then == TRUE:
        return ops.apply("or", (condition, otherwise))
    if then == FALSE:
        condition = ops.apply("not", (condition,))
        return condition if otherwise == TRUE else ops.apply("and", (condition, otherwise))
    if otherwise == TRUE:
        return ops.apply("or", (ops.apply("not", (condition,)), then))
    return ops.apply("if", (condition, then, otherwise))
