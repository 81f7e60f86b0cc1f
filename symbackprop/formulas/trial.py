"""One link under one reading, tried on numbers: at every value of its free indices, at several points, at two choices of sizes."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.meaning.stationary import moved
from symbackprop.formulas.names.definitions import LAST
from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.faults import OutOfRangeError, ResizedError, UnreadError
from symbackprop.formulas.notation.links import Link, free_letters
from symbackprop.formulas.notation.readings import Reading
from symbackprop.formulas.notation.sequences import has_dots
from symbackprop.formulas.notation.trees import base_of, flat, parts, plain
from symbackprop.formulas.numbers.quantities import InconsistentError, MisfitError, Quantity, SingularError, diagonal, spread
from symbackprop.formulas.outcome import Outcome
from symbackprop.formulas.updates import stepped
from symbackprop.language.latex import nodes as n

SEEDS = (0, 1)


FURTHEST, MOST = 7, 30


SINGULAR = "a matrix that has no inverse"
SILENT = "a derivative by something that nothing depends on"
RELATIVE, ABSOLUTE = 1e-7, 1e-10
VAST = 1e9
"""Where data is of the size of 1, a value beyond this is that of an almost singular matrix: its digits say nothing."""


def tried(link: Link, context: Context, reading: Reading, claims: Sequence[n.Node]) -> Outcome:
    """Try a link under a reading; with other sizes where a matrix of those has no inverse."""
    made = Outcome("unread", "nothing was tried")
    for seed in SEEDS:
        made = tried_once(link, context, reading, claims, seed)
        if made.text == SINGULAR:
            made = tried_once(link, context, reading, claims, seed + len(SEEDS))
        if made.kind != "equal":
            return made
    return made


def tried_once(link: Link, context: Context, reading: Reading, claims: Sequence[n.Node], seed: int) -> Outcome:
    """Try a link under a reading, at the numbers and sizes of one seed."""
    sizes: dict[str, int] = {}
    try:
        for _ in range(12):
            try:
                values, chosen = settled(context, reading, claims, seed, sizes) if context.zeros else ({}, sizes)
                names = Meaning(context, reading, claims, seed, chosen)
                names.moved = values
                return compared(link, names)
            except ResizedError as error:
                sizes = {**names.sizes, error.key: error.size}
    except InconsistentError as error:
        return Outcome("unread", str(error))
    except SingularError:
        return Outcome("unread", SINGULAR)
    except MisfitError as error:
        return Outcome("misfit", str(error))
    except UnreadError as error:
        return Outcome("unread", error.reason, error.node)
    except OutOfRangeError as error:
        return Outcome("misfit", f"{error}")
    except RecursionError:
        return Outcome("unread", "this is nested too deeply")
    return Outcome("unread", "nothing was tried")


Settled = tuple[dict[str, np.ndarray], dict[str, int]]
SETTLED: dict[tuple, tuple[Context, Settled]] = {}
MOST_SETTLED = 16


def settled(context: Context, reading: Reading, claims: Sequence[n.Node], seed: int, sizes: Mapping[str, int]) -> Settled:
    """The values at which the equations of the context that define nothing hold, and the sizes they have."""
    key = id(context), reading, seed, tuple(sorted(sizes.items()))
    if key not in SETTLED or SETTLED[key][0] is not context:
        chosen = dict(sizes)

        def made(values: Mapping[str, np.ndarray]) -> Meaning:
            names = Meaning(context, reading, claims, seed, chosen)
            names.moved = values
            return names

        found = moved(made, context.zeros, chosen)
        while len(SETTLED) >= MOST_SETTLED:
            SETTLED.pop(next(iter(SETTLED)))
        SETTLED[key] = context, (found, chosen)
    return SETTLED[key][1]


def compared(link: Link, names: Meaning) -> Outcome:
    """Compare both sides wherever the indices may stand."""
    sides = (link.left, link.right)
    letters = free_letters(sides, names.indices)
    if names.reading.einstein:
        loose = [x for x in free_letters((link.right,), names.indices) if x not in free_letters((link.left,), names.indices)]
        if not loose:
            raise MisfitError("no index stands on the right alone")
        scripts = (n.Script("_", tuple(n.Name(x) for x in loose)),)
        link = replace(link, right=n.Big(r"\sum", scripts, link.right, span=link.right.span))
        letters = [x for x in letters if x not in loose]
    reached = 0
    apart: Outcome | None = None
    ratios: list[float] = []
    if link.kind == "shape":
        return shaped(link, names)
    if link.kind == "update":
        return stepped(link, names)
    for env, left, right in places(letters, link, names):
        found = difference(left, right, names, env, where(link, names, env), ratios)
        if found is not None and apart is None:
            apart = found
        if found is not None and found.kind == "shape":
            if names.invented:
                raise UnreadError(f"nothing says what {', '.join(sorted(names.invented))} is", link.left)
            return found
        reached += 1
    if not reached:
        raise UnreadError("no value of the indices lies in the range of everything", link.left)
    silent = [span for span, depends in getattr(names, "dependence", {}).items() if not depends]
    if silent and not link.conditions and not is_zero(link.right) and not is_zero(link.left):
        raise UnreadError(SILENT, link.left)
    if apart is not None and names.invented:
        raise UnreadError(f"nothing says what {', '.join(sorted(names.invented))} is", link.left)
    if apart is not None:
        steady = len(ratios) > 1 and np.ptp(ratios) < 1e-6 * max(map(abs, ratios)) < np.inf and abs(ratios[0] - 1) > 1e-6
        return Outcome(**{**apart.__dict__, "ratio": ratios[0] if steady else None})
    if not ratios and not is_zero(link.right) and not is_zero(link.left) and link.kind == "claim" and reached and not names.reading.special:
        raise UnreadError("both sides are 0 wherever they were tried", link.left)
    return Outcome("equal", names=names, trivial=not ratios)


def shaped(link: Link, names: Meaning) -> Outcome:
    """Whether something has the shape that is said."""
    right = plain(link.right)
    if not isinstance(right, n.Name) or right.id not in ("R", r"\R") or (right.style and right.style != "mathbb"):
        raise UnreadError("what this belongs to", link.right)
    above = [i for x in right.scripts if x.mark == "^" for i in x.items]
    if len(above) > 1:
        raise UnreadError("this set", link.right)
    product = plain(above[0]) if above else None
    trees = product.factors if isinstance(product, n.Product) and set(product.signs) <= {r"\times", "*"} else (product,) if product else ()
    for env in index_values(free_letters((link.left,), names.indices), names):
        try:
            made = names.fitting(link.left, env)
            said = tuple(names.size(t, env) for t in trees)
        except OutOfRangeError:
            continue
        shape = made.shape
        if made.data.ndim == 1 and len(said) == 2:
            shape = (1, made.shape[0]) if made.row and not names.reading.loose else (made.shape[0], 1)
            if names.reading.loose and said[0] == 1:
                said = said[::-1]
        if shape != said and not (made.data.size == 1 and set(said) <= {1}):
            text = f"this is {made.described}, not {' x '.join(map(str, said))}"
            return Outcome("shape", text, where=env, names=names, plain=True)
    return Outcome("equal", names=names)


def index_values(letters: Sequence[str], names: Meaning) -> Iterator[dict[str, int]]:
    """Some values of the indices."""
    for at in (2, 1, 3):
        yield dict.fromkeys(letters, at)
        if not letters:
            return


def is_zero(node: n.Node) -> bool:
    """Whether a side is written 0."""
    node = plain(node)
    node = node.of if isinstance(node, n.Accent) else node
    return (isinstance(node, n.Number) and node.text == "0") or (isinstance(node, n.Name) and node.id == "0")


def places(letters: Sequence[str], link: Link, names: Meaning) -> Iterator[tuple[dict[str, int], Quantity, Quantity]]:
    """The values of the free indices at which everything is in range and the conditions hold."""
    ranges: dict[str, list[int]] = {}
    dots = has_dots(link.left) or has_dots(link.right)
    for letter in letters:
        if letter in names.recursive:
            ranges[letter] = [LAST] if names.reading.last else [LAST - 2] if dots else [2, 3, 1, LAST]
        else:
            ranges[letter] = list(range(names.origin, FURTHEST + 1))
    base = {letter: ranges[letter][0] for letter in letters}
    for letter in letters:
        if letter not in names.recursive:
            ranges[letter] = reachable(letter, base, ranges[letter], link, names)
    everything = list(itertools.product(*(ranges[x] for x in letters)))
    if len(everything) > MOST:
        rng = np.random.default_rng(7)
        chosen = sorted(rng.choice(len(everything), MOST, replace=False))
        ties = [k for k, at in enumerate(everything) if len(set(at)) < len(at)][: MOST // 4]
        everything = [everything[k] for k in sorted({*chosen, *ties})]
    for at in everything:
        env = dict(zip(letters, at, strict=True))
        if not holds_here(link, names, env):
            continue
        if names.reading.others and is_class(names, env):
            continue
        if names.reading.hit and names.hot_class not in env.values():
            continue
        try:
            left = names.fitting(link.left, env)
            names.whole = (*left.shape, 0, 0)[:2]
            right = names.fitting(link.right, env)
        except OutOfRangeError:
            continue
        yield env, left, right


def is_class(names: Meaning, env: Mapping[str, int]) -> bool:
    """Whether a free index is the class of a sample, such as y_i."""
    for tree in names.trees:
        for p in parts(tree):
            if isinstance(p, n.Name) and p.scripts and base_of(p) in names.classes:
                own: set[str] = set()
                for s in p.scripts:
                    own |= {x.id for i in s.items for x in parts(i) if isinstance(x, n.Name)}
                value = names.whole_number(p, env, set())
                if value is not None and any(v == value for x, v in env.items() if x not in own):
                    return True
    return False


def reachable(letter: str, base: Mapping[str, int], values: Sequence[int], link: Link, names: Meaning) -> list[int]:
    """The values that an index may take while the others stay."""
    found: list[int] = []
    for value in values:
        try:
            for side in (link.left, link.right):
                names.fitting(side, {**base, letter: value})
        except OutOfRangeError as error:
            if letter in error.letters and (found or value > 1):
                break
            if letter in error.letters:
                continue
        found.append(value)
    return found or [1]


def holds_here(link: Link, names: Meaning, env: Mapping[str, int]) -> bool:
    """Whether the conditions on indices hold."""
    for c in link.conditions:
        for part in c.parts:
            counted = isinstance(part, n.Chain) and names.counted(part, env)
            if counted and bool(np.all(names.holds(part, env))) == (c.word == "otherwise"):
                return False
    return True


def where(link: Link, names: Meaning, env: Mapping[str, int]) -> np.ndarray | None:
    """The points at which conditions on values hold; None for all."""
    found: np.ndarray | None = None
    for c in link.conditions:
        for part in c.parts:
            if isinstance(part, n.Chain) and set(part.signs) & {r"\in", r"\notin"}:
                continue
            if isinstance(part, n.Chain) and not names.counted(part, env) and not isinstance(part.sides[-1], n.Listing):
                here = names.holds(part, env)
                here = ~here if c.word == "otherwise" else here
                found = here if found is None else found & here
            elif not isinstance(part, n.Chain | n.Name | n.Listing):
                raise UnreadError(f"the condition {flat(part)}", part)
    return found


def difference(
    left: Quantity, right: Quantity, names: Meaning, env: Mapping[str, int], mask: np.ndarray | None, ratios: list[float]
) -> Outcome | None:
    """How two sides differ, or None."""
    a, b = beside(left, right, names.reading)
    if a is None or b is None:
        text = f"the left side is {left.described}, the right side {right.described}"
        return Outcome("shape", text, where=env, names=names, plain="laplacian" in (left.special, right.special))
    finite = 0
    apart: Outcome | None = None
    for at, here, there in zip(np.ndindex(*a.shape), a.reshape(-1), b.reshape(-1), strict=True):
        x, y = np.broadcast_arrays(np.atleast_1d(here.value).astype(float), np.atleast_1d(there.value).astype(float))
        allowed = (np.abs(x) < VAST) & (np.abs(y) < VAST)
        if mask is not None:
            allowed = allowed & mask
        finite = max(finite, int(allowed.sum()))
        relative, absolute = (1e-3, 1e-4) if names.reading.small else (RELATIVE, ABSOLUTE)
        wrong = allowed & (np.abs(x - y) > relative * (np.abs(x) + np.abs(y)) + absolute)
        big = allowed & (np.abs(y) > 1e-6)
        ratios += list(x[big] / y[big])
        if wrong.any() and apart is None:
            point = int(np.argmax(wrong))
            apart = Outcome("differs", where=env, names=names, at=at, left=float(x[point]), right=float(y[point]), point=point)
    if finite == 0 and a.size and mask is None:
        raise UnreadError("a side is no finite number at any point tried")
    return apart


def beside(left: Quantity, right: Quantity, reading: Reading) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Both arrays in one shape, or None where shapes contradict each other."""
    a, b = left.data, right.data
    if "open" in (left.special, right.special):
        if left.special == right.special:
            return a[:0], a[:0]
        if a.ndim != b.ndim:
            return None, None
        raise UnreadError("a list that goes on")
    if "laplacian" in (left.special, right.special):
        if a.shape != b.shape:
            return None, None
        raise UnreadError("a Laplacian or an increment")
    if left.special == "eye" and b.ndim == 2:
        return (spread(left, right), b) if b.shape[0] == b.shape[1] else (None, None)
    if right.special == "eye" and a.ndim == 2:
        return (a, spread(right, left)) if a.shape[0] == a.shape[1] else (None, None)
    if a.shape == b.shape:
        if a.ndim == 1 and left.row != right.row and not reading.loose:
            return None, None
        return a, b
    column = {(s.shape[0], 1) if not q.row else (1, s.shape[0]) for s, q in ((a, left), (b, right)) if s.ndim == 1}
    if a.ndim + b.ndim == 3 and (a.shape in column or b.shape in column):
        return a.reshape(-1), b.reshape(-1)
    if a.ndim == 1 and b.ndim == 2 and reading.loose and 1 in b.shape and a.size == b.size:
        return a, b.reshape(-1)
    if a.ndim == 2 and b.ndim == 1 and reading.loose and 1 in a.shape and a.size == b.size:
        return a.reshape(-1), b
    if reading.diagonal and {a.ndim, b.ndim} == {1, 2}:
        vector, matrix = (left, b) if a.ndim == 1 else (right, a)
        if matrix.shape == (vector.data.size,) * 2:
            whole = diagonal(vector).data
            return (whole, b) if a.ndim == 1 else (a, whole)
    if a.size == 1 and b.size == 1:
        return a.reshape(()), b.reshape(())
    if right.special == "ones" and not b.shape and right.data.item().of == () and a.ndim:
        return a, np.broadcast_to(b, a.shape)
    if not b.shape and a.ndim and is_constant(right):
        return a, np.broadcast_to(b, a.shape)
    return None, None


def is_constant(a: Quantity) -> bool:
    """Whether this is the number 0."""
    return a.data.size == 1 and not a.scalar.of and not a.scalar.entry and float(np.ravel(a.scalar.value)[0]) == 0
