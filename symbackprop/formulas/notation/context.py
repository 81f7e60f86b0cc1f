"""What a claim rests on: forward equations, shapes and conventions, read once into trees."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symbackprop.errors import FormulaError, SpecError
from symbackprop.formulas.notation.formula import read_formula
from symbackprop.formulas.notation.trees import parts
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.macros import Macros

LETTERS = set("ijklmnpqrstuv") | {r"\ell"}
"""Letters that are indices in a script where nothing says otherwise."""


WORD = re.compile(r"(?:\\[a-z]+\{)*\\(?:mathrm|text|operatorname)\{([A-Za-z]{2,})\}+(?:[_^].*)?")
"""A name that is a word, as it is declared, under accents and with scripts."""


ONE_HOT = re.compile(r"one-?hot|simplex|\\sum_?\{?[a-z]?\}?.*=\s*1|sums? to (1|one)|probabilit", re.IGNORECASE)


ABBREVIATED = re.compile(r"\s*([A-Z]{2,6}(?=\s*(?:\([^()=]*\)\s*)?&?:?=)|[A-Za-z]{3,}(?=\s*(?:[_^](?:\w|\{[^{}]*\})\s*)*&?:?=))")
"""A left side in capitals, such as CE or MSE, or a longer word with or without scripts, such as net_j: one name."""


@dataclass(frozen=True)
class Declared:
    """A name with the sizes of its axes, trees or numbers."""

    name: n.Name
    axes: tuple[n.Node, ...]


@dataclass(frozen=True)
class Conventions:
    """What is said about notation; None where nothing is."""

    layout: str | None = None
    row_vectors: bool | None = None
    samples: str | None = None
    reduction: str | None = None
    star: str | None = None
    circle: str | None = None
    times: str | None = None
    kronecker: bool = False
    vec_rows: bool = False
    arrays: bool = False
    by_rows: bool = False
    bars: bool = False
    derived: str = ""
    one_hot: bool = False
    hot: bool = False
    elementwise_inverse: bool = False
    layers: bool = False
    symmetric: frozenset[str] = frozenset()
    descent: bool = False
    einstein: bool = False
    ascent: bool = False


@dataclass(frozen=True)
class Context:
    """The trees of a context. `expressions` are declared as if they were names, such as log sigma^2, each with the name it has here.
    `zeros` hold and define nothing, such as dL/dw = 0: values are taken where they do."""

    statements: tuple[n.Statement, ...] = ()
    declared: tuple[Declared, ...] = ()
    aliases: tuple[tuple[n.Node, n.Node], ...] = ()
    conventions: Conventions = field(default_factory=Conventions)
    macros: Macros = field(default_factory=dict)
    continues: n.Node | None = None
    words: tuple[str, ...] = ()
    expressions: tuple[tuple[n.Node, n.Name], ...] = ()
    unread: tuple[str, ...] = ()
    zeros: tuple[n.Chain, ...] = ()


def read(given: Mapping[str, Any] | None) -> Context:
    """The context of a claim, in the form that `check_claim` documents. What can't be read of it is kept in `unread`.

    Raises SpecError where it is no context at all.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise SpecError(f"a context is a dictionary, not {type(given).__name__}", place="the context")
    conventions = given.get("conventions") or {}
    if not isinstance(conventions, Mapping):
        conventions = {"notes": str(conventions)}
    macros = read_macros(conventions.get("macros"))
    unread: list[str] = []
    expressions: list[tuple[n.Node, n.Name]] = []
    declared = read_shapes(given.get("shapes"), macros, unread, expressions)
    words = tuple(d.name.id for d in declared if len(d.name.id) > 1 and d.name.id.isalpha())
    texts = [*_texts(given.get("forward")), *_texts(conventions.get("defs"))]
    words += tuple(m[1] for t in texts if (m := ABBREVIATED.match(t)))
    statements: list[n.Statement] = []
    for text in texts:
        try:
            statements += read_formula(text, macros, words).statements
        except FormulaError as error:
            unread.append(f"{text}: {error.reason}")
    continues = None
    if given.get("lhs"):
        continues = read_formula(str(given["lhs"]), macros, words).statements[0].body
    aliases = read_aliases(conventions.get("name_aliases"), macros, words, unread)
    said = read_conventions(conventions)
    statements += [s for tree, name in expressions if (s := dependence(tree, name, declared)) is not None]
    return Context(tuple(statements), declared, aliases, said, macros, continues, words, tuple(expressions), tuple(unread))


def _texts(given: Any) -> list[str]:
    if given is None:
        return []
    if isinstance(given, str):
        return [given]
    return [t for t in given if isinstance(t, str)] if isinstance(given, Iterable) else []


def read_macros(given: Any) -> Macros:
    """Macros of the document: by their bodies, "#1" for an argument."""
    made: dict[str, tuple[int, str]] = {}
    if isinstance(given, Mapping):
        for name, body in given.items():
            if isinstance(name, str) and isinstance(body, str):
                arguments = [int(d) for d in re.findall(r"#(\d)", body)]
                if "\\" in body or "#" in body or len(body.split()) < 2:
                    made[name if name.startswith("\\") else f"\\{name}"] = (max(arguments, default=0), body)
    return made


def read_shapes(given: Any, macros: Macros, unread: list[str], expressions: list[tuple[n.Node, n.Name]]) -> tuple[Declared, ...]:
    """Names and their axes; an expression such as log sigma^2 is given a name."""
    made: list[Declared] = []
    for name, sizes in given.items() if isinstance(given, Mapping) else ():
        try:
            word = WORD.fullmatch(str(name))
            tree = read_formula(str(name), macros, word.groups() if word else ()).statements[0].body
            axes = tuple(_axis(size, macros) for size in (sizes if isinstance(sizes, list | tuple) else [sizes]))
        except FormulaError as error:
            unread.append(f"{name}: {error.reason}")
            continue
        if isinstance(tree, n.Accent) and isinstance(tree.of, n.Name):
            tree = n.Name(tree.of.id, tree.of.style, (tree.mark, *tree.of.accents), tree.of.scripts, span=tree.span)
        if isinstance(tree, n.Name):
            made.append(Declared(tree, axes))
        elif isinstance(tree, n.Juxtaposition) and all(isinstance(f, n.Name) for f in tree.factors):
            made.append(Declared(n.Name(str(name)), axes))
        elif isinstance(tree, n.Call) or (isinstance(tree, n.Juxtaposition) and isinstance(tree.factors[-1], n.Bracket)):
            expressions.append((tree, n.Name(f"[{name}]")))
            made.append(Declared(expressions[-1][1], axes))
        else:
            unread.append(str(name))
    return tuple(made)


def dependence(tree: n.Node, name: n.Name, declared: Sequence[Declared]) -> n.Statement | None:
    """p = p(theta) for an expression such as p_theta(y|x) that is declared as a number, if theta is declared too."""
    if not isinstance(tree, n.Juxtaposition):
        return None
    known = {d.name.id: d.name for d in declared if d.axes and not d.name.scripts}
    found = dict.fromkeys(p.id for p in parts(tree) if isinstance(p, n.Name) and p.id in known)
    if not found:
        return None
    items = tuple(known[x] for x in found)
    right = n.Juxtaposition((name, n.Bracket("(", items, (",",) * (len(items) - 1), ")")))
    return n.Statement(n.Chain((name, right), ("=",)))


def _axis(size: Any, macros: Macros) -> n.Node:
    if isinstance(size, int):
        return n.Number(str(size))
    return read_formula(str(size), macros).statements[0].body


def read_aliases(given: Any, macros: Macros, words: tuple[str, ...], unread: list[str]) -> tuple[tuple[n.Node, n.Node], ...]:
    """Other spellings of names."""
    made = []
    for name, target in given.items() if isinstance(given, Mapping) else ():
        try:
            own, other = (read_formula(str(x), macros, words).statements[0].body for x in (name, target))
            made.append((own, other))
        except FormulaError as error:
            unread.append(f"{name}: {error.reason}")
    return tuple(made)


def read_conventions(given: Mapping[str, Any]) -> Conventions:
    """Conventions from short texts; what is said in other words is not understood, and nothing follows from it."""
    layout = str(given.get("layout") or "").lower()
    vectors = str(given.get("vectors") or "").lower()
    reduction = str(given.get("reduction") or "").lower()
    ops: Any = given.get("ops") if isinstance(given.get("ops"), Mapping) else {}
    said = " ".join(f"{k} {v}" for k, v in given.items() if k in ("y", "summation", "notes") and isinstance(v, str))
    everything = " ".join(str(v) for v in given.values()).lower()
    known = next((l for l in ("numerator", "denominator", "gradient", "index", "scalar", "differential") if l in layout[:12]), None)
    row = None if not vectors or "row or column" in vectors else vectors.startswith("row")
    samples = "columns" if "samples are columns" in everything else "rows" if "samples are rows" in everything else None
    kind = next((r for r in ("mean", "sum", "single") if r in reduction), None)
    return Conventions(
        layout=known,
        row_vectors=row,
        samples=samples,
        reduction=kind,
        star=_operation(ops, "*"),
        circle=_operation(ops, r"\circ"),
        times=_operation(ops, r"\times"),
        kronecker=_operation(ops, r"\otimes") == "kronecker",
        arrays=str(given.get("names") or "").lower() == "arrays",
        by_rows=str(given.get("functions") or "").lower() == "rows",
        bars=str(given.get("bars") or "").lower() == "entries",
        vec_rows="row" in str(given.get("vec") or "").lower(),
        derived=str(given.get("dvar") or ""),
        one_hot=bool(ONE_HOT.search(said)),
        hot=bool(re.search("one-?hot", said, re.IGNORECASE)),
        elementwise_inverse=any("inverse" in str(v) and "element" in str(v) for v in ops.values()),
        symmetric=_symmetric(" ".join(str(v) for v in given.values())),
        layers="layer" in str(given.get("superscript") or "").lower(),
        descent="intent" in given,
        ascent=bool(re.search(r"ascent|maximi[sz]", str(given.get("intent") or "").lower())),
        einstein=bool(re.search(r"einstein|repeated ind\w+ (?:is|are) summed|sum\w* over repeated", everything)),
    )


NAMED = r"\$?(?:\\(?:math\w{1,4}|boldsymbol|bm)\s?\{?\s?)?(\\?[A-Za-z]{1,12})\}?(?:[_^](?:\{[^{}]{0,9}\}|\\?\w|-)){0,2}\$?"
LISTED = re.compile(rf"((?:{NAMED}\s?(?:,|and|&|, and)\s){{0,4}}{NAMED})\s?(?:is|are|:)?\s(?:an?\s)?(?:diagonal|symmetric)\b")
BEHIND = re.compile(rf"(?:diagonal|symmetric)\s(?:positive[- ](?:semi-?)?definite\s|matri\w+\s|covariance\s){{0,3}}{NAMED}(?!\w)")
"""Where matrices are said to be symmetric: "P and R are symmetric", "a symmetric matrix A"."""


def _symmetric(said: str) -> frozenset[str]:
    """Names that are said to be symmetric."""
    texts = [m.group(1) for m in LISTED.finditer(said)] + [m.group() for m in BEHIND.finditer(said)]
    found = {x.group(1) for t in texts for x in re.finditer(NAMED, t)}
    return frozenset(x for x in found if x != "a" and (len(x) == 1 or x.startswith("\\")))


def _operation(ops: Mapping[str, Any], sign: str) -> str | None:
    said = str(ops.get(sign) or "").lower()
    for word, meaning in (
        ("hadamard", "hadamard"),
        ("element", "hadamard"),
        ("matrix", "matrix"),
        ("correlation", "correlation"),
        ("convolution", "convolution"),
        ("scalar", "scalar"),
        ("kronecker", "kronecker"),
    ):
        if word in said:
            return meaning
    return None


def letters_of(trees: Sequence[n.Node], declared: Sequence[Declared]) -> tuple[frozenset[str], dict[str, n.Node]]:
    """The letters that are indices, and what those that are bound run up to."""
    found: set[str] = set()
    bounds: dict[str, n.Node] = {}
    scripts: set[str] = set()
    labels: set[str] = set()
    for d in declared:
        below = [i for s in d.name.scripts if s.mark == "_" for i in s.items]
        if d.axes and any(isinstance(i, n.Juxtaposition) and len(i.factors) > 1 for i in below):
            labels |= {p.id for i in below for p in parts(i) if isinstance(p, n.Name)}
    everything = [*trees, *(d.name for d in declared)]
    for tree in everything:
        for part in parts(tree):
            if isinstance(part, n.Big):
                _bound(part, found, bounds)
            elif isinstance(part, n.Indicator):
                found |= _compared(part.conditions)
            elif isinstance(part, n.Name | n.Scripted):
                for s in part.scripts:
                    for item in s.items:
                        for p in parts(item):
                            if (
                                isinstance(p, n.Sum)
                                and s.mark in "_^"
                                and not (s.mark == "^" and isinstance(part, n.Name) and part.id == "e")
                            ):
                                found |= {t.id for t in p.terms if isinstance(t, n.Name) and _is_letter(t) and len(p.terms) > 1}
                        scripts |= _letters_in(item)
    labels |= _siblings(trees, declared)
    bases = {d.name.id for d in declared} | {t.sides[0].id for t in trees if isinstance(t, n.Chain) and isinstance(t.sides[0], n.Name)}
    found |= {c for c in scripts if c in LETTERS} - (labels - set(bounds)) - (bases - {"t"})
    sizes = {a.id for d in declared for a in d.axes if isinstance(a, n.Name) and not a.scripts}
    bound = {letter for tree in everything for p in parts(tree) if isinstance(p, n.Big) for letter in _heads(p)}
    found -= sizes - bound
    found |= _components(trees, declared)
    return frozenset(found - {"T", r"\top", "e"}), bounds


def _siblings(trees: Sequence[n.Node], declared: Sequence[Declared]) -> set[str]:
    """The letters that tell names of one kind apart, each with its own equation or shape: f, u and o of the gates G_f, G_u, G_o."""
    bound = {x for tree in trees for p in parts(tree) if isinstance(p, n.Big) for x in _heads(p)}
    names = [d.name for d in declared] + [t.sides[0] for t in trees if isinstance(t, n.Chain) and isinstance(t.sides[0], n.Name)]
    groups: dict[tuple[str, tuple[str, ...], str], set[str]] = {}
    for name in names:
        for mark in "_^":
            items = [
                i.items[0] if isinstance(i, n.Bracket) and len(i.items) == 1 else i for s in name.scripts if s.mark == mark for i in s.items
            ]
            if len(items) == 1 and isinstance(items[0], n.Name) and _is_letter(items[0]):
                groups.setdefault((name.id, name.accents, mark), set()).add(items[0].id)
    return {x for letters in groups.values() if len(letters) > 1 and not letters & bound for x in letters}


def _letters_in(item: n.Node) -> set[str]:
    """Single letters in a script; a word, such as reg, has none."""
    if isinstance(item, n.Juxtaposition):
        names = [f for f in item.factors if isinstance(f, n.Name) and not f.scripts and not f.accents]
        if len(names) == len(item.factors) and not all(f.id in LETTERS for f in names):
            return set()
        return {x for f in item.factors for x in _letters_in(f)}
    if isinstance(item, n.Bracket):
        return {x for i in item.items for x in _letters_in(i)}
    return {item.id} if isinstance(item, n.Name) and not item.scripts and not item.accents and item.style not in ("mathrm",) else set()


def _is_letter(node: n.Node) -> bool:
    """Whether this is one small letter without scripts."""
    return isinstance(node, n.Name) and not node.scripts and len(node.id) == 1 and node.id.islower()


def _heads(part: n.Big) -> set[str]:
    """The letters that a sum runs over."""
    found: set[str] = set()
    _bound(part, found, {})
    return found


def _components(trees: Sequence[n.Node], declared: Sequence[Declared]) -> set[str]:
    """The letters below a left side whose name is declared without them: y_c = ... of a y with one axis."""
    made: set[str] = set()
    for tree in trees:
        left = tree.sides[0] if isinstance(tree, n.Chain) else None
        if not isinstance(left, n.Name):
            continue
        below = [
            i
            for s in left.scripts
            if s.mark == "_"
            for item in s.items
            for i in (item.factors if isinstance(item, n.Juxtaposition) else (item,))
        ]
        for d in declared:
            if (
                d.name.id == left.id
                and d.name.accents == left.accents
                and not any(s.mark == "_" for s in d.name.scripts)
                and len(d.axes) == len(below)
            ):
                made |= {i.id for i in below if isinstance(i, n.Name) and not i.scripts and len(i.id.lstrip("\\")) == 1}
    return made


def _bound(part: n.Big, found: set[str], bounds: dict[str, n.Node]) -> None:
    below = [i for s in part.scripts if s.mark == "_" for i in s.items]
    above = [i for s in part.scripts if s.mark == "^" for i in s.items]
    for place, item in enumerate(below):
        head = item.sides[0] if isinstance(item, n.Chain) else item
        heads = head.items if isinstance(head, n.Listing) else head.factors if isinstance(head, n.Juxtaposition) else (head,)
        for letter in heads:
            primed = isinstance(letter, n.Name) and all(s.mark.startswith("'") for s in letter.scripts)
            if isinstance(letter, n.Name) and primed and len(letter.id.lstrip("\\")) <= 3:
                name = letter.id + "".join(s.mark for s in letter.scripts)
                found.add(name)
                if above:
                    bounds.setdefault(name, above[min(place, len(above) - 1)])


def _compared(conditions: Iterable[n.Node]) -> set[str]:
    made: set[str] = set()
    for c in conditions:
        if isinstance(c, n.Chain) and set(c.signs) <= {"=", r"\ne"}:
            names = [s for s in c.sides if isinstance(s, n.Name) and not s.scripts]
            if len(names) == len(c.sides):
                made |= {s.id for s in names}
    return made
