"""What is a check: a coded refusal, a denial, or a call that does nothing but refuse, in the fold and in the signer."""

from __future__ import annotations

import ast
import importlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import strongroom

ROOT = Path(strongroom.__file__).parent
ROOMS = ("custody", "signer")
REFUSALS = {"Refused", "InvalidInput", "DeniedError", "EntryRefused", "PeersRefused"}
REFUSING = ("require", "check", "verify", "_require", "_check", "permitted", "permit", "fields", "unused", "observed")
"""How functions are called that return nothing of use where they are called for their refusal only."""


@dataclass(frozen=True, slots=True)
class Check:
    """One statement: in which function of which module, and what it refuses with or calls."""

    module: str
    function: str
    what: str
    line: int

    @property
    def key(self) -> str:
        """Its name in the table, which does not change with the lines around it."""
        return f"{self.module}:{self.function}:{self.what}"


def all_checks() -> list[Check]:
    """Every check of the fold and of the signer, in the order of the files."""
    return [check for room in ROOMS for path in sorted((ROOT / room).glob("*.py")) for check in _in_file(path)]


def _in_file(path: Path) -> Iterator[Check]:
    module, seen = f"{path.parent.name}/{path.name}", Counter[str]()
    for function, statement, what in _checks(_tree(path)):
        seen[f"{function}:{what}"] += 1
        count = seen[f"{function}:{what}"]
        yield Check(module, function, what + (f" #{count}" if count > 1 else ""), statement.lineno)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _checks(tree: ast.Module) -> Iterator[tuple[str, ast.stmt, str]]:
    for function, node in _functions(tree, ""):
        for statement in _statements(node.body):
            what = _what(statement)
            if what:
                yield function, statement, what


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The outermost functions and methods; what is nested in one belongs to it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, []))
        for handler in getattr(statement, "handlers", []):
            yield from _statements(handler.body)
        for case in getattr(statement, "cases", []):
            yield from _statements(case.body)


def _what(statement: ast.stmt) -> str:
    """The code of a refusal or denial, the name of a refusing call, or nothing."""
    if isinstance(statement, ast.Raise) and isinstance(statement.exc, ast.Call):
        return _code(statement.exc) if _name(statement.exc.func) in REFUSALS else ""
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Call):
        return _code(statement.value) if _name(statement.value.func) == "Denied" else ""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        name = _name(statement.value.func)
        return f"{name}()" if name.startswith(REFUSING) else ""
    return ""


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _code(call: ast.Call) -> str:
    """The stable code among the arguments, which may be wrapped in another refusal."""
    for node in ast.walk(call):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and "." in node.value
            and " " not in node.value
        ):
            return node.value
    return ""


def without(check: Check) -> CodeType:
    """The code of the check's function, compiled with `pass` in its place."""
    return code_of(check, _Without(check.line).visit(tree_of(check)))


def tree_of(check: Check) -> ast.Module:
    """A fresh syntax tree of the check's module."""
    path = ROOT / check.module
    return ast.parse(path.read_text(), str(path))


def code_of(check: Check, tree: ast.Module) -> CodeType:
    """The code of the check's function, from a changed tree of its module."""
    code = compile(ast.fix_missing_locations(tree), str(ROOT / check.module), "exec", dont_inherit=True)
    for part in check.function.split("."):
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == part)
    return code


class _Without(ast.NodeTransformer):
    def __init__(self, line: int) -> None:
        self._line = line

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Raise | ast.Expr | ast.Return) and node.lineno == self._line:
            return ast.copy_location(ast.Pass(), node)
        return super().generic_visit(node)


def function_of(check: Check) -> FunctionType:
    """The running function that holds the check; to give it other code changes it for everybody who imported it."""
    found: Any = importlib.import_module(f"strongroom.{check.module.removesuffix('.py').replace('/', '.')}")
    for part in check.function.split("."):
        found = vars(found)[part]
    found = getattr(found, "fget", found)
    found = getattr(found, "__func__", found)
    found = getattr(found, "__wrapped__", found)
    assert isinstance(found, FunctionType), check.key
    return found
