"""The statement at a blamed place as it should be: small edits of it, tried on the values that it sees, then in the pass itself."""

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from symbackprop.backward.bench import RIGHT, Bench, plainly_at
from symbackprop.backward.blaming import Blame
from symbackprop.backward.edits import Edit, Editor, Scope
from symbackprop.backward.labels import close, numbers_near, ratio_of, squeezed
from symbackprop.backward.slots import Slot
from symbackprop.errors import SymbackpropError

MOST, MOST_RUNS = 2500, 250
"""Edits that are tried on values; and in whole runs, where a statement is passed many times."""
MADE = "_sbp_made"
Env = dict[str, Any]


@dataclass(frozen=True)
class Mended:
    """A statement as it should be, and the slip in words; the node of the source, by its number, that another stands for."""

    statement: str
    words: str
    number: int
    node: ast.AST


class Mender:
    """Looks for the right statement at one place."""

    def __init__(self, bench: Bench, blame: Blame, right: Sequence[Slot]) -> None:
        self.bench, self.blame, self.right = bench, blame, right
        self.pass_ = bench.passes.backward
        site = blame.site
        self.statement = site.statement
        self.node = site.expression
        self.text = self.pass_.source(site.statement)
        self.envs = [self.pass_.scopes(site.statement, lambda hook, code, p=p: bench.passes.run(p, hook, code), bench.replaced) for p in bench.points]  # type: ignore[misc]

    def mended(self) -> Mended | None:
        """The likeliest right statement, None where none is found."""
        if self.node is None or not all(self.envs):
            return self.inserted()
        rhs = self.pass_.source(self.node)
        scope = self.scope()
        editor = Editor(rhs, scope)
        for n in editor.nodes:
            scope.values[n] = self.value(ast.unparse(n), self.envs[0][-1])
        alike = all(len(w) == len(e) for w, e in zip(self.blame.wanted, self.envs, strict=True)) or all(len(e) == 1 for e in self.envs)
        found = sorted(self.by_values(editor, rhs) if alike else self.by_runs(editor, rhs), key=lambda f: (f[0], len(f[1])))
        for _, new, words in found[:12]:
            if self.repairs(new):
                return Mended(" ".join(self.with_right_side(new).split()), words, self.node.number, parsed(new))  # type: ignore[attr-defined]
        return self.inserted()

    # What the statement sees.

    def scope(self) -> Scope:
        """The arrays and numbers at the first point."""
        env = self.envs[0][-1]
        arrays, numbers = {}, {}
        for name, value in [*env.items(), *attributes(env)]:
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
                arrays[name] = value
            elif isinstance(value, int | float | np.floating) and not isinstance(value, bool):
                numbers[name] = float(value)
        wanted = next(iter(reversed(self.blame.wanted[0].values())))
        return Scope(arrays, numbers, {}, wanted)

    def numbers_at(self, k: int) -> dict[str, float]:
        """Numbers at a point by their text: the author's names, sizes of arrays where none has one."""
        env = self.envs[k][-1]
        read = {n.id for n in ast.walk(self.statement) if isinstance(n, ast.Name)}
        env = dict(sorted(env.items(), key=lambda item: item[0] not in read))
        made = {n: float(v) for n, v in [*env.items(), *attributes(env)] if isinstance(v, int | float | np.floating) and not isinstance(v, bool)}
        for name, value in env.items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                for axis, size in enumerate(value.shape):
                    if size > 1 and float(size) not in made.values():
                        made[f"{name}.shape[{axis}]"] = float(size)
        return made

    # Trying.

    def value(self, text: str, env: Env) -> Any:
        """The value of an expression, None where it has none."""
        try:
            code = compile(f"{MADE} = ({text}\n)", "<edit>", "exec")
            world = dict(env)
            FunctionType(code, world)()
        except Exception:  # an edit may be nonsense; then it is none
            return None
        return world[MADE]

    def result(self, rhs: str, env: Env) -> np.ndarray | None:
        """What the place holds after the statement with another right side."""
        if self.blame.site.is_result or not self.in_place:
            made = self.value(rhs, env)
        else:
            base = self.blame.site.name
            root = base.split(".")[0].split("[")[0]
            world = {**env, root: copy.deepcopy(env.get(root))}
            try:
                FunctionType(compile(self.with_right_side(rhs), "<edit>", "exec"), world)()
            except Exception:  # as above
                return None
            made = self.value(base, world)
        return np.asarray(made, float) if isinstance(made, np.ndarray | np.floating | float) and np.asarray(made).dtype.kind in "fiub" else None

    def with_right_side(self, rhs: str) -> str:
        """The statement with another right side."""
        a, b = self.pass_.span(self.node, self.statement)  # type: ignore[arg-type]
        return self.text[:a] + rhs + self.text[b:]

    def cases(self) -> Iterator[tuple[int, Env, np.ndarray]]:
        """Points, what is seen at each time, and what is wanted then."""
        for k, (envs, wanted) in enumerate(zip(self.envs, self.blame.wanted, strict=True)):
            for env, value in zip(envs[-len(wanted) :], wanted.values(), strict=True):
                if self.adds:
                    s = self.statement
                    assert isinstance(s, ast.AugAssign)
                    old = self.value(ast.unparse(s.target), env)
                    rest = np.asarray(value).reshape(np.shape(old)) - old
                    yield k, env, rest if isinstance(s.op, ast.Add) else -rest
                else:
                    yield k, env, value

    def by_values(self, editor: Editor, rhs: str) -> Iterator[tuple[int, str, str]]:
        """Edits whose values are the wanted ones, or these but for a factor or a term that has a name: (cost, right side, words)."""
        cases = list(self.cases())
        numbers = [self.numbers_at(k) for k in range(len(self.envs))]
        seen: set[str] = set()
        for count, edit in enumerate([Edit(0, len(rhs), rhs, "", 0), *_limited(editor)]):
            new = rhs[: edit.start] + edit.text + rhs[edit.stop :]
            if new in seen:
                continue
            seen.add(new)
            k, env, wanted = cases[0]
            value = self.result(new, env)
            if value is None or squeezed(value).shape != squeezed(wanted).shape:
                continue
            if close(squeezed(wanted), squeezed(value), 1e-7):
                if all(self.fits(self.result(new, e), w) for _, e, w in cases[1:]):
                    yield edit.cost, new, edit.words
                continue
            if count and edit.cost > 2:
                continue
            yield from self.by_factor(new, edit, cases, numbers, value)
            if not count:
                yield from self.by_term(new, cases, numbers, value)

    @staticmethod
    def fits(value: np.ndarray | None, wanted: np.ndarray) -> bool:
        """Whether a value is the wanted one."""
        return value is not None and close(squeezed(wanted), squeezed(value), 1e-7)

    def by_factor(
        self, new: str, edit: Edit, cases: Sequence[tuple[int, Env, np.ndarray]], numbers: Sequence[Mapping[str, float]], value: np.ndarray
    ) -> Iterator[tuple[int, str, str]]:
        """The edit, times a number that has a name, where that makes it right at every point."""
        if self.in_place:
            return
        ways: set[str] | None = None
        for n, (k, env, wanted) in enumerate(cases):
            made = value if not n else self.result(new, env)
            if made is None or squeezed(made).shape != squeezed(wanted).shape or not np.any(made):
                return
            ratio = ratio_of(squeezed(wanted), squeezed(made))
            if not ratio or not close(squeezed(wanted), ratio * squeezed(made), 1e-7):
                return
            here = set(numbers_near(ratio, numbers[k], 1e-7))
            ways = here if ways is None else ways & here
        for way in ways or ():
            text, said = _factored(new, way)
            yield edit.cost + 1 + way.count("*") + (way.count(".shape") > 0), text, " and ".join(w for w in (edit.words, said) if w)

    @property
    def in_place(self) -> bool:
        """Whether the statement changes what is there, in a way that says nothing of its right side alone."""
        s = self.statement
        if self.adds:
            return False
        return isinstance(s, ast.AugAssign) or (isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Subscript))

    @property
    def adds(self) -> bool:
        """Whether the statement adds to a variable, or takes away from it: then its right side alone is looked for."""
        s = self.statement
        return isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name | ast.Attribute) and isinstance(s.op, ast.Add | ast.Sub)

    def by_term(
        self, new: str, cases: Sequence[tuple[int, Env, np.ndarray]], numbers: Sequence[Mapping[str, float]], value: np.ndarray
    ) -> Iterator[tuple[int, str, str]]:
        """A term that is missing: an array in sight, or a product of two, times a number that has a name."""
        names = [n for n, v in self.scope().arrays.items()]
        terms = [*names, *(f"{a} * {b}" for i, a in enumerate(names) for b in names[i:]), *(t for a in names for b in names for t in (f"{a} @ {b}", f"{a}.T @ {b}", f"{a} @ {b}.T"))]
        terms += [f"np.sum({a}, axis={k})" for a in names for k in (0, 1)]
        for term in terms[:MOST]:
            ways: set[str] | None = None
            for n, (k, env, wanted) in enumerate(cases):
                made = value if not n else self.result(new, env)
                extra = self.value(term, env)
                if made is None or not isinstance(extra, np.ndarray) or squeezed(extra).shape != squeezed(wanted).shape or not np.any(extra):
                    ways = set()
                    break
                rest = squeezed(wanted) - squeezed(made)
                ratio = ratio_of(rest, squeezed(extra))
                if not ratio or not close(rest, ratio * squeezed(extra), 1e-6):
                    ways = set()
                    break
                here = {*numbers_near(ratio, numbers[k], 1e-6), *({""} if abs(ratio - 1) < 1e-6 else ())}
                ways = here if ways is None else ways & here
            for way in ways or ():
                sign = "-" if way.startswith("-") else "+"
                body = way.lstrip("-").removeprefix("1") if way in ("-", "-1") else way.lstrip("-")
                added = _factored(term, body)[0] if body else term
                yield 2 + way.count("*") + term.count("@") + term.count(" * "), f"{new} {sign} {added}", f"the term {sign if sign == '-' else ''}{added} is missing"

    def by_runs(self, editor: Editor, rhs: str) -> Iterator[tuple[int, str, str]]:
        """Edits that make the gradients right in whole runs."""
        for count, edit in enumerate(sorted(_limited(editor), key=lambda e: e.cost)):
            if count > MOST_RUNS:
                return
            new = rhs[: edit.start] + edit.text + rhs[edit.stop :]
            if self.result(new, self.envs[0][-1]) is not None and self.repairs(new):
                yield edit.cost, new, edit.words
                return

    def repairs(self, rhs: str) -> bool:
        """Whether the pass with this right side gives the gradients that the place is blamed for, and spoils none."""
        try:
            new = parsed(rhs)
            code = self.bench.changed({self.node.number: new})  # type: ignore[union-attr]
        except (SyntaxError, SymbackpropError):
            return False
        return self.is_good(code)

    def is_good(self, code: CodeType) -> bool:
        """Whether changed code gives what it should."""
        seen = self.bench.tried(plainly_at, code, first=self.blame.repairs)
        return seen is not None and all(seen[s] == RIGHT for s in (*self.blame.repairs, *self.right))

    def inserted(self) -> Mended | None:
        """Another sign of assignment, or a statement that is missing after this one."""
        name = self.blame.site.name
        for text, words in self.statements(name):
            try:
                new = ast.parse(text).body
                both = new[0] if words.startswith("it is") else ast.If(ast.Constant(True), [self.statement, *new], [])
                code = self.bench.changed({self.statement.number: both})  # type: ignore[attr-defined]
            except (SyntaxError, SymbackpropError):
                continue
            if self.is_good(code):
                return Mended(text, words, self.statement.number, both)  # type: ignore[attr-defined]
        return None

    def statements(self, name: str) -> Iterator[tuple[str, str]]:
        """Statements to try in the place of this one, and after it."""
        if self.blame.site.is_result or not self.envs[0]:
            return
        s = self.statement
        if self.node is not None and isinstance(s, ast.Assign | ast.AugAssign):
            rhs, target = self.pass_.source(self.node), self.pass_.source(s.targets[0] if isinstance(s, ast.Assign) else s.target)
            was = "=" if isinstance(s, ast.Assign) else {ast.Add: "+=", ast.Sub: "-="}.get(type(s.op), "")
            for sign in ("+=", "-=", "="):
                if sign != was:
                    yield f"{target} {sign} {rhs}", f"it is `{was}` where `{sign}` should stand" if was else f"it is `{sign}` that should stand there"
        ways: set[str] | None = None
        for k, (value, wanted) in enumerate(zip(self.blame.was, self.blame.wanted, strict=True)):
            last = squeezed(next(iter(reversed(wanted.values()))))
            made = squeezed(value)
            if made.shape != last.shape or not np.any(made):
                return
            ratio = ratio_of(last, made)
            here = set(numbers_near(ratio, self.numbers_at(k), 1e-7)) if ratio and close(last, ratio * made, 1e-7) else set()
            ways = here if ways is None else ways & here
        for way in sorted(ways or (), key=len)[:3]:
            text = f"{name} = {_factored(name, way)[0]}"
            body = way.removeprefix("1/")
            text = f"{name} /= {body}" if way.startswith("1/") and "/" not in body and "*" not in body else text
            yield text, f"`{text}` is missing after it"
        for array, value in self.scope().arrays.items():
            for factor in (f"({array} > 0)", array, f"(1 - {array}**2)", f"{array} * (1 - {array})"):
                made_ = self.value(factor, self.envs[0][-1])
                if array != name and made_ is not None and np.shape(made_) == np.shape(self.blame.was[0]):
                    if close(np.asarray(next(iter(reversed(self.blame.wanted[0].values())))).reshape(np.shape(made_)), self.blame.was[0] * made_, 1e-7):
                        yield f"{name} = {name} * {factor}", f"the factor {factor} is missing"


def parsed(text: str) -> ast.expr:
    """The tree of an expression, which may run over several lines."""
    return ast.parse(f"({text}\n)", mode="eval").body


def _limited(editor: Editor) -> list[Edit]:
    return [e for _, e in zip(range(MOST), editor.edits(), strict=False)]


def attributes(env: Env) -> Iterator[tuple[str, Any]]:
    """Arrays and numbers of objects in sight, as they are written: self.W, cache['x']."""
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


def _factored(text: str, way: str) -> tuple[str, str]:
    """An expression times a number written as labels write it, and what is missing in words."""
    sign, body = ("-", way[1:]) if way.startswith("-") else ("", way)
    over, under = [], []
    for part in body.split(" * ") if body and body != "1" else ():
        top, _, below = part.partition("/")
        over += [top] if top != "1" else []
        under += [below] if below else []
    tree = ast.parse(text, mode="eval").body
    loose = isinstance(tree, ast.UnaryOp | ast.IfExp | ast.Compare) or (isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub))
    made = sign + " * ".join([*over, f"({text})" if loose else text]) + "".join(f" / {u}" for u in under)
    said = [f"the factor {' * '.join(over)} is missing"] if over else []
    said += [f"the division by {' and '.join(under)} is missing"] if under else []
    said += ["the sign is turned"] if sign else []
    return made, " and ".join(said)


def mend(bench: Bench, blame: Blame, right: Sequence[Slot]) -> Mended | None:
    """The statement at a blamed place as it should be, None where no small edit makes it so."""
    return Mender(bench, blame, right).mended()
