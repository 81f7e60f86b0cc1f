"""What is written as LaTeX, read back by value with the reader of people's LaTeX.

A page says which letters are indices and sizes, that names are arrays, that vec lists rows, that functions of a matrix work on its rows;
so it is declared here. Names have the values that are given, derivatives too where they are, by keys ("d", top, bottom, ...); others held,
("held", that, others ...); one with a dot, ("dot", top, bottom, ...).
"""

import re
from functools import cache

import numpy as np

from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.notation.context import read
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.readings import usual
from symbackprop.formulas.notation.references import atoms, match
from symbackprop.formulas.notation.trees import base_of, flat, parts, plain
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers.quantities import MisfitError
from symbackprop.formulas.numbers.tape import Scalar, constant
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.statements import parse
from symbackprop.typesetting import tree
from symbackprop.typesetting.latex import latex

SAID = {"layout": "gradient", "ops": {r"\otimes": "kronecker"}, "vec": "rows", "names": "arrays", "functions": "rows", "bars": "entries"}


class Given(Meaning):
    """Formulas on arrays that are given, instead of numbers that are drawn; shapes must be the same where entries are added."""

    def __init__(self, body, values, sizes, letters, forward=()):
        self.letters = set(letters) | bound_in(body)
        self.seen, self.inside = {}, {}
        names = {k: np.asarray(v) for k, v in values.items() if isinstance(k, str) and not is_inverse(k)}
        shapes = {k: list(v.shape) for k, v in names.items()}
        for name, size in lower_in(body, names).items():
            shapes[name] = [size, size]
            forward = [*forward, lower_is(name)]
            self.letters |= {"u", "v"}
        context = read({"shapes": shapes, "forward": forward, "conventions": SAID})
        assert not context.unread, context.unread
        super().__init__(context, usual(context.conventions), [body], 0, sizes)
        self.deadline = float("inf")
        self.indices = frozenset(self.letters)
        self.sizes_named = self.sizes_named | set(sizes)
        self.given_arrays = {self.pattern_of(tree_of(k)): v for k, v in names.items()}
        self.given_slopes = {self.spelled(k): np.asarray(v, float) for k, v in values.items() if not isinstance(k, str)}

        self.parts_known = set().union(*map(patterns_in, self.given_slopes))

    def is_index(self, letter):
        return letter in self.letters

    def loose_size(self, stop, letter):
        """All sizes are given."""

    def spelled(self, key):
        """A key with the names in it as patterns."""
        return (key[0], *[self.spelled(part) if isinstance(part, tuple) else self.pattern_of(tree_of(part)) for part in key[1:]])

    def leaf(self, base, found, bindings, shape):
        assert found in self.given_arrays, f"nothing says what {base} is"
        if found not in self.leaves:
            self.leaves[found] = as_entries(self.given_arrays[found])
        return self.leaves[found]

    def value(self, node, env):
        """The value, kept by the indices that stand in it."""
        if not isinstance(node, n.Big | n.Bracket | n.Leibniz | n.Name) or self.scope:
            return super().value(node, env)
        if id(node) not in self.inside:
            self.inside[id(node)] = self.letters & {x for p in parts(node) if isinstance(p, n.Name) for x in (p.id, *p.id)}
        key = (id(node), self.whole, *map(env.get, self.inside[id(node)]))
        if key not in self.seen:
            self.seen[key] = node, super().value(node, env)
        return self.seen[key][1]

    # --- derivatives that are given ------------------------------------------------------------------------------------------

    def of_leibniz(self, node, env):
        return self.slope("d", node, (), env) or super().of_leibniz(node, env)

    def of_scripted(self, node, env):
        inside = plain(node.of)
        if isinstance(node.of, n.Bracket) and node.of.open == r"\lVert" and not any(s.mark == "_" for s in node.scripts):
            self.of_bracket(node.of, env)
        if isinstance(inside, n.Leibniz) and isinstance(node.of, n.Bracket):
            held = [i for s in node.scripts if s.mark == "_" for i in s.items]
            dotted = [s for s in node.scripts if s.mark == "^" and flat(s.items[0]) == r"\cdot"]
            found = self.slope("held" if held else "dot", inside, held, env) if held or dotted else None
            if found is not None:
                return self.raised(
                    found, self.positions([s for s in node.scripts if s.mark == "^" and s not in dotted], "^", env), node, env
                )
        return super().of_scripted(node, env)

    def slope(self, kind, node, held, env):
        """A derivative that is given, its indices those of its parts one after the other; None where it is not."""
        key, below = self.parts_of(node, env)
        key = (kind, *key) if kind != "held" else (kind, ("d", *key), *[self.part(h, env)[0] for h in held])
        if key not in self.given_slopes:
            return None
        made = as_entries(self.given_slopes[key])
        return self.component(made, below, node, env) if below else made

    def parts_of(self, node, env):
        found = [self.part(p, env) for p in (node.of, *node.by)]
        return tuple(key for key, _ in found), [p for _, below in found for p in below]

    def part(self, node, env):
        """The key of what is derived or derived by, and the places below it."""
        node = plain(node)
        if isinstance(node, n.Leibniz):
            key, below = self.parts_of(node, env)
            return ("d", *key), below
        if not isinstance(node, n.Name):
            return flat(node), []
        below, above = self.positions(node.scripts, "_", env), self.positions(node.scripts, "^", env)
        own = self.pattern_of(node).base
        for base in (own, own[:-1] + own[-1].upper()):  # h_s is a row of H
            fits = [(p, fit) for p in self.parts_known if p.base == base and (fit := match(p, below, above)) and not fit.above]
            if fits:
                pattern, fit = max(fits, key=lambda f: len(f[0].below) + len(f[0].above))
                return pattern, list(fit.below)
        return self.pattern_of(node), []

    # --- shapes, more strictly than people are read ----------------------------------------------------------------------------

    def of_sum(self, node, env):
        made = None
        for sign, term in zip(node.signs, node.terms, strict=True):
            value = self.value(term, env)
            value = q.negative(value) if sign == "-" else value
            assert made is None or alike(made, value), f"{made.described} + {value.described}"
            made = value if made is None else q.plus(made, value)
        return made

    def of_bracket(self, node, env):
        made = super().of_bracket(node, env)
        assert node.open != r"\lVert" or self.value(node.items[0], env).data.ndim == 1, "a matrix has Frobenius's norm"
        return made

    def of_call(self, node, env):
        """vec lists as many entries as the whole has, which tells the size of a unit column in it."""
        total = self.whole[0]
        if node.function.id == "vec":
            for rows in [k for k in range(1, total + 1) if total % k == 0]:
                self.whole = rows, total // rows
                made = super().of_call(node, env)
                if made.data.size == total:
                    break
            self.whole = total, 0
            return made if total else super().of_call(node, env)
        return super().of_call(node, env)

    def entrywise(self, a, b):
        assert alike(a, b), f"{a.described} beside {b.described}"
        return super().entrywise(a, b)


def patterns_in(key):
    """The patterns of the names in a key."""
    return {x for part in key[1:] for x in (patterns_in(part) if isinstance(part, tuple) else {part})}


def alike(a, b):
    """Whether two things have one shape; a constant takes that of what stands beside it."""
    return bool(a.special or b.special) or (a.shape == b.shape and (a.data.ndim != 1 or a.row == b.row))


def as_entries(array):
    """An array as numbers; whole numbers are constants, which may be indices."""
    whole = np.issubdtype(array.dtype, np.integer)
    return q.array_of([constant(x) if whole else Scalar(np.asarray(float(x)), entry=True) for x in array.reshape(-1)], array.shape)


@cache
def tree_of(text):
    """The one thing that a text says; the words that are set upright are names."""
    words = re.findall(r"\\mathrm\{([A-Za-z]{2,})\}", text)
    return plain(parse(text, {}, words).statements[0].body)


def lower_in(body, names):
    """The lower triangular matrices of ones in a formula, in a font that no tensor called L has."""
    fonts = {tree_of(k).style for k in names if base_of(tree_of(k)) == "L"}
    found = [p for p in parts(body) if isinstance(p, n.Name) and p.id == "L" and [s.mark for s in p.scripts][:1] == ["_"]]
    marked = {(rf"\{p.style}{{L}}" if p.style else "L", flat(p.scripts[0].items[0])) for p in found if p.style not in fonts}
    return {rf"{sign}_{{{size}}}": size for sign, size in marked}


def lower_is(sign, letters="uv"):
    """What such a matrix is, as a page tells in words."""
    i, j = letters
    return rf"({sign})_{{{i}{j}}} = \mathbf{{1}}[{i} \ge {j}]"


def is_inverse(name):
    """Whether a name is that of an inverse, which is computed."""
    return not isinstance(tree_of(name), n.Name) or any(flat(a.tree) == "-1" for a in atoms(tree_of(name).scripts, "^"))


def bound_in(body):
    """The letters that sums run over, and those below functions."""
    found = set()
    for p in parts(body):
        below = [a.tree for a in atoms(p.scripts, "_")] if isinstance(p, n.Big) else []
        below += [a.tree for a in atoms(p.function.scripts, "_")] if isinstance(p, n.Call) else []
        found |= {flat(plain(x.sides[0] if isinstance(x, n.Chain) else x)) for x in below}
    return found


def key_of(node):
    """What a name is looked up as, from its typeset tree."""
    match node:
        case tree.Derivative(top, bottoms):
            return ("d", *map(key_of, (top, *bottoms)))
        case tree.Held(whole, others):
            return ("held", key_of(whole), *map(key_of, others))
        case tree.Labelled(tree.Fenced(tree.Derivative(top, bottoms)), (), tree.Mark("cdot")):
            return ("dot", *map(key_of, (top, *bottoms)))
    return latex(node)


def numbers(made):
    """The values of entries."""
    return np.array([float(np.ravel(x.value)[0]) for x in made.data.reshape(-1)])


FAILURES = (MisfitError, UnreadError, OutOfRangeError)


def evaluated(reader, env=None):
    """The value of a formula. Raises AssertionError where it has none."""
    try:
        return reader.fitting(reader.claims[0], env or {})
    except FAILURES as error:
        raise AssertionError(str(error)) from error


def read_index(text, values, sizes, letters, shape):
    """The array of a right side in index form whose free letters run over `shape`."""
    reader = Given(tree_of(text), values, sizes, letters)
    if not letters:
        return numbers(evaluated(reader)).reshape(shape)
    result = np.empty(shape)
    for at in np.ndindex(*shape):
        made = evaluated(reader, {a: k + 1 for a, k in zip(letters, at, strict=True)})
        assert not made.shape, f"{text} is {made.described}"
        result[at] = numbers(made).item()
    return result


def matrix_of(text, values, sizes, shape):
    """A right side in matrix form as rows and columns: vectors are columns, numbers 1 x 1, axes of size one none.

    `shape` is that of the whole, which tells the size of a unit column that stands alone.
    """
    flat_values = {k: v.reshape([s for s in v.shape if s != 1]) if (v := np.asarray(value)).ndim > 1 else v for k, value in values.items()}
    reader = Given(tree_of(text), {k: v for k, v in flat_values.items() if v.ndim < 3}, sizes, ())
    reader.whole = (*shape, 0, 0)[:2]
    made = q.settled(evaluated(reader))
    across = made.row or not made.shape
    return numbers(made).reshape(made.shape if made.data.ndim == 2 else (1, -1) if across else (-1, 1))


def read_matrix(text, values, sizes, shape):
    """The array of a right side in matrix form."""
    return np.zeros(shape) if text == "0" else matrix_of(text, values, sizes, shape).reshape(shape)
