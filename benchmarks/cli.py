"""The command `netlift` with the verb `bench`, which the lower layers know nothing of."""

from __future__ import annotations

from benchmarks.run import bench
from extract.cli import app
from extract.cli import main as run_command

app.command()(bench)


def main() -> None:
    """Run the command line."""
    run_command()
