"""Counts the lines of the first-party modules that a module loads, and fails above a limit."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

import grimp


def closure(entry: str) -> dict[str, int]:
    """Lines of each first-party module that importing `entry` loads, by name; parent packages included."""
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
    origin = find_spec(package)
    assert origin is not None and origin.origin is not None
    root = Path(origin.origin).parent.parent
    return {module: lines for module in sorted(modules) if (lines := _lines(root, module)) is not None}


def _lines(root: Path, module: str) -> int | None:
    stem = root.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.exists():
            return len(path.read_text(encoding="utf-8").splitlines())
    return None  # a compiled module


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entry")
    parser.add_argument("--limit", type=int, required=True)
    arguments = parser.parse_args()
    found = closure(arguments.entry)
    for module, lines in found.items():
        print(f"{lines:6} {module}")
    total = sum(found.values())
    print(f"{total:6} lines in {len(found)} modules, loaded by {arguments.entry}; limit {arguments.limit}")
    return 0 if total < arguments.limit else 1


if __name__ == "__main__":
    raise SystemExit(main())
