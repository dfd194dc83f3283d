"""Counts the lines of the first-party modules that a module loads, and fails above a limit.

Lines of code are those with something on them besides a comment or a docstring; all lines are shown beside them.
"""

from __future__ import annotations

import argparse
import ast
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import grimp


class Size(NamedTuple):
    code: int
    lines: int


def closure(entry: str) -> dict[str, Size]:
    """The size of each first-party module that importing `entry` loads, by name; parent packages included."""
    package = entry.partition(".")[0]
    graph = grimp.build_graph(package, cache_dir=None)
    modules: set[str] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module in modules:
            continue
        modules.add(module)
        waiting += graph.find_modules_directly_imported_by(module)
        waiting += [module.rpartition(".")[0]] if "." in module else []
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} cannot be found")
    root = Path(spec.origin).parent.parent
    return {module: measured for module in sorted(modules) if (measured := _measure(root, module)) is not None}


def _measure(root: Path, module: str) -> Size | None:
    stem = root.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.exists():
            return size(path.read_text(encoding="utf-8"))
    return None  # a compiled module


def size(source: str) -> Size:
    lines = source.splitlines()
    said = {number for number, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body[:1]:
                case [ast.Expr(value=ast.Constant(value=str())) as docstring]:
                    said -= set(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    return Size(len(said), len(lines))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entry")
    parser.add_argument("--limit", type=int, required=True, help="lines of code")
    arguments = parser.parse_args()
    found = closure(arguments.entry)
    print("  code  lines  module")
    for module, (code, lines) in found.items():
        print(f"{code:6} {lines:6}  {module}")
    code, lines = (sum(column) for column in zip(*found.values(), strict=True))
    print(f"{code:6} {lines:6}  in {len(found)} modules, loaded by {arguments.entry}")
    print(f"The limit is {arguments.limit} lines of code.")
    return 0 if code < arguments.limit else 1


if __name__ == "__main__":
    raise SystemExit(main())
