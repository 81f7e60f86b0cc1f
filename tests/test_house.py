"""The rules of the house: floors, circles, local imports, sizes, docstrings, banned calls, exports. Each has a control.

Only files that git tracks count, so work in progress next door never turns this red.
"""

import ast
import importlib
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "symbackprop"

FLOORS = [
    [{"errors"}, {"version"}, {"files"}, {"memo"}],
    [{"calculus"}],
    [{"ops"}],
    [{"language"}, {"derivation"}],
    [{"typesetting"}, {"stability"}],
    [{"matrix"}, {"rewriting"}],
    [{"pages"}, {"arrays"}],
    [{"code"}],
    [{"modules"}],
    [{"emit"}],
    [{"verification"}],
    [{"expressions", "result", "results"}],
    [{"kinds"}, {"formulas"}],
    [{"notes"}, {"backward"}],
    [{"api"}, {"testing"}, {"__init__"}],
    [{"serve"}],
    [{"commands"}, {"callables"}, {"doors"}],
    [{"__main__"}],
]
"""Rooms by floor, lowest first. A module imports only from lower floors and from its own room."""

HEAVY = {"autograd", "jax", "torch", "scipy", "sklearn", "dask", "onnx", "IPython", "matplotlib"}
"""Optional libraries that a function may import, since most users have them not."""

BANNED = {"doit", "simplify", "lambdify", "expand", "eval", "exec", "sympify"}
LINES, COLUMNS, MODULES = 400, 140, 15
FACE = {"__main__", "api", "callables", "testing", "expressions", "result", "results", "emit", "errors", "files", "memo", "version"}
"""What stands at the root: what users see, and what every room may use."""
UNMENTIONABLE = [
    re.compile(pattern)
    for pattern in (
        r"(?<![\w.*])/(tmp|work|root|home)/",
        r"\.\./" + "shared",
        r"\b(DESIGN|CLAIMS|EXAMPLES|GUIDE|seed-note)" + r"\.md\b",
    )
]
"""Places on somebody's machine, and papers that are not in this repository."""

PUBLIC = {"load", "trace", "model", "Sequential", "derive", "derivative", "generate", "verify"}
PUBLIC |= {"check", "check_claim", "check_note", "check_backward", "grad", "value_and_grad"}


def tracked(*patterns: str) -> list[Path]:
    """The files of the repository; of an unpacked archive, those on the disk."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        return sorted(p for pattern in patterns for p in ROOT.glob(pattern.replace("*", "**/*", 1)) if p.is_file())
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


SOURCES = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path for path in tracked(f"{PACKAGE}/*.py")}
"""The package's modules by dotted name, a package under the name of its __init__."""
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
PYTHON = [p for p in tracked("*.py") if "generated" not in p.parts]


def room(module: str) -> tuple[int, int]:
    """The floor of a dotted module and the room's number on it."""
    head = module.split(".")[1]
    for floor, rooms in enumerate(FLOORS):
        for number, names in enumerate(rooms):
            if head in names:
                return floor, number
    raise AssertionError(f"{module} is on no floor: give it a place in FLOORS")


def imported(tree: ast.AST, known: dict) -> Iterator[tuple[str, int]]:
    """The package's own modules that `tree` imports, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [n if {n, f"{n}.__init__"} & known.keys() else node.module for n in names]
        elif called(node) == "opened_later" and isinstance(node.args[0], ast.Constant):
            names = [node.args[0].value]
        else:
            continue
        for name in names:
            if name.split(".")[0] == PACKAGE:
                yield name if name in known else f"{name}.__init__", node.lineno


def floor_breaches(trees: dict[str, ast.AST]) -> list[str]:
    """Imports that go up, or across to another room."""
    found = []
    for module, tree in trees.items():
        floor, number = room(module)
        for other, line in imported(tree, trees):
            below, neighbour = room(other)
            if below > floor or (below == floor and neighbour != number):
                found.append(f"{module}:{line} imports {other}")
    return found


def circles(trees: dict[str, ast.AST]) -> list[list[str]]:
    """Groups of modules that import each other in a loop."""
    graph = {m: {o for o, _ in imported(t, trees) if o in trees and o != m} for m, t in trees.items()}

    def reachable(start: str) -> set[str]:
        seen, todo = set(), [start]
        while todo:
            for other in graph[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        return seen

    reach = {m: reachable(m) for m in graph}
    return sorted({tuple(sorted({m} | {o for o in reach[m] if m in reach[o]})) for m in graph if m in reach[m]})


def local_imports(trees: dict[str, ast.AST]) -> list[str]:
    """Imports inside functions, a heavy optional library excepted, and imports in disguise."""
    found = []
    for module, tree in trees.items():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                    found += [f"{module}:{node.lineno} {n}" for n in names if n.split(".")[0] not in HEAVY]
                # The top package alone imports by name: it opens its rooms when they are first asked for.
                elif called(node) in {"import_module", "__import__"} and module != f"{PACKAGE}.__init__":
                    found.append(f"{module}:{node.lineno} {called(node)}")
    return sorted(set(found))


def called(node: ast.AST) -> str:
    """The last name of what a call calls, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", None) or getattr(node.func, "id", "")


def banned_calls(trees: dict[str, ast.AST]) -> list[str]:
    """Calls of what the package must do without."""
    return [f"{m}:{n.lineno} {called(n)}" for m, t in trees.items() for n in ast.walk(t) if called(n) in BANNED]


def undocumented(trees: dict[str, ast.AST]) -> list[str]:
    """Public modules, classes, functions and methods without a docstring."""
    found = []

    def visit(node: ast.AST, name: str) -> None:
        if any(isinstance(d, ast.Name) and d.id == "overload" for d in getattr(node, "decorator_list", ())):
            return  # what is documented is the call itself
        if not ast.get_docstring(node):
            found.append(name)
        if isinstance(node, ast.FunctionDef):
            return
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
                visit(child, f"{name}.{child.name}")

    for module, tree in trees.items():
        visit(tree, module)
    return found


def oversized(texts: dict[str, str]) -> list[str]:
    """Files and lines that are too long."""
    found = [f"{name}: {text.count(chr(10))} lines" for name, text in texts.items() if text.count("\n") >= LINES]
    return found + [f"{n}:{k} is too wide" for n, t in texts.items() for k, line in enumerate(t.splitlines(), 1) if len(line) > COLUMNS]


def mentions(texts: dict[str, str]) -> list[str]:
    """Words that mean nothing to a reader of this repository alone."""
    return [f"{n}: {m.group()}" for n, t in texts.items() for pattern in UNMENTIONABLE for m in pattern.finditer(t)]


def trees_of(**sources: str) -> dict[str, ast.AST]:
    return {f"{PACKAGE}.{name.replace('__dot__', '.')}": ast.parse(text) for name, text in sources.items()}


def test_every_import_goes_down() -> None:
    assert floor_breaches(TREES) == []


def test_an_import_that_goes_up_is_seen() -> None:
    across = {"code": "x = opened_later('symbackprop.api')", "api": "", "derivation": "import symbackprop.language", "language": ""}
    trees = trees_of(calculus="from symbackprop import emit", emit="import symbackprop.calculus", **across)
    assert [b.split(" ")[0] for b in floor_breaches(trees)] == ["symbackprop.calculus:1", "symbackprop.code:1", "symbackprop.derivation:1"]


def crowded(modules: Iterable[str]) -> list[str]:
    """Rooms of too many modules, and modules at the root that are no part of the face."""
    named = [m for m in modules if not m.endswith(".__init__")]
    folders = Counter(m.rpartition(".")[0] for m in named if m.count(".") > 1)
    strays = [m for m in named if m.count(".") == 1 and m.split(".")[1] not in FACE]
    return [f for f, count in folders.items() if count > MODULES] + strays


def test_no_room_is_crowded_and_the_root_is_the_face_alone() -> None:
    assert crowded(TREES) == []


def test_a_crowded_room_and_a_stray_module_are_seen() -> None:
    assert crowded([f"{PACKAGE}.ops.op{k}" for k in range(MODULES + 1)]) == [f"{PACKAGE}.ops"]
    assert crowded([f"{PACKAGE}.api", f"{PACKAGE}.helpers"]) == [f"{PACKAGE}.helpers"]


def test_no_module_imports_itself_round_a_circle() -> None:
    assert circles(TREES) == []


def test_a_circle_is_seen() -> None:
    trees = trees_of(term="from symbackprop.program import x", program="import symbackprop.index", index="from symbackprop import term")
    assert circles(trees) == [("symbackprop.index", "symbackprop.program", "symbackprop.term")]


def test_no_import_hides_in_a_function() -> None:
    assert local_imports(TREES) == []


def test_a_hidden_import_is_seen() -> None:
    hidden = "def f():\n    import sympy\n    from autograd import grad\n    return importlib.import_module('x')\n"
    assert local_imports(trees_of(term=hidden)) == ["symbackprop.term:2 sympy", "symbackprop.term:4 import_module"]


def test_no_banned_call() -> None:
    assert banned_calls(TREES) == []


@pytest.mark.parametrize("name", sorted(BANNED))
def test_a_banned_call_is_seen(name: str) -> None:
    assert len(banned_calls(trees_of(term=f"x.{name}()\n{name}(y)\n{name} = 1\n"))) == 2


def test_everything_public_says_what_it_is() -> None:
    assert undocumented(TREES) == []


def test_a_missing_docstring_is_seen() -> None:
    bare = '"""Module."""\nclass A:\n    """Class."""\n    def f(self): pass\n    def _g(self): pass\ndef h():\n    def inner(): pass\n'
    assert undocumented(trees_of(term=bare)) == ["symbackprop.term.A.f", "symbackprop.term.h"]


def test_no_file_or_line_is_too_long() -> None:
    assert oversized({p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in PYTHON}) == []


def test_a_long_file_and_a_wide_line_are_seen() -> None:
    assert len(oversized({"long": "x\n" * LINES, "wide": "x" * (COLUMNS + 1), "fits": "x" * COLUMNS + "\n" * (LINES - 1)})) == 2


def test_nothing_speaks_of_one_machine() -> None:
    kept = {}
    for path in tracked("*"):
        data = path.read_bytes()
        if b"\0" not in data:
            kept[path.relative_to(ROOT).as_posix()] = data.decode("utf-8")
    assert mentions(kept) == []


def test_a_place_on_one_machine_is_seen() -> None:
    texts = {"a": "see " + "/tm" + "p/x", "b": "in .." + "/shared" + "/x", "c": "see DESIGN" + ".md", "d": "n/work/x, a/tmp/b"}
    assert [m.split(":")[0] for m in mentions(texts)] == ["a", "b", "c"]


def test_the_package_offers_what_it_promises() -> None:
    package = importlib.import_module(PACKAGE)
    offered = set(getattr(package, "__all__", ()))
    if f"{PACKAGE}.api" in TREES:
        assert offered >= PUBLIC
    for name in offered - {"__version__"}:
        assert getattr(package, name).__doc__, name


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        _ = importlib.import_module(PACKAGE).no_such_name
