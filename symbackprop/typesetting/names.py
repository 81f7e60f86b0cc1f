"""How tensors and indices are named on paper.

A name's trailing number is that of its layer and stands above it (W1 is W^1, H0 is H^0), as the model's style has it; a scalar
has it below, since above it would be a power. A number that could be taken for a power or an index stands in brackets. What else
follows an underscore stands below (W_q), and a name of several words is upright as it is. Greek names are letters, `yhat` wears its hat.
Adjoints, Jacobians and Hessian blocks are written as the derivatives they are. A derivative along a direction wears a dot, and so does the
direction itself; what a cotangent is carried back to wears a bar; of a derivative the dot stands at its bracket.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sympy import Expr

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Program, Style, Tensor
from symbackprop.errors import NotationError
from symbackprop.ops import OPS
from symbackprop.typesetting import tree
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.spelled import parse_name
from symbackprop.typesetting.symbols import ACCENTS, GREEK, GREEK_ALIASES, LETTERS

NUMBERED = re.compile(r"([^\W\d_]+)_?([0-9]+)\Z")
"""A word, and the number of its layer."""

BELOW = re.compile(r"([^\W\d_]+)_([^\W_]+)\Z")
"""A sign, and what stands below it."""

PIECES = re.compile(r"[\x00-\x7f]+|.")

MADE = re.compile(r"t[0-9]+\Z")
"""What the program calls values that nobody named."""

SAMPLES = "stuv"
"""The index letters of the axis of samples, best first."""

PREFERRED = {"b": "stuv", "d": "ipq", "h": "jqr", "c": "klm", "k": "kl", "t": "tuv", "v": "vw", "p": "pqr"}
"""The index letters of other axes, best first, by the axis's own name."""

POOL = "ijklpqrstuvabefg"
"""What other axes take their index letters from."""


def word(text: str) -> tree.Node:
    """A letter, a Greek letter, one of these with an accent, or a word."""
    text = GREEK_ALIASES.get(text, text)
    kind = next((k for k in ACCENTS if text.endswith(k) and len(text) > len(k)), None)
    if kind and text not in GREEK and is_sign(text[: -len(kind)]):
        return tree.Accent(word(text[: -len(kind)]), kind)
    return tree.Number(text) if text.isdigit() else lettered(text)


def is_sign(text: str) -> bool:
    """Whether a word is written as one sign: a letter, a Greek letter, or one of these with an accent."""
    return isinstance(word(text), tree.Accent) or len(text) == 1 or text in GREEK or text in GREEK_ALIASES


def spell(name: str, order: int) -> tree.Node:
    """A tensor's name without its indices: with its number above it if it has axes, else below, as what else follows an underscore.

    A sign takes any label, a word only a number, and the name of a function none: log_length is no power of a logarithm.
    """
    if is_sign(name):
        return word(name)
    for kind in ACCENTS:
        letter = name.removesuffix(kind)
        if letter != name and ("_" not in letter or letter.endswith("_")) and letter.strip("_"):
            inner = spell(letter.removesuffix("_"), order)
            letters = _base(inner)
            if isinstance(letters, tree.Letter) and is_sign(letters.text):
                return marked(inner, kind)
    if (found := NUMBERED.match(name)) and (is_sign(found[1]) or found[1] not in OPS):
        number = tree.Number(found[2])
        return tree.Labelled(word(found[1]), sup=number) if order else tree.Labelled(word(found[1]), sub=(number,))
    if (found := BELOW.match(name)) and is_sign(found[1]):
        return tree.Labelled(word(found[1]), sub=(word(found[2]),))
    return lettered(name)


def lettered(name: str) -> tree.Node:
    """A letter or a word as it is; the Greek letters in it are signs, since no upright font of LaTeX has them."""
    if name.isascii():
        return tree.Letter(name)
    parts = (tree.Letter(LETTERS[p]) if p in LETTERS else tree.Letter(p, "roman") for p in PIECES.findall(name))
    return tree.Group(tree.Sequence(tuple(parts)))


def check_names(program: Program) -> None:
    """Raise NotationError for a name in LaTeX that is none."""
    for tensor in program.tensors.values():
        try:
            parse_name(tensor.latex) if tensor.latex is not None else None
        except NotationError as error:
            raise NotationError(
                error.reason, place=f"latex of {tensor.name}", source=error.source, spans=error.spans, fix=error.fix
            ) from None


def styled(node: tree.Node, style: Style) -> tree.Node:
    """A name with the number of its layer as the style writes it."""
    if not isinstance(node, tree.Labelled) or not isinstance(node.sup, tree.Number):
        return node
    if style.layers == "_1":
        return replace(node, sub=(node.sup, *node.sub), sup=None)
    return replace(node, sup=tree.Fenced(node.sup, "[]" if style.layers == "[1]" else "()")) if style.layers in ("(1)", "[1]") else node


class Names:
    """The names of a program's tensors. No two tensors print alike."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.spelled: dict[str, tree.Node] = {}
        self.place = {name: k for k, name in enumerate(program.tensors)}
        taken: set[str] = set()
        arrays = [t for t in program.tensors.values() if t.axes and not (t.is_derived or t.latex)]
        self.letters = {latex(n) for n in (spell(t.name, 1) for t in arrays) if not isinstance(n, tree.Labelled)}
        scalars = [t.name for t in program.tensors.values() if not t.axes and not t.is_derived]
        self.numbers = {latex(word(n)) for n in (*scalars, *map(str, program.axes))}
        for name, tensor in program.tensors.items():
            node = parse_name(tensor.latex) if tensor.latex else self._default(tensor)
            if latex(node) in taken and not isinstance(node, tree.Derivative | tree.Held):
                whole = lettered(name) if len(name) > 1 else tree.Letter(name, "upright")
                numbered = [tree.Labelled(whole, sub=(tree.Number(str(k + 2)),)) for k in range(len(taken))]
                node = next(n for n in (whole, *numbered) if latex(n) not in taken)
            taken.add(latex(node))
            self.spelled[name] = node
        self.bases = set(map(_base, self.spelled.values()))

    def _default(self, tensor: Tensor) -> tree.Node:
        if tensor.derivative:
            return self._held(tensor, derivative([self._known(n) for n in tensor.derivative]))
        if tensor.tangent_of:
            return marked(self.plain(tensor.tangent_of), "dot")
        if tensor.cotangent_of:
            *rows, name = [self._known(n) for n in tensor.cotangent_of]
            return tree.Labelled(tree.Letter("G"), sup=tree.Product((*rows, name))) if rows else marked(name, "bar")
        if tensor.copy_of:
            own = self.program.tensors.get(tensor.copy_of)
            return marked(parse_name(own.latex) if own and own.latex else self.spell(tensor.copy_of, len(tensor.axes)), "tilde")
        made = self.program.equation(tensor.name) if tensor.role == "helper" else None
        if made is not None and isinstance(made.rhs, Call):
            return _helper(self._known(made.rhs.arguments[0]), made.rhs.op)
        return self._labelled(tensor.name, len(tensor.axes))

    def _labelled(self, name: str, order: int) -> tree.Node:
        """A name, with its number in brackets where a power of another tensor's entries, or an entry of it, would look the same."""
        node = self.spell(name, order)
        if not isinstance(node, tree.Labelled) or isinstance(node.sup, tree.Fenced):
            return node
        letter = latex(node.base)
        if node.sup is None:
            if letter not in self.letters:
                return node
            if all(isinstance(n, tree.Number) for n in node.sub):
                return replace(node, sub=tuple(map(tree.Fenced, node.sub)))
            return tree.Letter(name) if {*map(latex, node.sub)} & {*self.numbers, *self.letters} else node
        power = letter in self.numbers or latex(node.sup) in self.numbers
        if isinstance(node.sup, tree.Number):
            power = power or (letter in self.letters and int(node.sup.text) > 1)
        return replace(node, sup=tree.Fenced(node.sup)) if power or MADE.match(name) else node

    def spell(self, name: str, order: int) -> tree.Node:
        """A name in the style of the model."""
        return styled(spell(name, order), self.program.style)

    def plain(self, of: Sequence[str]) -> tree.Node:
        """What a tangent or a cotangent is of: a tensor, or the derivative of the first by the others."""
        parts = [self._known(n) for n in of]
        return derivative(parts) if len(parts) > 1 else parts[0]

    def _known(self, name: str) -> tree.Node:
        known = self.program.tensors.get(name)
        if known is None:
            return self.spell(name, 1)
        return parse_name(known.latex) if known.latex else self._default(known)

    def __call__(self, name: str, indices: tuple[tree.Node, ...] = ()) -> tree.Node:
        """The tensor `name` with its indices; a derivative hangs them on the tensors it is the derivative of."""
        tensor = self.program.tensors.get(name)
        if tensor is None:
            return indexed(self.spell(name, len(indices)), indices)
        if not indices:
            return self.spelled[name]
        parts = tensor.derivative or tensor.tangent_of
        if len(parts) < 2 or tensor.latex or isinstance(self.spelled[name], tree.Letter):
            return indexed(self.spelled[name], indices)
        made, at = [], 0
        for part, order in zip(parts, self._orders(tensor, parts), strict=True):
            made.append(self(part, indices[at : at + order]))
            at += order
        return self._held(tensor, derivative(made)) if tensor.derivative else marked(derivative(made), "dot")

    def _held(self, tensor: Tensor, made: tree.Derivative) -> tree.Derivative | tree.Held:
        """A derivative with what is held below it, where something is."""
        return tree.Held(made, tuple(self._known(n) for n in tensor.held)) if tensor.held else made

    def sign(self, letter: str, *styles: str) -> tree.Letter:
        """The sign of a constant matrix, as I of the identity, in the first of `styles` in which no tensor has this letter."""
        signs = [tree.Letter(letter, style) for style in styles]
        return next((sign for sign in signs if sign not in self.bases), signs[-1])

    def row(self, name: str, at: tree.Node) -> tree.Node:
        """One row of a matrix, as a column: x_s of X, and where that is another's name, or X is none to be written small, X_s.

        Row s of dJ/dO is dJ/do_s; where J has an axis, row s of dJ/db is dJ_s/db.
        """
        if (made := self._slice(name, at, row=True)) is not None:
            return made
        whole = self.spelled.get(name) or self.spell(name, 2)
        small = _small(whole)
        # a^0_s, of A^0, would be a power where there is an a, and a_{q, s}, of A_q, an entry.
        power = isinstance(small, tree.Labelled) and _base(small) in self.bases
        free = not power and small is not None and all(latex(small) != latex(n) for n in self.spelled.values())
        return indexed(small if small is not None and free else whole, (at,))

    def column(self, name: str, at: tree.Node) -> tree.Node:
        """One column of a matrix."""
        made = self._slice(name, at, row=False)
        return made if made is not None else indexed(self.spelled.get(name) or self.spell(name, 2), (tree.Mark(":"), at))

    def _slice(self, name: str, at: tree.Node, row: bool) -> tree.Node | None:
        """A row or column of a derivative, as the derivative of one, or by one, of what it is a derivative of or by; None for any other."""
        tensor = self.program.tensors.get(name)
        parts = (tensor.derivative or tensor.tangent_of) if tensor and not tensor.latex else ()
        if tensor is None or len(parts) < 2 or not isinstance(self.spelled[name], tree.Derivative | tree.Labelled):
            return None
        orders = self._orders(tensor, parts)
        top, bottom = parts[0], parts[-1]
        if orders == [0, 2]:
            made = tree.Derivative(self(top), ((self.row if row else self.column)(bottom, at),))
        elif orders == [1, 1]:
            made = tree.Derivative(self(top, (at,) if row else ()), (self(bottom, () if row else (at,)),))
        else:
            raise NotationError("a part of this derivative has no name", source=name)
        return made if tensor.derivative else marked(made, "dot")

    def _orders(self, tensor: Tensor, parts: Sequence[str]) -> list[int]:
        """How many indices each part of a derivative carries; a tensor that the program lacks takes what is left."""
        if tensor.orders:
            return list(tensor.orders)
        known = [len(self.program.tensors[n].axes) if n in self.program.tensors else None for n in parts]
        missing = [k for k, order in enumerate(known) if order is None]
        left = len(tensor.axes) - sum(order or 0 for order in known)
        if left and len(missing) != 1:
            raise NotationError(f"'{tensor.name}' has {len(tensor.axes)} axes, which do not fit the derivative {parts}")
        return [left if order is None else order for order in known] if missing else [order or 0 for order in known]


def derivative(parts: Sequence[tree.Node]) -> tree.Derivative:
    """d first / d others; by a derivative, the derivative of all before it."""
    top, *bottoms = parts
    if len(bottoms) > 1 and isinstance(bottoms[-1], tree.Derivative):
        return tree.Derivative(tree.Derivative(top, tuple(bottoms[:-1])), (bottoms[-1],))
    return tree.Derivative(top, tuple(bottoms))


def marked(node: tree.Node, accent: str) -> tree.Node:
    """A name with an accent on its letter; a derivative in brackets with a dot above them."""
    if isinstance(node, tree.Labelled) and isinstance(node.base, tree.Letter | tree.Accent | tree.Labelled):
        return tree.Labelled(marked(node.base, accent), node.sub, node.sup)
    if isinstance(node, tree.Letter | tree.Accent):
        return tree.Accent(node, accent)
    return tree.Labelled(tree.Fenced(node), sup=tree.Mark("cdot") if accent == "dot" else tree.Letter(accent))


def _helper(of: tree.Node, op: str) -> tree.Node:
    """What a derivation needs beside a tensor: its inverse, or another op of it, which labels it."""
    plain = isinstance(of, tree.Letter | tree.Accent)
    if op == "inv":
        return tree.Labelled(of if plain else tree.Fenced(of), sup=tree.negative(tree.ONE))
    if isinstance(of, tree.Labelled) and of.sup is not None:
        return replace(of, sup=tree.Sequence((of.sup, tree.Mark(","), tree.Letter(op))))
    if isinstance(of, tree.Labelled) and not isinstance(of.base, tree.Fenced):
        return replace(of, sup=tree.Letter(op))
    return tree.Labelled(of if plain else tree.Fenced(of), sup=tree.Letter(op))


def _small(node: tree.Node) -> tree.Node | None:
    """A name whose letter is a capital one, with a small one."""
    match node:
        case tree.Letter(text, style) if len(text) == 1 and text.isascii() and text.isupper():
            return tree.Letter(text.lower(), style)
        case tree.Labelled(base, sub, sup) if not isinstance(sup, tree.Add) and (small := _small(base)) is not None:
            return tree.Labelled(small, sub, sup)
        case tree.Accent(base, kind) if (small := _small(base)) is not None:
            return tree.Accent(small, kind)
    return None


def _base(node: tree.Node) -> tree.Node:
    """A name without labels and accents."""
    return _base(node.base) if isinstance(node, tree.Labelled | tree.Accent) else node


def indexed(node: tree.Node, indices: tuple[tree.Node, ...]) -> tree.Node:
    """A name with indices below it."""
    if not indices:
        return node
    if isinstance(node, tree.Labelled):
        # Behind a label the indices are one thing: W_{q, ij}.
        together = (tree.Sequence(indices),) if node.sub and all(map(tree.is_short, indices)) else indices
        return tree.Labelled(node.base, node.sub + together, node.sup)
    if isinstance(node, tree.Derivative | tree.Held):
        raise NotationError("a derivative bears no indices of its own")
    return tree.Labelled(node, indices)


class Letters:
    """Index letters: one preferred letter for each axis, and no letter twice in a scope.

    A letter is never one that names an axis, which occurs as a number in formulas, or that a tensor's name is made of.
    """

    def __init__(self, program: Program) -> None:
        sizes = {s.name for t in program.tensors.values() for a in t.axes for s in a.free_symbols}
        names = Names(program)
        spelled = [names.spelled[name] for name in program.tensors]
        labels = (n for node in spelled if isinstance(node, tree.Labelled) for n in node.sub)
        letters = {base.text for node in (*map(_base, spelled), *labels) if isinstance(base := _base(node), tree.Letter)}
        self.reserved = sizes | letters | {t.latex or t.name for t in program.tensors.values()}
        self.choices: dict[Expr, list[str]] = {}
        self.wanted: set[str] = set()
        self.samples = program.samples
        self.place = {axis: k for k, axis in enumerate(program.axes)}
        # Named sizes first, then made ones, as e h; a fixed size takes what is left.
        made = [a for t in program.tensors.values() for a in t.axes if a.free_symbols]
        for axis in dict.fromkeys((*self.place, *made)):
            self.choice(axis)

    def choice(self, axis: Expr) -> list[str]:
        """Letters for indices over `axis`, best first; an axis made of another (n - 1) shares that one's."""
        symbols = sorted(axis.free_symbols, key=str)
        key = symbols[0] if len(symbols) == 1 else axis
        if key not in self.choices:
            liked = SAMPLES if key == self.samples else PREFERRED.get(str(key), "")
            own = [c for c in liked if c not in self.reserved]
            best = next((c for c in (*own, *POOL) if c not in self.reserved and c not in self.wanted), None)
            ranked = ([best] if best else []) + [c for c in own if c != best]
            self.choices[key] = ranked
            self.wanted.update(ranked[:1] if axis.free_symbols else [])
        return self.choices[key]

    def extended(self, known: Mapping[Index, str], new: Iterable[Index]) -> dict[Index, str]:
        """`known` with letters for the indices in `new` added."""
        made = dict(known)
        for i in new:
            made[i] = self._free(self.choice(i.axis), set(made.values()))
        return made

    def _free(self, ranked: list[str], used: set[str]) -> str:
        spare = [c for c in POOL if c not in self.reserved and c not in self.wanted]
        for letter in (*ranked, *spare):
            if letter not in used:
                return letter
        letter = ranked[0] if ranked else "i"
        while letter in used:
            letter += "'"
        return letter
