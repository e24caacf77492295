"""Packages depend one way, and the language needs no heavy library: checked on what gets loaded and on the source.

Each check has a twin that must fail: a package made for the test that breaks the rule is found out.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("dsl", "verify", "extract", "benchmarks")
"""Each may import itself and those before it."""

HEAVY = {
    "dsl": {"numpy", "torch", "z3", "sklearn", "scipy", "networkx"},
    "verify": {"torch", "sklearn"},
    "extract": set[str](),
}
"""What must not get loaded with a package (`EXCEPT` is the numpy reading, which is imported by name)."""

EXCEPT = {"dsl.batch", "dsl.columns"}


def modules(root: Path, package: str) -> list[str]:
    """Names of a package's modules."""
    files = sorted((root / package).rglob("*.py"))
    names = [".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return [name for name in names if name not in EXCEPT and not name.endswith("__main__")]


def loaded(root: Path, names: list[str]) -> set[str]:
    """Top-level packages in memory after importing modules in a fresh interpreter."""
    code = f"import sys; sys.path.insert(0, {str(root)!r})\n" + "".join(f"import {name}\n" for name in names)
    code += "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    return set(ran.stdout.split())


def forbidden(package: str) -> set[str]:
    """What must not be in memory when only `package` was imported."""
    return HEAVY[package] | set(LAYERS[LAYERS.index(package) + 1 :])


def upward_imports(root: Path) -> list[str]:
    """`file: package` for every import, anywhere in a file, of a package that comes later in the order."""
    found = []
    for rank, package in enumerate(LAYERS):
        for file in sorted((root / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                tops = {name.partition(".")[0] for name in names} & set(LAYERS[rank + 1 :])
                found += [f"{file.relative_to(root)}: {top}" for top in sorted(tops)]
    return found


@pytest.mark.parametrize("package", ["dsl", "verify"])
def test_importing_every_module_loads_nothing_it_should_not(package: str) -> None:
    assert not loaded(ROOT, modules(ROOT, package)) & forbidden(package)


def test_importing_the_extractor_loads_no_benchmarks() -> None:
    assert not loaded(ROOT, ["extract"]) & forbidden("extract")


def test_the_numpy_reading_loads_neither_torch_nor_z3() -> None:
    assert not loaded(ROOT, ["dsl.batch"]) & {"torch", "z3", *LAYERS[1:]}


def test_no_package_imports_upward() -> None:
    assert upward_imports(ROOT) == []


def test_loading_a_heavy_library_would_be_noticed(tmp_path: Path) -> None:
    for file, text in {"torch/__init__.py": "", "dsl/__init__.py": "", "dsl/deep.py": "import torch\n"}.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    assert loaded(tmp_path, modules(tmp_path, "dsl")) & forbidden("dsl") == {"torch"}


def test_an_upward_import_would_be_noticed(tmp_path: Path) -> None:
    for package in LAYERS:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "dsl" / "late.py").write_text("def late():\n    from extract.search import anything\n")
    (tmp_path / "verify" / "fine.py").write_text("import dsl.terms\nfrom verify import smt\n")
    assert upward_imports(tmp_path) == ["dsl/late.py: extract"]
