"""The program as standalone Python, and a test that it answers as the saved network does, over the claimed domain."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from dsl.errors import Unsupported
from dsl.printers.python import print_python
from dsl.programs import Function, Program
from extract.extraction import Extraction
from extract.report.words import equality
from verify.verdict import Counterexample, Refuted

MOST_WORDS = 5_000


def python_source(program: Program) -> str | None:
    """The program as standalone Python, or None where Python's reading cannot express it."""
    try:
        return print_python(program)
    except Unsupported:
        return None


def test_source(extraction: Extraction) -> str:
    """The text of `test_program.py`. Lengths go up to the training length, or to just below the first difference."""
    findings = equality(extraction.evidence)
    examples = [f.verdict.counterexample for f in findings if isinstance(f.verdict, Refuted)]
    first = min(examples, key=lambda example: example.length, default=None)
    longest = extraction.network["train_length"]
    if first is not None:
        longest = min(longest, first.length - 1)
    name = "test_function.py.j2" if isinstance(extraction.program, Function) else "test_program.py.j2"
    template = Environment(
        loader=PackageLoader("extract.report", "templates"), undefined=StrictUndefined, keep_trailing_newline=True
    ).get_template(name)
    return template.render(
        name=extraction.network["name"],
        ranges=[tuple(bounds) for bounds in extraction.network["ranges"]],
        longest=longest,
        exhaustive=_exhaustive_length(extraction, longest),
        farthest=next((m["farthest"] for m in (dict(f.measured) for f in findings) if "farthest" in m), None),
        difference=None if first is None else _difference(first),
    )


def _difference(example: Counterexample) -> dict[str, list[tuple[int, ...]]]:
    return {"inputs": list(example.inputs), "program": list(example.expected), "network": list(example.actual)}


def _exhaustive_length(extraction: Extraction, longest: int) -> int:
    """The greatest length, up to `longest`, at which there are at most `MOST_WORDS` words."""
    symbols = 1
    for low, high in extraction.network["ranges"]:
        symbols *= high - low + 1
    length = 0
    while length < longest and symbols ** (length + 1) <= MOST_WORDS:
        length += 1
    return length
