"""The application: options that verbs share, and what becomes of every outcome and mistake."""

from __future__ import annotations

import gc
import math
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from dsl.errors import BadInput, NetliftError

COULD_NOT_RUN, INTERRUPTED = 2, 130
USAGE_ERRORS = cast("type[Exception]", typer.BadParameter.__mro__[2])  # click's ClickException, wherever typer keeps it

app = typer.Typer(name="netlift", add_completion=False, pretty_exceptions_enable=False)

Network = Annotated[Path, typer.Argument(metavar="NETWORK_DIR", help="Directory with network.json and weights.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Timeout = Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds to spend at most.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random.")]


def _version(wanted: bool) -> None:
    if wanted:
        from extract.extraction import netlift_version

        print(f"netlift {netlift_version()}")
        raise typer.Exit


@app.callback(epilog="Exit status: 0 proved or found, 1 refuted or not found, 2 could not run, 3 unknown.")
def netlift(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Take a trained neural network and give back the program it implements, with a proof."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every outcome is an exit status, every mistake of the caller one line on stderr."""
    command = typer.main.get_command(app)
    loading_s = time.process_time() if arguments is None else 0.0  # the user has been waiting since the process began
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = command.main(words, "netlift", standalone_mode=False, obj=loading_s)
        sys.stdout.flush()
    except USAGE_ERRORS as error:
        status = _complain(" ".join(_usage_message(error).split()))
    except NetliftError as error:
        status = _complain(str(error))
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except OSError as error:  # stdout was closed, or the disk behind it is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again while it exits
        status = _complain(f"expected to write to stdout, got {error.strerror or error}")
    except Exception:
        traceback.print_exc()
        status = _complain("this is a mistake in netlift, not in its input")
    gc.freeze()  # else Python walks through all of torch once more while it exits: half a second
    sys.exit(status if isinstance(status, int) else 0)


def _usage_message(error: Any) -> str:
    """What click has to say, with the name of the option it speaks of."""
    return f"{error.format_message()} (netlift --help lists commands and options)"


def _complain(message: str) -> int:
    """Say in one line what is wrong; the lines that point into a text follow on a terminal only."""
    first, *pointing = message.splitlines() or [""]
    print(f"netlift: {first}", file=sys.stderr)
    if sys.stderr.isatty():
        print("\n".join(pointing), file=sys.stderr)
    return COULD_NOT_RUN


def check_timeout(timeout_s: float) -> None:
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise BadInput(f"expected a positive number of seconds, got {timeout_s} (--timeout)")
