"""A person's function with a hook at each assignment: a run can be watched, and one value of it moved or replaced.

The function is compiled again from its own source, line for line; nothing that it computes changes while the hook gives back
what it was given. The hook sees the array that a statement has bound or written into, after the statement.
"""

import ast
import builtins
import copy
import inspect
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

import numpy as np

from symbackprop.errors import VerifyError

Hook = Callable[[int, Any], Any]
NUMBER = "number"
HOOK, ARRAY, TICK = "_sbp_hook", "_sbp_is_array", "_sbp_tick"
SITES = 64
"""Sites that one statement may have."""
PROBE = -2
"""The number by which the hook knows the names that a statement sees."""
NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, eq=False)
class Site:
    """A place where an array gets its value: the line of the file, the name there (`dx`, `self.x`, `grads['W1']`), the statement,
    and the expression that a correction would replace, if there is one. `is_result`: a part of what is returned."""

    number: int
    line: int
    name: str
    statement: ast.stmt
    expression: ast.expr | None
    is_result: bool = False


class Deadline:
    """A limit for the time, of this process, that a person's functions may run; asked in each round of their loops."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.end = seconds, time.process_time() + seconds

    def check(self) -> None:
        """Raise VerifyError where the time is over."""
        if time.process_time() > self.end:
            raise VerifyError(
                f"it ran for longer than {self.seconds:g} s", place="the functions given", fix="give smaller shapes, or --limit"
            )

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """A run in which each line of Python asks, also in functions that are not watched."""
        before = sys.gettrace()

        def line(frame: FrameType, event: str, _: Any) -> Any:
            self.check()
            return line

        sys.settrace(line)
        try:
            yield
        finally:
            sys.settrace(before)


def number_of(node: ast.AST) -> int:
    """The number of a statement or an expression of the author's source, -1 of anything else."""
    return getattr(node, NUMBER, -1)


def is_array(value: Any) -> bool:
    """Whether a value is numbers that the hook looks at."""
    return isinstance(value, np.ndarray | np.floating | float) and np.asarray(value).dtype.kind in "fiub"


def copied(value: Any) -> Any:
    """A copy, of what can be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:  # a module, a lock: whatever a person keeps in a variable
        return value


class Watched:
    """A function, its source as a tree, its sites, and copies of it that call a hook."""

    def __init__(self, function: Callable, deadline: Deadline, inner: bool = False) -> None:
        """Read the source of `function`; `inner`: what it gives to functions without a name is hooked too.

        Raises VerifyError where there is no source.
        """
        self.inner = inner
        self.function = inspect.unwrap(getattr(function, "__func__", function))
        self.name = getattr(self.function, "__name__", str(function))
        self.deadline = deadline
        try:
            lines, first = inspect.getsourcelines(self.function)
            self.text = textwrap.dedent("".join(lines))
            tree = ast.parse(self.text)
        except (OSError, TypeError, SyntaxError) as e:
            raise VerifyError(f"the source of {self.name} can't be read", fix="keep the function in a file") from e
        ast.increment_lineno(tree, first - 1)
        top = tree.body[0]
        if not isinstance(top, ast.FunctionDef):
            raise VerifyError(f"{self.name} is no function written with def", fix="write it with def")
        self.tree: ast.FunctionDef = top
        self._mangle()
        self.first, self.lines = first, [line.rstrip("\n") for line in lines]
        # Signs and contexts are one object wherever they stand: they have no number.
        for number, node in enumerate(n for n in ast.walk(self.tree) if isinstance(n, ast.stmt | ast.expr)):
            vars(node)[NUMBER] = number
        self.sites: dict[int, Site] = {}
        self.plain = self._compiled({}, self.sites)

    def _mangle(self) -> None:
        """Spell private attributes as Python does inside a class: self.__W as self._Layer__W."""
        home = self.function.__qualname__.split(".")[-2:-1]
        for node in ast.walk(self.tree) if home and home[0].isidentifier() else ():
            if isinstance(node, ast.Attribute) and node.attr.startswith("__") and not node.attr.endswith("__"):
                node.attr = f"_{home[0].lstrip('_')}{node.attr}"

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The arguments, by name."""
        return inspect.signature(self.function).parameters

    def run(self, hook: Hook, *args: Any, **named: Any) -> Any:
        """What the function returns, each assigned value passed through `hook`."""
        return self.run_code(self.plain, hook, *args, **named)

    def run_code(self, code: CodeType, hook: Hook, *args: Any, **named: Any) -> Any:
        """As `run`, of a changed function (see `changed`)."""
        inner = self.function
        world = self.world() | {HOOK: hook, ARRAY: is_array, TICK: self.deadline.check, "__builtins__": builtins}
        made = FunctionType(code, world, self.name, inner.__defaults__)
        made.__kwdefaults__ = inner.__kwdefaults__
        return made(*args, **named)

    def span(self, node: ast.AST, within: ast.AST | None = None) -> tuple[int, int]:
        """Where a node stands in the source, or in the text of a statement `within`."""
        lines = self.text.encode().splitlines(keepends=True)

        def place(line: int, column: int) -> int:
            return len((b"".join(lines[: line - self.first]) + lines[line - self.first][:column]).decode())

        start = place(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        stop = place(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        shift = self.span(within)[0] if within is not None else 0
        return start - shift, stop - shift

    def source(self, node: ast.AST) -> str:
        """The text of a node."""
        return self.text[slice(*self.span(node))]

    def scopes(
        self, statement: ast.stmt, run: Callable[[Hook, CodeType], Any], replaced: Mapping[int, ast.AST], inner: Hook
    ) -> list[dict[str, Any]]:
        """What a statement sees each time that it is reached in a run with a hook: its names with their values, copied."""
        probe = ast.Expr(
            ast.Call(
                ast.Name(HOOK, ast.Load()),
                [ast.UnaryOp(ast.USub(), ast.Constant(-PROBE)), ast.Call(ast.Name("locals", ast.Load()), [], [])],
                [],
            )
        )
        own = replaced.get(number_of(statement), statement)
        code = self.changed({**replaced, number_of(statement): ast.If(ast.Constant(True), [probe, own], [])})  # type: ignore[list-item]
        seen: list[dict[str, Any]] = []

        def hook(site: int, value: Any) -> Any:
            if site == PROBE:
                seen.append({**self.world(), **{n: copied(v) for n, v in value.items() if not n.startswith("_sbp")}})
                return value
            return inner(site, value)

        run(hook, code)
        return seen

    def world(self) -> dict[str, Any]:
        """The names that the function sees beyond its own."""
        inner = self.function
        cells = zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=True)
        return {**inner.__globals__, **{n: c.cell_contents for n, c in cells}}

    def changed(self, replaced: Mapping[int, ast.AST]) -> CodeType:
        """The code of the function in which nodes, by their number, are replaced."""
        return self._compiled(replaced, {})

    def _compiled(self, replaced: Mapping[int, ast.AST], sites: dict[int, Site]) -> CodeType:
        tree = _Hooks(sites, self.tree, self.inner).built(replaced)
        module = ast.fix_missing_locations(ast.Module([tree], []))
        try:
            whole = compile(module, self.function.__code__.co_filename, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, TypeError) as e:
            raise VerifyError(f"{self.name} can't be compiled again: {e}") from e
        return next(c for c in whole.co_consts if isinstance(c, CodeType) and c.co_name == self.tree.name)


class _Replaced(ast.NodeTransformer):
    def __init__(self, replaced: Mapping[int, ast.AST]) -> None:
        self.replaced = replaced

    def visit(self, node: ast.AST) -> Any:
        """The node that stands for this one."""
        new = self.replaced.get(number_of(node))
        if new is None:
            return self.generic_visit(node)
        made = ast.copy_location(copy.deepcopy(new), node)
        vars(made)[NUMBER] = number_of(node)
        return made


class _Hooks:
    """Builds the tree with hooks. A site is numbered after its statement, so that what is inserted elsewhere leaves its number."""

    def __init__(self, sites: dict[int, Site], original: ast.FunctionDef, inner: bool) -> None:
        self.sites, self.original, self.inner = sites, original, inner
        self.nodes = {number_of(n): n for n in ast.walk(original) if number_of(n) >= 0}

    def built(self, replaced: Mapping[int, ast.AST]) -> ast.FunctionDef:
        tree = copy.deepcopy(self.original)
        tree = _Replaced(replaced).visit(tree) if replaced else tree
        tree.decorator_list, tree.returns = [], None
        for a in ast.walk(tree.args):
            if isinstance(a, ast.arg):
                a.annotation = None
        # Defaults are those of the function as it is, evaluated once: the copy gets them when it runs.
        tree.args.defaults = [ast.Constant(None) for _ in tree.args.defaults]
        tree.args.kw_defaults = [d and ast.Constant(None) for d in tree.args.kw_defaults]
        tree.body = self.block(tree.body)
        return tree

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [made for statement in body for made in self.statement(statement)]

    def statement(self, s: ast.stmt) -> list[ast.stmt]:
        if number_of(s) < 0:
            return [s]  # what was inserted is no line of the author's
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(s, NESTED) and isinstance(getattr(s, field, None), list):
                setattr(s, field, self.block(getattr(s, field)))
        for handler in getattr(s, "handlers", ()):
            handler.body = self.block(handler.body)
        for case in getattr(s, "cases", ()):
            case.body = self.block(case.body)
        if self.inner and isinstance(s, ast.Assign | ast.AugAssign | ast.Return) and s.value is not None:
            s.value = _Given(self, s).visit(s.value)
        match s:
            case ast.For() | ast.While():
                s.body.insert(0, ast.Expr(ast.Call(ast.Name(TICK, ast.Load()), [], [])))
            case ast.Assign(value=ast.Dict() as table):
                s.value = self.items(table, s, ast.unparse(s.targets[0]))
            case ast.Assign():
                one = s.value if len(s.targets) == 1 and not isinstance(s.targets[0], ast.Tuple | ast.List) else None
                return [s, *(h for t in s.targets for h in self.targets(t, s, one))]
            case ast.AugAssign() | ast.AnnAssign() if s.value is not None:
                return [s, *self.targets(s.target, s, s.value)]
            case ast.Expr(value=ast.Call()):
                return [s, *self.written(s)]
            case ast.Return() if s.value is not None:
                s.value = self.result(s.value, s)
        return [s]

    def targets(self, target: ast.expr, s: ast.stmt, value: ast.expr | None) -> Iterator[ast.stmt]:
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                yield from self.targets(part, s, None)
        elif isinstance(target, ast.Name | ast.Attribute):
            yield self.hooked(target, s, value)
        elif isinstance(target, ast.Subscript):
            # An entry of an array is written: the array has a new value. A value in a dictionary or a list is one of its own.
            base = target.value
            whole: list[ast.stmt] = (
                [self.hooked(base, s, value)] if isinstance(base, ast.Name | ast.Attribute | ast.Subscript) else [ast.Pass()]
            )
            item = self.hooked(target, s, value)
            yield ast.If(ast.Call(ast.Name(ARRAY, ast.Load()), [_loaded(base)], []), whole, [item])

    def hooked(self, target: ast.expr, s: ast.stmt, value: ast.expr | None) -> ast.stmt:
        call = self.call(ast.unparse(target), s, value, _loaded(target))
        stored = copy.deepcopy(target)
        stored.ctx = ast.Store()  # type: ignore[attr-defined]
        return ast.Assign([stored], call)

    def call(self, name: str, s: ast.stmt, value: ast.expr | None, inner: ast.expr, is_result: bool = False) -> ast.Call:
        number = number_of(s) * SITES
        while number in self.sites:
            number += 1
        own = self.nodes.get(number_of(s), s)
        made = None if value is None else self.nodes.get(number_of(value))
        line = getattr(made if is_result and made is not None else own, "lineno", 0)
        self.sites[number] = Site(number, line, name, own, made, is_result)  # type: ignore[arg-type]
        return ast.Call(ast.Name(HOOK, ast.Load()), [ast.Constant(number), inner], [])

    def items(self, d: ast.Dict, s: ast.stmt, name: str) -> ast.Dict:
        for k, (key, value) in enumerate(zip(d.keys, d.values, strict=True)):
            if key is not None and not isinstance(value, ast.Name):
                d.values[k] = self.call(f"{name}[{ast.unparse(key)}]" if name else ast.unparse(key), s, value, value, not name)
        return d

    def result(self, value: ast.expr, s: ast.stmt) -> ast.expr:
        if isinstance(value, ast.Dict):
            return self.items(value, s, "")
        if isinstance(value, ast.Tuple):
            value.elts = [self.result(e, s) for e in value.elts]
            return value
        plain = isinstance(value, ast.Name | ast.Constant | ast.Starred | ast.List | ast.Attribute)
        return value if plain else self.call(ast.unparse(value), s, value, value, True)

    def written(self, s: ast.Expr) -> Iterator[ast.stmt]:
        """Hooks for the arrays that a call that stands alone may write into, as np.add.at(dC, i, d)."""
        call = s.value
        assert isinstance(call, ast.Call)
        root = call.func.value if isinstance(call.func, ast.Attribute) else None
        for part in dict.fromkeys(ast.unparse(p) for p in (*call.args[:1], *(k.value for k in call.keywords if k.arg == "out"), root) if p):
            node = ast.parse(part, mode="eval").body
            if isinstance(node, ast.Name | ast.Attribute) and part not in ("np", "numpy", "self"):
                yield ast.If(ast.Call(ast.Name(ARRAY, ast.Load()), [_loaded(node)], []), [self.hooked(node, s, None)], [])


class _Given(ast.NodeTransformer):
    """Hooks what is given to functions without a name: x @ W + b of np.tanh(x @ W + b)."""

    def __init__(self, hooks: _Hooks, statement: ast.stmt) -> None:
        self.hooks, self.statement = hooks, statement

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The call with hooked arguments."""
        plain = [isinstance(a, ast.BinOp) for a in node.args]
        texts = [" ".join(ast.unparse(a).split()) for a in node.args]
        self.generic_visit(node)
        node.args = [
            self.hooks.call(f"({t})", self.statement, None, a) if p else a for a, p, t in zip(node.args, plain, texts, strict=True)
        ]
        return node

    def visit(self, node: ast.AST) -> Any:
        """The node; what runs elsewhere is left as it is."""
        elsewhere = isinstance(node, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp)
        return node if elsewhere else super().visit(node)


def _loaded(node: ast.expr) -> ast.expr:
    made = copy.deepcopy(node)
    for n in ast.walk(made):
        if isinstance(n, ast.Name | ast.Attribute | ast.Subscript | ast.Tuple | ast.List | ast.Starred):
            n.ctx = ast.Load()
    return made
