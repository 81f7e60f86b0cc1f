"""A statement that is to blame: what it sees at each point, what it should give, and what it gives with another right side."""

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from symbackprop.backward.deriving.bench import RIGHT, Bench, plainly_at, replacing
from symbackprop.backward.deriving.labels import close, squeezed
from symbackprop.backward.faults.blaming import Blame
from symbackprop.backward.faults.edits import Editor, Scope
from symbackprop.backward.faults.texts import parsed
from symbackprop.backward.running.slots import Slot
from symbackprop.backward.running.watched import Site, is_array, number_of
from symbackprop.errors import SymbackpropError

MADE = "_sbp_made"
Env = dict[str, Any]


class Place:
    """The statement of a blame. `right`: gradients that have to stay so."""

    def __init__(self, bench: Bench, blame: Blame, right: Sequence[Slot]) -> None:
        self.bench, self.blame, self.right = bench, blame, right
        self.source = bench.passes.backward
        self.site, self.statement, self.node = blame.site, blame.site.statement, blame.site.expression
        self.text = self.source.source(self.statement)
        self.envs = [self.scopes(self.site, k) for k in range(len(bench.points))]

    @property
    def adds(self) -> bool:
        """Whether the statement adds to a variable, or takes away from it: then its right side alone is looked for."""
        s = self.statement
        return isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name | ast.Attribute) and isinstance(s.op, ast.Add | ast.Sub)

    @property
    def in_place(self) -> bool:
        """Whether the statement changes what is there, in a way that says nothing of its right side alone."""
        s = self.statement
        writes = isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Subscript)
        return not self.adds and (isinstance(s, ast.AugAssign) or writes)

    @property
    def is_told(self) -> bool:
        """Whether it is known what the statement should give each time that it is reached."""
        return all(len(w) == len(e) for w, e in zip(self.blame.wanted, self.envs, strict=True)) or all(len(e) == 1 for e in self.envs)

    def wanted(self) -> np.ndarray:
        """What it should give at the first point, the last time."""
        return [*self.blame.wanted[0].values()][-1]

    # What it sees.

    def scopes(self, site: Site, k: int) -> list[Env]:
        """What the statement of a site sees at a point, each time that it is reached."""
        point = self.bench.points[k]
        # In a loop the earlier rounds are as they should be.
        hook = replacing(self.blame.site.number, self.blame.wanted[k])
        return self.source.scopes(site.statement, lambda probe, code: self.bench.passes.run(point, probe, code), self.bench.replaced, hook)

    def scope(self, env: Env) -> Scope:
        """The arrays and numbers in sight."""
        arrays, numbers = {}, {}
        for name, value in [*env.items(), *attributes(env)]:
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
                arrays[name] = value
            elif is_number(value):
                numbers[name] = float(value)
        return Scope(arrays, numbers)

    def numbers(self, k: int) -> dict[str, float]:
        """Numbers at a point by their text: the author's names first, then sizes of arrays that the statement reads."""
        env = self.envs[k][-1]
        read = {ast.unparse(n) for n in ast.walk(self.statement) if isinstance(n, ast.Name | ast.Attribute)}
        seen = sorted([*env.items(), *attributes(env)], key=lambda item: item[0] not in read)
        made = {n: float(v) for n, v in seen if is_number(v)}
        for name, value in seen:
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and name in read:
                made |= {f"{name}.shape[{axis}]": float(size) for axis, size in enumerate(value.shape)}
        return made

    def editor(self, node: ast.expr, env: Env) -> Editor:
        """Edits of an expression, with the values of its parts."""
        made = Editor(self.source.source(node), self.scope(env))
        for n in made.nodes:
            made.scope.values[n] = self.value(ast.unparse(n), env)
        return made

    def cases(self) -> Iterator[tuple[int, Env, np.ndarray]]:
        """Points, what is seen at each time, and what is wanted then, of a statement that adds: of its right side."""
        s = self.statement
        for k, (envs, wanted) in enumerate(zip(self.envs, self.blame.wanted, strict=True)):
            for env, value in zip(envs[-len(wanted) :], wanted.values(), strict=True):
                if self.adds and isinstance(s, ast.AugAssign):
                    old = self.value(ast.unparse(s.target), env)
                    rest = np.asarray(value).reshape(np.shape(old)) - old
                    yield k, env, rest if isinstance(s.op, ast.Add) else -rest
                else:
                    yield k, env, value

    # What it gives.

    def value(self, text: str, env: Env) -> Any:
        """The value of an expression, None where it has none."""
        try:
            world = dict(env)
            FunctionType(compile(f"{MADE} = ({text}\n)", "<edit>", "exec"), world)()
        except Exception:  # an edit may be nonsense; then it is none
            return None
        return world[MADE]

    def result(self, rhs: str, env: Env) -> np.ndarray | None:
        """What the place holds after the statement with another right side."""
        if self.site.is_result or not self.in_place:
            made = self.value(rhs, env)
        else:
            base = self.site.name
            root = base.split(".")[0].split("[")[0]
            world = {**env, root: copy.deepcopy(env.get(root))}
            try:
                FunctionType(compile(self.with_right_side(rhs), "<edit>", "exec"), world)()
            except Exception:  # as above
                return None
            made = self.value(base, world)
        return np.asarray(made, float) if is_array(made) else None

    def with_right_side(self, rhs: str) -> str:
        """The statement with another right side."""
        assert self.node is not None
        a, b = self.source.span(self.node, self.statement)
        return self.text[:a] + rhs + self.text[b:]

    def fits(self, value: np.ndarray | None, wanted: np.ndarray) -> bool:
        """Whether a value is the wanted one."""
        return value is not None and close(squeezed(wanted), squeezed(value), 1e-7)

    # What the pass gives then.

    def repairs(self, rhs: str, node: ast.expr) -> bool:
        """Whether the pass with this in the place of a right side gives the gradients that the place is blamed for, and spoils none."""
        try:
            return self.is_good({number_of(node): parsed(rhs)})
        except SyntaxError:
            return False

    def is_good(self, changed: Mapping[int, ast.AST]) -> bool:
        """Whether the changed pass gives what it should."""
        try:
            code: CodeType = self.bench.changed(changed)
        except SymbackpropError:
            return False
        seen = self.bench.tried(plainly_at, code, first=self.blame.repairs)
        return seen is not None and all(seen[s] == RIGHT for s in (*self.blame.repairs, *self.right))


def is_number(value: Any) -> bool:
    """Whether a value is a number, no truth value."""
    return isinstance(value, int | float | np.floating) and not isinstance(value, bool)


def attributes(env: Env) -> Iterator[tuple[str, Any]]:
    """What objects and dictionaries in sight hold, as it is written: self.W, cache['x']."""
    for name, value in list(env.items()):
        if name.startswith("__") or not name.isidentifier():
            continue
        if isinstance(value, dict):
            yield from ((f"{name}[{k!r}]", v) for k, v in value.items() if isinstance(k, str | int))
        elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value) and type(value).__name__ != "module":
            for own, inner in vars(value).items():
                yield f"{name}.{own}", inner
                if isinstance(inner, dict):
                    yield from ((f"{name}.{own}[{k!r}]", v) for k, v in inner.items() if isinstance(k, str | int))
