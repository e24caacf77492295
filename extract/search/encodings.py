"""Encodings of a table that wait to be fitted, cheapest first, and the best machine that has come of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations

import numpy as np

from dsl.terms import variables
from extract.search.beside import Beside
from extract.search.fits import Fit
from extract.search.questions import Questions
from extract.search.queues import Queues, Waiting
from extract.search.recovered import Keeper
from extract.search.variables import Found, Variable, encoded, operators, together
from verify.budget import Deadline

MOST_SHOWN = 2
WORK = (1, 6, 800)
"""What posing an encoding and taking each step of deepening cost, about in milliseconds."""
SLOWEST = 0.004
"""Seconds that such a unit of work may take at most on slow machines."""
BITS_EACH = 10.0
"""Bits taken for an operator in ranking encodings."""
PENALTY = (0, 1, 3)
"""Operators that a step of deepening is taken to be behind its bound, for the time it takes."""

ANEW, IMAGES = 100, 400
"""Work on the best machine's updates anew, and by other values."""
POSED, AGAIN, AGAIN_SHARE, MISSED_BITS, LABELLING_SHARE = 400, 1500, 0.2, 0.5, 0.1
"""Labellings posed, work on those beside variables of the best machine and what it may take of the time left, bits for
a step on which the label is not told by what it may read, and what labelling may take."""


class Encodings:
    """Encodings by kind, of which the kinds share the work evenly; machines that come of them are offered to `kept`."""

    def __init__(
        self, questions: Questions, kept: Keeper, deadline: Deadline, beside: Beside | None = None
    ) -> None:  # fmt: skip
        """Circles found `beside` join those that wait."""
        self.questions, self.kept, self.deadline, self._beside = questions, kept, deadline, beside
        self._waiting = Queues()
        self._pace = SLOWEST / 4
        self._known: set[tuple[int, ...]] = set()
        self._around: tuple[Variable, ...] = ()

    def push(self, kind: Hashable, price: float, fit: Fit | None, chosen: tuple[Found, ...] = ()) -> None:
        """One more, posed already, or by variables that it is to be posed by."""
        self._waiting.push(price / BITS_EACH, Waiting(kind, chosen, price, fit))

    def wait(self, chosen: tuple[Found, ...]) -> None:
        """One more by these variables, if it is new and could be of use."""
        key = tuple(sorted(id(v) for v in chosen))
        if key not in self._known:
            self._known.add(key)
            every = {id(v): v for member in chosen for v in member.chain}.values()
            shown = sum(v.source.candidates is None for v in every)
            if shown > MOST_SHOWN or operators(chosen) >= self.kept.bound:
                return
            self.push((len(every), shown), together(chosen), None, chosen)

    def label(self, kind: str, sets: Iterable[tuple[float, tuple[Variable, ...]]], *, rng: np.random.Generator) -> None:
        """Encodings by a set of variables, each with its price, and one more variable known by its labels."""
        found, part = [], self.deadline.share(LABELLING_SHARE)
        for price, chosen in sets:
            if part.passed:
                break
            for label, pose in self.questions.labelled(chosen, rng=rng):
                found.append((price + MISSED_BITS * label.missed + label.contexts, len(chosen), pose))
        for bits, width, pose in sorted(found, key=lambda f: f[0])[:POSED]:
            self.push((kind, width), bits, pose())

    def again(self, initials: Iterable[int], *, rng: np.random.Generator) -> None:
        """The best machine's updates anew, and some of its variables with one known by its labels in place of the
        others, fitted for as long as that makes it smaller."""
        while self.kept.members != self._around and self.kept.bound > 1 and not self.deadline.passed:
            self._around = members = self.kept.members
            recalled = [r for i in initials if (r := self.questions.recalled(members, i)) is not None]
            for given in recalled:
                self.push("anew", 0.0, self.questions.anew(given))
            self.fit(1, ANEW)
            if self.kept.members == members and recalled:
                for image in recalled[0].images:
                    self.push("image", 0.0, self.questions.anew(recalled[0], image))
                self.fit(1, IMAGES)
            sets = [c for n in range(1, len(members)) for c in combinations(members, n) if _alone(c, members)]
            self.label("again", ((BITS_EACH * sum(v.size for v in c), c) for c in sets), rng=rng)
            self.fit(2, AGAIN, AGAIN_SHARE)

    def fit(self, deepest: int, work: int, share: float = 1.0) -> None:
        """Best-first over the encodings of each kind, by the operators that they need at least, for at most this share
        of the time left; no step that would take longer than is left, judged by the slowest before."""
        put_off, part = list[tuple[float, Waiting]](), self.deadline.share(share)
        self._join()
        while self._waiting and work > 0 and not part.passed:
            self._join()
            bound, item = self._waiting.pop()
            begun = item.fit is not None
            item.fit = fit = item.fit or self._start(item.chosen)
            spent = 0 if begun else WORK[0]
            if fit is not None and fit.lower < self.kept.bound:
                if fit.depth >= deepest:
                    put_off.append((bound, item))
                else:
                    due, began = WORK[min(fit.depth + 1, 2)] * fit.due, self.deadline.clock()
                    spent += due
                    if due * self._pace < self.deadline.left:
                        self._deepen(item, fit)
                        if due >= WORK[2]:
                            self._pace = min(max(self._pace, (self.deadline.clock() - began) / due), SLOWEST)
            work -= spent
            self._waiting.charge(item.kind, spent)
        for bound, item in put_off:
            self._waiting.push(bound, item)

    def _join(self) -> None:
        for kind, circle in self._beside.found() if self._beside else ():
            self.push(kind, circle.price, self.questions.fit(circle.variables))

    def _deepen(self, item: Waiting, fit: Fit) -> None:
        """One step of a fit, which waits again where more may come of it."""
        if fit.depth < 0:
            self.kept.best.tried += 1
        if fit.deepen():
            self._found(fit)
        if not fit.spent and fit.lower < self.kept.bound:
            key = item.price / BITS_EACH + fit.lower - fit.given + PENALTY[min(fit.depth + 1, 2)]
            self._waiting.push(key, item)

    def _start(self, chosen: tuple[Found, ...]) -> Fit | None:
        variables = encoded(chosen, self.questions.words)
        if sum(v.size for v in variables if v.update is not None) >= self.kept.bound:
            return None
        return self.questions.fit(variables)

    def _found(self, fit: Fit) -> None:
        terms = fit.terms()
        if terms is None or fit.size > self.kept.bound:
            return
        if not fit.exact:
            exact = self.questions.on_states(fit.variables, fit.names)
            if exact is None:
                fit.give_up()
                return
            fit.restart(*exact)
            terms = fit.terms()
            if terms is None:
                return
        self.kept.offer(fit.variables, terms, [terms[f"y{k}"] for k in range(self.kept.mealy.output.shape[2])])


def _alone(chosen: Sequence[Variable], members: Sequence[Variable]) -> bool:
    """Whether some of the members read none of the others."""
    others = {v.name for v in members if v not in chosen}
    return not any(n.removesuffix("'") in others for v in chosen if v.update for n in variables(v.update))
