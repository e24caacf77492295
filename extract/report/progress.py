"""Progress on stderr: a live line on a terminal, else one plain line per stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from dsl.printers import print_program
from dsl.programs import Program
from extract.extraction import Progress

REFRESH_PER_S = 8


@contextmanager
def watched(quiet: bool) -> Iterator[Progress]:
    """Progress that fits stderr; `quiet` keeps plain lines away, as beside `--json`."""
    if sys.stderr.isatty():
        console = Console(stderr=True, highlight=False)
        shown = LiveProgress()
        with Live(get_renderable=shown.view, console=console, refresh_per_second=REFRESH_PER_S, transient=True):
            yield shown
    else:
        yield PlainProgress(quiet)


class LiveProgress:
    """The stage, the time since the start, the best program so far and how far it agrees with the network."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.spinner = Spinner("dots")
        self.now = "starting"
        self.remark = ""
        self.program: Program | None = None
        self.agreement = 0.0

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.now, self.remark = name, ""

    def best(self, program: Program, agreement: float) -> None:
        """A better program was found."""
        self.program, self.agreement = program, agreement

    def note(self, text: str) -> None:
        """A remark beside the stage."""
        self.remark = text

    def view(self) -> Group:
        """What the terminal shows at this moment."""
        head = Text.assemble(
            (f"{time.monotonic() - self.began:5.1f} s  ", "dim"), (self.now, "bold"), (f"  {self.remark}", "dim")
        )
        head.truncate(100, overflow="ellipsis")
        self.spinner.update(text=head)
        if self.program is None:
            return Group(self.spinner)
        agreement = Text(f"best program so far, agrees on {self.agreement:.2%}", style="dim")
        return Group(self.spinner, agreement, Text(print_program(self.program), style="cyan"))


class PlainProgress:
    """A line per stage, for logs."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def stage(self, name: str) -> None:
        """A stage begins."""
        if not self.quiet:
            print(f"netlift: {name}", file=sys.stderr, flush=True)

    def best(self, program: Program, agreement: float) -> None:
        """Not shown: logs stay short."""

    def note(self, text: str) -> None:
        """Not shown: logs stay short."""
