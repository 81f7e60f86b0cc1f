"""Products: transposes, the order of factors, factors dropped or put in, the sign between them, brackets that move."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from itertools import product as pairs

from symbackprop.formulas.edits.around import Around, Edit, bracketed, grouped, is_transpose, replaced, walked
from symbackprop.formulas.edits.signs import negated
from symbackprop.formulas.notation.trees import flat, rebuilt
from symbackprop.language.latex import nodes as n

HADAMARD = (r"\odot", r"\circ", "*", r"\bullet")


def transposes(side: n.Node, about: Around) -> Iterator[Edit]:
    """A transpose dropped or put in."""
    heads = applied(side)
    for p in walked(side):
        if id(p) in heads or not isinstance(
            p, n.Name | n.Bracket | n.Scripted | n.Leibniz | n.Call | n.Accent | n.Operator | n.Juxtaposition | n.Product | n.Sum
        ):
            continue
        if isinstance(p, n.Juxtaposition | n.Product | n.Sum) and p is not side:
            continue
        rank = about.rank(p)
        if rank or (rank is None and not isinstance(p, n.Juxtaposition | n.Product | n.Bracket)) or has_transpose(p):
            yield Edit(
                replaced(side, p, turned(p, about)), "transpose", 1.0 if not isinstance(p, n.Juxtaposition | n.Sum | n.Product) else 1.4
            )
        if isinstance(p, n.Leibniz) and rank:
            for by in p.by:
                if isinstance(by, n.Name):
                    yield Edit(replaced(side, by, turned(by, about)), "transpose", 1.3)


def applied(side: n.Node) -> set[int]:
    """Heads of applications, by identity."""
    made = set()
    for p in walked(side):
        if isinstance(p, n.Juxtaposition):
            made |= {
                id(a)
                for a, b in zip(p.factors, p.factors[1:], strict=False)
                if isinstance(a, n.Name) and bracketed(b) and any(s.mark.startswith("'") for s in a.scripts)
            }
    return made


def has_transpose(node: n.Node) -> bool:
    """Whether a transpose stands above."""
    return isinstance(node, n.Name | n.Scripted) and flat(turned_off(node)) != flat(node)


def turned(node: n.Node, about: Around) -> n.Node:
    """The transpose of a node, as the author writes it."""
    off = turned_off(node)
    if flat(off) != flat(node):
        return off
    script = n.Script("^", (about.transpose,))
    if isinstance(node, n.Name | n.Scripted) and not any(s.mark == "^" for s in node.scripts):
        return replace(node, scripts=(*node.scripts, script))
    if isinstance(node, n.Name):
        return n.Scripted(n.Bracket("(", (node,), (), ")"), (script,))
    if isinstance(node, n.Juxtaposition):
        node = n.Bracket("(", (node,), (), ")")
    return n.Scripted(grouped(node), (script,))


def turned_off(node: n.Node) -> n.Node:
    """The node without its last transpose."""
    if not isinstance(node, n.Name | n.Scripted) or not node.scripts:
        return node
    for k in range(len(node.scripts) - 1, -1, -1):
        s = node.scripts[k]
        if s.mark != "^" or not s.items:
            continue
        *items, last = s.items
        if is_transpose(last):
            kept = (*node.scripts[:k], *((replace(s, items=tuple(items)),) if items else ()), *node.scripts[k + 1 :])
        elif isinstance(last, n.Juxtaposition) and is_transpose(last.factors[-1]):
            inside = last.factors[0] if len(last.factors) == 2 else replace(last, factors=last.factors[:-1])
            kept = (*node.scripts[:k], replace(s, items=(*items, inside)), *node.scripts[k + 1 :])
        else:
            continue
        return replace(node, scripts=kept) if kept or isinstance(node, n.Name) else node.of
    return node


def units(factors: Sequence[n.Node]) -> list[tuple[n.Node, ...]]:
    """Factors side by side, a name together with the bracket behind it."""
    made: list[tuple[n.Node, ...]] = []
    for f in factors:
        if (
            made
            and len(made[-1]) == 1
            and isinstance(made[-1][0], n.Name)
            and bracketed(f)
            and any(s.mark.startswith("'") for s in made[-1][0].scripts)
        ):
            made[-1] = (*made[-1], f)
        else:
            made.append((f,))
    return made


def run(factors: Sequence[n.Node]) -> n.Node:
    """Factors side by side as one node."""
    flat_factors = [g for f in factors for g in (f.factors if isinstance(f, n.Juxtaposition) else (f,))]
    return flat_factors[0] if len(flat_factors) == 1 else n.Juxtaposition(tuple(flat_factors))


def orders(side: n.Node, about: Around) -> Iterator[Edit]:
    """Two neighbouring factors swapped, with transposes or without."""
    for p in walked(side):
        if isinstance(p, n.Juxtaposition):
            rows = units(p.factors)
            for k, (a, b) in enumerate(pairwise(rows)):
                if flat(run(a)) == flat(run(b)):
                    continue
                both = [run(a), run(b)]
                ranks = [about.rank(x) for x in both]
                if 0 in ranks:
                    continue
                for first, second in pairs((False, True), repeat=2):
                    x, y = (turned(v, about) if t else v for v, t in zip(both, (first, second), strict=True))
                    before, after = ([f for r in part for f in r] for part in (rows[:k], rows[k + 2 :]))
                    made = n.Juxtaposition((*before, *flattened(y), *flattened(x), *after))
                    yield Edit(replaced(side, p, made), "order", 1.1 + 0.3 * first + 0.3 * second)
        elif isinstance(p, n.Product):
            for k, sign in enumerate(p.signs):
                if sign in HADAMARD or sign == "/":
                    continue
                left, right = p.factors[k : k + 2]
                yield Edit(replaced(side, p, replace(p, factors=(*p.factors[:k], right, left, *p.factors[k + 2 :]))), "order", 1.1)
                yield Edit(
                    replaced(side, p, replace(p, factors=(*p.factors[:k], turned(right, about), turned(left, about), *p.factors[k + 2 :]))),
                    "order",
                    1.6,
                )


def flattened(node: n.Node) -> tuple[n.Node, ...]:
    """The factors of a run, or the one node."""
    return node.factors if isinstance(node, n.Juxtaposition) else (node,)


def drops(side: n.Node, about: Around) -> Iterator[Edit]:
    """One factor or term dropped, or one name wherever it is a factor."""
    names = [flat(f) for p in walked(side) if isinstance(p, n.Juxtaposition) for f in p.factors if isinstance(f, n.Name)]
    for name in sorted({x for x in names if names.count(x) > 1}):
        yield Edit(without(side, name), "factor", 1.4)
    for p in walked(side):
        if isinstance(p, n.Juxtaposition):
            rows = units(p.factors)
            for k in range(len(rows)):
                rest = [f for r in (*rows[:k], *rows[k + 1 :]) for f in r]
                if rest:
                    cheap = isinstance(rows[k][0], n.Number | n.Fraction)
                    yield Edit(replaced(side, p, run(rest)), "factor", 0.6 if cheap and about.ratio else 1.3)
        elif isinstance(p, n.Product):
            for k in range(len(p.factors)):
                signs = p.signs[:k] + p.signs[k + 1 :] if k < len(p.signs) else p.signs[:-1]
                if k == 0 and p.signs[0] == "/":
                    continue
                rest = [*p.factors[:k], *p.factors[k + 1 :]]
                made = rest[0] if len(rest) == 1 else replace(p, factors=tuple(rest), signs=signs)
                yield Edit(replaced(side, p, made), "factor", 1.3)
        elif isinstance(p, n.Fraction):
            yield Edit(replaced(side, p, p.top), "factor", 1.35)
            if not isinstance(p.top, n.Number):
                yield Edit(replaced(side, p, replace(p, top=n.Number("1"))), "factor", 1.5)
        elif isinstance(p, n.Sum) and len(p.terms) > 1:
            for k in range(len(p.terms)):
                terms, marks = p.terms[:k] + p.terms[k + 1 :], p.signs[:k] + p.signs[k + 1 :]
                marks = ("" if marks[0] == "+" else marks[0], *marks[1:])
                made = terms[0] if len(terms) == 1 and marks[0] == "" else replace(p, terms=terms, signs=marks)
                yield Edit(replaced(side, p, made), "term", 1.7)


def without(side: n.Node, name: str) -> n.Node:
    """A side without a name wherever it is a factor."""

    def fewer(p: n.Node) -> n.Node | None:
        if not isinstance(p, n.Juxtaposition):
            return None
        rest = [f for f in p.factors if flat(f) != name]
        return run(rest) if rest and len(rest) < len(p.factors) else None

    return rebuilt(side, fewer)


def times(node: n.Node, factor: n.Node, scalar: bool = False) -> n.Node:
    """A number in front of a node, inside a minus before it; `scalar`: a name at its head is a number."""
    if isinstance(node, n.Sum) and len(node.terms) == 1:
        return replace(node, terms=(times(node.terms[0], factor, scalar),))
    if isinstance(node, n.Product):
        return replace(node, factors=(times(node.factors[0], factor, scalar), *node.factors[1:]))
    head = node.factors[0] if isinstance(node, n.Juxtaposition) else node
    merged = None
    if isinstance(factor, n.Fraction) and flat(factor.top) == "1":
        if isinstance(head, n.Number) or (isinstance(head, n.Name) and scalar):
            merged = n.Fraction(head, factor.bottom)
        elif isinstance(head, n.Fraction) and isinstance(head.bottom, n.Name | n.Number) and isinstance(factor.bottom, n.Name | n.Number):
            merged = replace(
                head, bottom=run((factor.bottom, head.bottom) if isinstance(factor.bottom, n.Number) else (head.bottom, factor.bottom))
            )
    elif isinstance(head, n.Fraction) and flat(head.top) == "1" and isinstance(factor, n.Number | n.Name):
        merged = replace(head, top=factor)
    if merged is not None:
        return run((merged, *node.factors[1:])) if isinstance(node, n.Juxtaposition) else merged
    whole = flattened(grouped(node))
    behind = isinstance(factor, n.Name) and isinstance(whole[0], n.Number | n.Fraction) and len(whole) > 1
    return run((whole[0], factor, *whole[1:])) if behind else run((factor, *whole))


def factors(side: n.Node, about: Around) -> Iterator[Edit]:
    """A constant put in as a factor of the side or of a term; the one that is missing first, where the sides differ by a constant."""
    if about.ratio and about.ratio != -1:
        for made in closing(side, about.ratio, about):
            yield Edit(made, "factor", 0.7)
        for q in side.terms if isinstance(side, n.Sum) and len(side.terms) > 1 else ():
            for made in closing(q, about.ratio, about):
                yield Edit(replaced(side, q, made), "factor", 0.75)
    for tree, _ in about.constants():
        yield Edit(times(side, tree), "factor", 1.6)
        for p in walked(side):
            for q in (
                p.terms
                if isinstance(p, n.Sum)
                else (p.of,)
                if isinstance(p, n.Big)
                else (p.items if isinstance(p, n.Bracket) and len(p.items) == 1 else ())
            ):
                if not isinstance(q, n.Sum):
                    yield Edit(replaced(side, q, times(q, tree)), "factor", 1.65)


def closing(side: n.Node, ratio: float, about: Around) -> Iterator[n.Node]:
    """The side times a constant, as an author may write it."""
    if ratio == -1:
        yield negated(side)
    for tree, value in about.constants():
        if abs(value - abs(ratio)) < 1e-7 * abs(ratio):
            made = times(side, tree)
            yield negated(made) if ratio < 0 else made


def further(side: n.Node, about: Around) -> Iterator[Edit]:
    """A name or a larger thing that occurs, put in as a factor or divided by."""
    names = [(x, 1.9) for x in about.names] + [(x, 2.1) for name in about.names for x in relettered(name, about)]
    things = [*names, *((x, 2.3) for x in about.pieces)]
    places = [side, *(q for p in walked(side) if isinstance(p, n.Sum) and len(p.terms) > 1 for q in p.terms)]
    for thing, cost in things:
        rank = about.rank(thing)
        if rank is None:
            continue
        for q in places:
            whole = flattened(grouped(q))
            if rank == 0:
                yield Edit(replaced(side, q, times(q, thing)), "factor", cost)
                head = next(iter(flattened(q)))
                scalar = isinstance(head, n.Name) and about.rank(head) == 0
                bottom = thing.items[0] if isinstance(thing, n.Bracket) else thing
                for over, more in ((bottom, 0.05), (n.Root(bottom), 0.15)):
                    yield Edit(replaced(side, q, times(q, n.Fraction(n.Number("1"), over), scalar)), "factor", cost + more)
                continue
            yield Edit(replaced(side, q, hadamard(grouped(q) if isinstance(q, n.Sum) else q, thing)), "factor", cost)
            yield Edit(replaced(side, q, run((*whole, thing))), "factor", cost)
            yield Edit(replaced(side, q, run((*whole, turned(thing, about)))), "factor", cost + 0.05)
            yield Edit(replaced(side, q, run((turned(thing, about), *whole))), "factor", cost + 0.05)
            yield Edit(replaced(side, q, run((thing, *whole))), "factor", cost)


def relettered(name: n.Name, about: Around) -> Iterator[n.Name]:
    """A name with one index, with a free index of the link instead."""
    places = [p for s in name.scripts if s.mark == "_" for p in s.items]
    if len(places) != 1 or not isinstance(places[0], n.Name) or places[0].id not in about.indices:
        return
    for letter in about.letters:
        if letter != places[0].id:
            below = tuple(n.Script("_", (n.Name(letter),)) if s.mark == "_" else s for s in name.scripts)
            yield replace(name, scripts=below)


def hadamard(a: n.Node, b: n.Node) -> n.Node:
    """A product entry by entry."""
    if isinstance(a, n.Product):
        return replace(a, factors=(*a.factors, b), signs=(*a.signs, r"\odot"))
    return n.Product((a, b), (r"\odot",))


def brackets(side: n.Node, about: Around) -> Iterator[Edit]:
    """Another sign between factors, a product for a sum, and brackets that move."""
    for p in walked(side):
        if isinstance(p, n.Sum) and len(p.terms) == 2 and set(p.signs) <= {"", "+"}:
            yield Edit(replaced(side, p, run([f for t in p.terms for f in flattened(grouped(t))])), "product", 1.5)
        if isinstance(p, n.Product):
            for k, sign in enumerate(p.signs):
                if sign == "/":
                    continue
                before, behind = p.factors[: k + 1], p.factors[k + 1 :]
                joined = run((*flattened(grouped(before[-1])), *flattened(grouped(behind[0]))))
                rest = (*before[:-1], joined, *behind[1:])
                made = joined if len(rest) == 1 else replace(p, factors=rest, signs=p.signs[:k] + p.signs[k + 1 :])
                if sign not in ("", r"\cdot"):
                    yield Edit(replaced(side, p, made), "product", 1.4)
                if sign not in HADAMARD:
                    yield Edit(replaced(side, p, replace(p, signs=(*p.signs[:k], r"\odot", *p.signs[k + 1 :]))), "product", 1.4)
                if len(p.factors) == 2 and sign in HADAMARD:
                    yield from moved(side, p)
        elif isinstance(p, n.Juxtaposition):
            rows = units(p.factors)
            for k in range(1, len(rows)):
                a, b = (run([f for r in part for f in r]) for part in (rows[:k], rows[k:]))
                yield Edit(replaced(side, p, n.Product((a, b), (r"\odot",))), "product", 1.4)
                inside = b.items[0] if isinstance(b, n.Bracket) and len(b.items) == 1 else None
                if isinstance(inside, n.Product) and len(inside.factors) == 2 and inside.signs[0] in HADAMARD:
                    made = n.Product((n.Bracket("(", (run((a, inside.factors[0])),), (), ")"), inside.factors[1]), inside.signs)
                    yield Edit(replaced(side, p, made), "brackets", 1.2)


def moved(side: n.Node, p: n.Product) -> Iterator[Edit]:
    """(ab) . c as a (b . c), and a . (bc) as (a . b) c."""
    a, b = p.factors
    whole = a.items[0] if isinstance(a, n.Bracket) and len(a.items) == 1 else a
    if isinstance(whole, n.Juxtaposition):
        rows = units(whole.factors)
        for k in range(1, len(rows)):
            head, tail = (run([f for r in part for f in r]) for part in (rows[:k], rows[k:]))
            yield Edit(replaced(side, p, run((head, n.Bracket("(", (n.Product((tail, b), p.signs),), (), ")")))), "brackets", 1.2)
    whole = b.items[0] if isinstance(b, n.Bracket) and len(b.items) == 1 else b
    if isinstance(whole, n.Juxtaposition):
        rows = units(whole.factors)
        for k in range(1, len(rows)):
            head, tail = (run([f for r in part for f in r]) for part in (rows[:k], rows[k:]))
            yield Edit(replaced(side, p, run((n.Bracket("(", (n.Product((a, head), p.signs),), (), ")"), tail))), "brackets", 1.2)
