"""The statement at a blamed place as it should be: small edits of it, tried on the values that it sees, then in the pass itself."""

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from symbackprop.backward.deriving.bench import Bench
from symbackprop.backward.deriving.labels import close, squeezed
from symbackprop.backward.faults.blaming import Blame
from symbackprop.backward.faults.place import Env, Place
from symbackprop.backward.faults.solving import MOST_RUNS, Found, factors, limited, solutions
from symbackprop.backward.faults.texts import factored, parsed, tidy
from symbackprop.backward.running.slots import Slot
from symbackprop.backward.running.watched import Site, number_of

PLAIN = 2
"""The cost of an edit that is taken before slips in earlier lines are looked for."""
TRIED = 12
"""Right sides that are tried in the pass."""
SIGNS = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}


@dataclass(frozen=True)
class Mended:
    """A statement as it should be, and the slip in words; the node of the source, by its number, that another stands for; the place."""

    statement: str
    words: str
    number: int
    node: ast.AST
    site: Site


def mend(bench: Bench, blame: Blame, right: Sequence[Slot], suspects: Collection[str]) -> Mended | None:
    """The statement at a blamed place as it should be, None where no small edit makes it so.

    `right`: gradients that must stay so; `suspects`: variables of values that are nothing known, whose own line may hold the slip.
    """
    place = Place(bench, blame, right)
    if place.node is None or not all(place.envs):
        return _tried(place, _after(place))
    if (swapped := _tried(place, _signs(place))) is not None:
        return swapped
    found = solutions(place)
    near, far = [f for f in found if f[0] <= PLAIN], [f for f in found if f[0] > PLAIN]
    carried = None if near else _carried(place)
    return _first(place, near) or carried or _earlier(place, suspects) or _first(place, far) or _tried(place, _after(place))


def _first(place: Place, found: Sequence[Found]) -> Mended | None:
    """The first right side that makes the pass right."""
    assert place.node is not None
    rhs = place.source.source(place.node)
    for _, new, words in found[:TRIED]:
        if place.repairs(new, place.node):
            return Mended(_line(place.with_right_side(tidy(new, rhs))), words, number_of(place.node), parsed(new), place.site)
    return None


def _line(text: str) -> str:
    return " ".join(text.split())


def _earlier(place: Place, suspects: Collection[str]) -> Mended | None:
    """A slip in a line that this one reads: a value that is nothing known, which an edit of its own line puts right."""
    if place.node is None or not place.is_told:
        return None
    read = {ast.unparse(n) for n in ast.walk(place.node) if isinstance(n, ast.Name)} & {*suspects}
    for site in place.source.sites.values():
        plain = site.name in read and site.line < place.site.line and isinstance(site.statement, ast.Assign)
        if not plain or site.expression is None:
            continue
        envs = [place.scopes(site, k) for k in range(len(place.bench.points))]
        if any(len(e) != 1 for e in envs):
            continue
        rhs = place.source.source(site.expression)
        for edit in sorted(limited(place.editor(site.expression, envs[0][0])), key=lambda e: e.cost):
            new = rhs[: edit.start] + edit.text + rhs[edit.stop :]
            if all(_follows(place, site.name, new, e[0], k) for k, e in enumerate(envs)) and place.repairs(new, site.expression):
                start, stop = place.source.span(site.expression, site.statement)
                text = place.source.source(site.statement)
                text = text[:start] + tidy(new, rhs) + text[stop:]
                return Mended(_line(text), edit.words, number_of(site.expression), parsed(new), site)
    return None


def _carried(place: Place) -> Mended | None:
    """A slip in a later line of a loop, whose value this one reads in the next round: the first round is right then."""
    wanted = place.blame.wanted[0]
    if len(wanted) < 2 or place.node is None:
        return None
    first = next((m for m in place.bench.log(0, place.bench.current()) if m.site == place.site.number), None)
    if first is None or not place.fits(first.value, wanted[first.time]):
        return None
    read = {n.id for n in ast.walk(place.node) if isinstance(n, ast.Name)}
    for site in place.source.sites.values():
        if site.name not in read or site.line <= place.site.line or site.expression is None or not isinstance(site.statement, ast.Assign):
            continue
        envs = place.scopes(site, 0)
        rhs = place.source.source(site.expression)
        for edit in sorted(limited(place.editor(site.expression, envs[-1])), key=lambda e: e.cost)[:MOST_RUNS] if envs else ():
            new = rhs[: edit.start] + edit.text + rhs[edit.stop :]
            if place.repairs(new, site.expression):
                start, stop = place.source.span(site.expression, site.statement)
                text = place.source.source(site.statement)
                text = text[:start] + tidy(new, rhs) + text[stop:]
                return Mended(_line(text), edit.words, number_of(site.expression), parsed(new), site)
    return None


def _follows(place: Place, name: str, rhs: str, env: Env, k: int) -> bool:
    """Whether the blamed statement gives what is wanted when another one binds `name` to this right side."""
    value = place.value(rhs, env)
    if value is None or place.node is None:
        return False
    own = place.source.source(place.node)
    return all(place.fits(place.result(own, {**e, name: value}), w) for j, e, w in place.cases() if j == k)


def _tried(place: Place, statements: Iterable[tuple[str, str, bool]]) -> Mended | None:
    """The first of some statements that makes the pass right, in the place of this one or after it: (text, words, whether after it)."""
    for text, words, is_after in statements:
        try:
            new = ast.parse(text).body
        except SyntaxError:
            continue
        both = ast.If(ast.Constant(True), [place.statement, *new], []) if is_after else new[0]
        if place.is_good({number_of(place.statement): both}):
            return Mended(text, words, number_of(place.statement), both, place.site)
    return None


def _signs(place: Place) -> Iterator[tuple[str, str, bool]]:
    """The statement with other signs of assignment."""
    s = place.statement
    if not isinstance(s, ast.Assign | ast.AugAssign) or isinstance(s.value, ast.Dict):
        return
    rhs, target = place.source.source(s.value), place.source.source(s.targets[0] if isinstance(s, ast.Assign) else s.target)
    was = "=" if isinstance(s, ast.Assign) else SIGNS.get(type(s.op), "")
    for sign in ("+=", "-=", "=", *(("*=", "/=") if was in ("*=", "/=") else ())):
        if sign != was:
            yield f"{target} {sign} {rhs}", f"it is `{was}` where `{sign}` should stand", False
    if not isinstance(s, ast.AugAssign):
        return
    if isinstance(s.target, ast.Subscript) and was == "+=":
        base, index = place.source.source(s.target.value), place.source.source(s.target.slice)
        yield f"np.add.at({base}, {index}, {rhs})", "places that occur twice are written once", False
    elif isinstance(s.target, ast.Name):
        yield _without_first(place, target, was, rhs), f"the first entry of {target} has no such term", False


def _without_first(place: Place, target: str, sign: str, rhs: str) -> str:
    """The statement for all entries but the first, as where a bias is not penalised."""
    arrays = place.scope(place.envs[0][-1]).arrays if place.envs[0] else {}
    shape = arrays[target].shape if target in arrays else ()
    for name in sorted((n for n, v in arrays.items() if n.isidentifier() and v.shape == shape), key=len, reverse=True):
        rhs = re.sub(rf"(?<![\w.]){re.escape(name)}\b(?!\[)", f"{name}[1:]", rhs)
    return f"{target}[1:] {sign} {rhs}"


def _after(place: Place) -> Iterator[tuple[str, str, bool]]:
    """Statements that may be missing after this one."""
    name, blame = place.site.name, place.blame
    if place.site.is_result or not place.envs[0]:
        return
    ways: set[str] | None = None
    for k, (value, wanted) in enumerate(zip(blame.was, blame.wanted, strict=True)):
        here = factors(squeezed([*wanted.values()][-1]), squeezed(value), place.numbers(k), 1e-7)
        ways = here if ways is None else ways & here
    for way in sorted(ways or (), key=len)[:3]:
        body = way.removeprefix("1/")
        plain = way.startswith("1/") and "/" not in body and "*" not in body
        text = f"{name} /= {body}" if plain else f"{name} = {factored(name, way)[0]}"
        yield text, f"`{text}` is missing after it", True
    env = place.envs[0][-1]
    for array in place.scope(env).arrays:
        for factor in (f"({array} > 0)", array, f"(1 - {array}**2)", f"{array} * (1 - {array})"):
            made = place.value(factor, env)
            if array == name or np.shape(made) != np.shape(blame.was[0]) or np.size(made) != place.wanted().size:
                continue
            if close(place.wanted().reshape(np.shape(made)), blame.was[0] * np.asarray(made), 1e-7):
                yield f"{name} = {name} * {factor}", f"the factor {factor} is missing", True
