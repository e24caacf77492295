"""The README's first screen is real: its example is run, and its lines are what comes out."""

import re
from pathlib import Path

from typer.testing import CliRunner

from extract.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_first_example_prints_what_the_readme_shows() -> None:
    block = re.search(r"```console\n\$ netlift (.*?)\n(.*?)```", README, re.DOTALL)
    assert block is not None
    command, shown = block.group(1).split(), block.group(2).splitlines()
    arguments = [str(ROOT / a) if a.startswith("benchmarks/") else a for a in command]
    result = CliRunner().invoke(app, arguments)
    lines = [_counted(line) for line in result.stdout.splitlines()]
    assert [line for line in shown if line != "..." and _counted(line) not in lines] == []


def _counted(line: str) -> str:
    """A line without the number of float32 states, which depends on the order in which a processor adds."""
    return re.sub(r"[\d,]+ reachable states", "N reachable states", line)


def test_both_commands_do_all_the_set_up() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    assert all(".venv/bin/pip install -q" in c for c in commands)
    assert "netlift extract" in commands[0]
    assert "pytest" in commands[1]
