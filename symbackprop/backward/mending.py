"""The statement at a blamed place as it should be: small edits of it, tried on the values that it sees, then in the pass itself."""

import ast
import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from symbackprop.backward.bench import RIGHT, Bench, plainly_at, replacing
from symbackprop.backward.blaming import Blame
from symbackprop.backward.edits import Edit, Editor, Scope
from symbackprop.backward.labels import close, numbers_near, ratio_of, squeezed
from symbackprop.backward.slots import Slot
from symbackprop.backward.watched import Site
from symbackprop.errors import SymbackpropError

MOST, MOST_RUNS = 2500, 250
"""Edits that are tried on values; and in whole runs, where a statement is passed many times."""
PLAIN = 2
"""The cost of an edit that is taken before slips in earlier lines are looked for."""
MADE = "_sbp_made"
Env = dict[str, Any]


@dataclass(frozen=True)
class Mended:
    """A statement as it should be, and the slip in words; the node of the source, by its number, that another stands for;
    the place of the statement."""

    statement: str
    words: str
    number: int
    node: ast.AST
    site: Site


class Mender:
    """Looks for the right statement at one place."""

    def __init__(self, bench: Bench, blame: Blame, right: Sequence[Slot], suspects: Collection[str]) -> None:
        self.bench, self.blame, self.right, self.suspects = bench, blame, right, {*suspects}
        self.pass_ = bench.passes.backward
        site = blame.site
        self.statement = site.statement
        self.node = site.expression
        self.text = self.pass_.source(site.statement)
        self.envs = [self.scopes(site, k) for k in range(len(bench.points))]

    def scopes(self, site: Site, k: int) -> list[Env]:
        """What the statement of a site sees at a point, each time that it is reached."""
        point = self.bench.points[k]
        # In a loop the earlier rounds are as they should be.
        hook = replacing(self.blame.site.number, self.blame.wanted[k])
        return self.pass_.scopes(site.statement, lambda probe, code: self.bench.passes.run(point, probe, code), self.bench.replaced, hook)

    def mended(self) -> Mended | None:
        """The likeliest right statement, None where none is found."""
        if self.node is None or not all(self.envs):
            return self.tried(self.after())
        if (swapped := self.tried(self.signs())) is not None:
            return swapped
        rhs = self.pass_.source(self.node)
        editor = self.editor(self.node, self.envs[0][-1])
        alike = all(len(w) == len(e) for w, e in zip(self.blame.wanted, self.envs, strict=True)) or all(len(e) == 1 for e in self.envs)
        found = sorted(self.by_values(editor, rhs) if alike else self.by_runs(editor, rhs), key=lambda f: (f[0], len(f[1])))
        near, far = [f for f in found if f[0] <= PLAIN], [f for f in found if f[0] > PLAIN]
        return self.first(near) or (self.earlier() if alike else None) or self.first(far) or self.tried(self.after())

    def first(self, found: Sequence[tuple[int, str, str]]) -> Mended | None:
        """The first right side that makes the pass right."""
        rhs = self.pass_.source(self.node)  # type: ignore[arg-type]
        for _, new, words in found[:12]:
            if self.repairs(new, self.node):  # type: ignore[arg-type]
                text = " ".join(self.with_right_side(tidy(new, rhs)).split())
                return Mended(text, words, self.node.number, parsed(new), self.blame.site)  # type: ignore[union-attr]
        return None

    def editor(self, node: ast.expr, env: Env) -> Editor:
        """Edits of an expression, with the values of its parts."""
        made = Editor(self.pass_.source(node), self.scope(env))
        for n in made.nodes:
            made.scope.values[n] = self.value(ast.unparse(n), env)
        return made

    def earlier(self) -> Mended | None:
        """A slip in a line that this one reads: a value that is nothing known, which an edit of its own line puts right."""
        assert self.node is not None
        read = {ast.unparse(n) for n in ast.walk(self.node) if isinstance(n, ast.Name | ast.Attribute)}
        sites = self.pass_.sites.values()
        for site in [s for s in sites if s.name in read & self.suspects and s.line < self.blame.site.line and isinstance(s.statement, ast.Assign)]:
            if site.expression is None or "." in site.name or "[" in site.name:
                continue
            envs = [self.scopes(site, k) for k in range(len(self.bench.points))]
            if any(len(e) != 1 for e in envs):
                continue
            rhs, editor = self.pass_.source(site.expression), self.editor(site.expression, envs[0][0])
            for edit in sorted(_limited(editor), key=lambda e: e.cost):
                new = rhs[: edit.start] + edit.text + rhs[edit.stop :]
                if all(self.follows(site.name, new, e[0], k) for k, e in enumerate(envs)) and self.repairs(new, site.expression):
                    start, stop = self.pass_.span(site.expression, site.statement)
                    text = self.pass_.source(site.statement)
                    return Mended(" ".join((text[:start] + new + text[stop:]).split()), edit.words, site.expression.number, parsed(new), site)  # type: ignore[attr-defined]
        return None

    def follows(self, name: str, rhs: str, env: Env, k: int) -> bool:
        """Whether the blamed statement gives what is wanted when another one binds `name` to this right side."""
        value = self.value(rhs, env)
        if value is None:
            return False
        own = self.pass_.source(self.node)  # type: ignore[arg-type]
        return all(self.fits(self.result(own, {**e, name: value}), w) for j, e, w in self.cases() if j == k)

    # What the statement sees.

    def scope(self, env: Env) -> Scope:
        """The arrays and numbers in sight."""
        arrays, numbers = {}, {}
        for name, value in [*env.items(), *attributes(env)]:
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
                arrays[name] = value
            elif isinstance(value, int | float | np.floating) and not isinstance(value, bool):
                numbers[name] = float(value)
        return Scope(arrays, numbers)

    def numbers_at(self, k: int) -> dict[str, float]:
        """Numbers at a point by their text: the author's names, sizes of arrays where none has one."""
        env = self.envs[k][-1]
        read = {ast.unparse(n) for n in ast.walk(self.statement) if isinstance(n, ast.Name | ast.Attribute)}
        seen = sorted([*env.items(), *attributes(env)], key=lambda item: item[0] not in read)
        made = {n: float(v) for n, v in seen if isinstance(v, int | float | np.floating) and not isinstance(v, bool)}
        for name, value in seen:
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and name in read:
                made |= {f"{name}.shape[{axis}]": float(size) for axis, size in enumerate(value.shape)}
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
        names = [n for n, v in self.scope(self.envs[0][-1]).arrays.items()]
        terms = [*names, *(f"{a} * {b}" for i, a in enumerate(names) for b in names[i:]), *(t for a in names for b in names for t in (f"{a} @ {b}", f"{a}.T @ {b}", f"{a} @ {b}.T"))]
        terms += [f"np.sum({a}, axis={k})" for a in names for k in (0, 1)]
        for term in terms[:MOST]:
            ways: set[str] | None = None
            for n, (k, env, wanted) in enumerate(cases):
                made = value if not n else self.result(new, env)
                extra = _spread(self.value(term, env), wanted)
                if made is None or extra is None or squeezed(made).shape != squeezed(wanted).shape:
                    ways = set()
                    break
                rest = squeezed(wanted) - squeezed(made)
                if not np.any(extra) and not np.any(rest):
                    continue
                if not np.any(extra):
                    ways = set()
                    break
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
            if self.result(new, self.envs[0][-1]) is not None and self.repairs(new, self.node):  # type: ignore[arg-type]
                yield edit.cost, new, edit.words
                return

    def repairs(self, rhs: str, node: ast.expr) -> bool:
        """Whether the pass with this in the place of a right side gives the gradients that the place is blamed for, and spoils none."""
        try:
            new = parsed(rhs)
            code = self.bench.changed({node.number: new})  # type: ignore[attr-defined]
        except (SyntaxError, SymbackpropError):
            return False
        return self.is_good(code)

    def is_good(self, code: CodeType) -> bool:
        """Whether changed code gives what it should."""
        seen = self.bench.tried(plainly_at, code, first=self.blame.repairs)
        return seen is not None and all(seen[s] == RIGHT for s in (*self.blame.repairs, *self.right))

    def tried(self, statements: Iterable[tuple[str, str, bool]]) -> Mended | None:
        """The first of some statements that makes the pass right, in the place of this one or after it: (text, words, whether after it)."""
        for text, words, is_after in statements:
            try:
                new = ast.parse(text).body
                both = ast.If(ast.Constant(True), [self.statement, *new], []) if is_after else new[0]
                code = self.bench.changed({self.statement.number: both})  # type: ignore[attr-defined]
            except (SyntaxError, SymbackpropError):
                continue
            if self.is_good(code):
                return Mended(text, words, self.statement.number, both, self.blame.site)  # type: ignore[attr-defined]
        return None

    def signs(self) -> Iterator[tuple[str, str, bool]]:
        """Other signs of assignment."""
        s = self.statement
        if not isinstance(s, ast.Assign | ast.AugAssign) or self.blame.site.expression is None or isinstance(s.value, ast.Dict):
            return
        rhs, target = self.pass_.source(s.value), self.pass_.source(s.targets[0] if isinstance(s, ast.Assign) else s.target)
        was = "=" if isinstance(s, ast.Assign) else {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}.get(type(s.op), "")
        for sign in ("+=", "-=", "=", *(("*=", "/=") if was in ("*=", "/=") else ())):
            if sign != was:
                yield f"{target} {sign} {rhs}", f"it is `{was}` where `{sign}` should stand", False

    def after(self) -> Iterator[tuple[str, str, bool]]:
        """Statements that may be missing after this one."""
        name = self.blame.site.name
        if self.blame.site.is_result or not self.envs[0]:
            return
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
            yield text, f"`{text}` is missing after it", True
        for array, value in self.scope(self.envs[0][-1]).arrays.items():
            for factor in (f"({array} > 0)", array, f"(1 - {array}**2)", f"{array} * (1 - {array})"):
                made_ = self.value(factor, self.envs[0][-1])
                if array != name and made_ is not None and np.shape(made_) == np.shape(self.blame.was[0]):
                    if close(np.asarray(next(iter(reversed(self.blame.wanted[0].values())))).reshape(np.shape(made_)), self.blame.was[0] * made_, 1e-7):
                        yield f"{name} = {name} * {factor}", f"the factor {factor} is missing", True


def parsed(text: str) -> ast.expr:
    """The tree of an expression, which may run over several lines."""
    return ast.parse(f"({text}\n)", mode="eval").body


def _limited(editor: Editor) -> list[Edit]:
    return [e for _, e in zip(range(MOST), editor.edits(), strict=False)]


def tidy(text: str, author: str) -> str:
    """An expression without the parentheses that change nothing, but for those that the author wrote."""
    k = 0
    while (k := text.find("(", k)) >= 0:
        stop = _closing(text, k)
        without = text[:k] + text[k + 1 : stop] + text[stop + 1 :]
        if text[k : stop + 1] not in author and _same(without, text):
            text = without
        else:
            k += 1
    return text


def _closing(text: str, at: int) -> int:
    depth = 0
    for k in range(at, len(text)):
        depth += (text[k] == "(") - (text[k] == ")")
        if not depth:
            return k
    return at


def _same(one: str, other: str) -> bool:
    try:
        return ast.dump(parsed(one)) == ast.dump(parsed(other))
    except SyntaxError:
        return False


def _spread(value: Any, wanted: np.ndarray) -> np.ndarray | None:
    """A value with the shape of another, where it broadcasts to that."""
    try:
        return np.broadcast_to(value, np.shape(wanted)) if isinstance(value, np.ndarray) else None
    except ValueError:
        return None


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


def mend(bench: Bench, blame: Blame, right: Sequence[Slot], suspects: Collection[str]) -> Mended | None:
    """The statement at a blamed place as it should be, None where no small edit makes it so.

    `right`: gradients that must stay so; `suspects`: variables of values that are nothing known, whose own line may hold the slip.
    """
    return Mender(bench, blame, right, suspects).mended()
