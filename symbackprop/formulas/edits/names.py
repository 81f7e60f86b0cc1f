"""Names: their indices, labels and layers, the name itself, primes, arguments, powers, numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from symbackprop.formulas.edits.around import (
    DERIVED,
    Around,
    Edit,
    bracketed,
    grouped,
    is_transpose,
    primed,
    replaced,
    walked,
    without_primes,
)
from symbackprop.formulas.edits.products import flattened
from symbackprop.formulas.notation.references import atoms, primes
from symbackprop.formulas.notation.trees import base_of, flat, parts, rebuilt
from symbackprop.language.latex import nodes as n


def occurrences(side: n.Node) -> Iterator[n.Name]:
    """The names that stand in a side, in derivatives too; not what stands in scripts."""
    for p in walked(side):
        if isinstance(p, n.Name):
            yield p
        elif isinstance(p, n.Call):
            yield p.function
        elif isinstance(p, DERIVED):
            inside = [x for x in ([p.of] if p.of is not None else [])] + (
                list(p.by) if isinstance(p, n.Leibniz) else [i for s in p.scripts if s.mark == "_" for i in s.items]
            )
            for x in inside:
                yield from occurrences(x)
        elif isinstance(p, n.Evaluated):
            yield from occurrences(p.of)


def indices(side: n.Node, about: Around) -> Iterator[Edit]:
    """Indices, labels and layers swapped or replaced."""
    for name in occurrences(side):
        for k, script in enumerate(name.scripts):
            if script.mark not in "_^":
                continue
            places = leaves(script, about)
            for a in range(len(places)):
                for b in range(a + 1, len(places)):
                    if flat(places[a]) != flat(places[b]) and script.mark == "_":
                        yield Edit(replaced(side, script, swapped(script, places[a], places[b])), "index", 1.0)
            for place in places:
                for other, kind, cost in alternatives(place, name, k, about):
                    yield Edit(replaced(side, place, other), kind, cost)
    letters = about.letters
    for a in range(len(letters)):
        for b in range(a + 1, len(letters)):
            yield Edit(exchanged(side, {letters[a]: letters[b], letters[b]: letters[a]}), "index", 1.2)


def swapped(tree: n.Node, first: n.Node, second: n.Node) -> n.Node:
    """A tree with two of its parts in each other's places."""
    return rebuilt(tree, lambda p: second if p is first else first if p is second else None)


def exchanged(side: n.Node, letters: Mapping[str, str]) -> n.Node:
    """A side with letters renamed wherever they stand."""
    return rebuilt(side, lambda p: replace(p, id=letters[p.id]) if isinstance(p, n.Name) and p.id in letters and not p.scripts else None)


def leaves(script: n.Script, about: Around) -> list[n.Node]:
    """The single things in a script: letters, numbers, l + 1."""
    return [a.tree for a in atoms([script], script.mark) if not is_transpose(a.tree) and any(a.tree is p for p in parts(script))]


def alternatives(place: n.Node, name: n.Name, at: int, about: Around) -> Iterator[tuple[n.Node, str, float]]:
    """What may stand instead of one thing in a script."""
    below = name.scripts[at].mark == "_"
    kind = "index" if below else "layer"
    if isinstance(place, n.Number):
        if below or len(atoms(name.scripts, "^")) > 1 or name.id != "e":
            yield from ((n.Number(text), kind, cost) for text, cost in other_numbers(place.text))
        return
    letter = place.terms[0] if isinstance(place, n.Sum) and len(place.terms) == 2 else place
    if not isinstance(letter, n.Name) or letter.scripts:
        return
    if below:
        for other in (*about.letters, *sorted(about.indices - set(about.letters))):
            if other != letter.id and letter.id in about.indices:
                yield n.Name(other), "index", 1.25 if other in about.letters else 1.6
    if letter.id in about.indices or letter.id in ("L", "T"):
        for offset in (0, 1, -1):
            shifted = n.Sum((letter, n.Number("1")), ("", "+" if offset > 0 else "-")) if offset else letter
            if flat(shifted) != flat(place):
                yield shifted, kind, 1.2
    if not below:
        for other in {x for p in about.names for x in upper(p)} - {flat(place)}:
            yield n.Name(other), "layer", 1.4


def other_numbers(text: str) -> Iterator[tuple[str, float]]:
    """Numbers near one in a script; of two digits, which are two indices, each for itself."""
    if not text.isdigit() or len(text) > 5:
        return
    yield from ((str(other), 1.35) for other in (int(text) + 1, int(text) - 1) if other >= 0)
    if len(text) == 2:
        yield text[::-1], 1.1
        for k, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            digit = int(text[k]) + step
            if 1 <= digit <= 5:
                yield text[:k] + str(digit) + text[k + 1 :], 1.2


def upper(name: n.Name) -> Iterator[str]:
    """The single letters above a name."""
    for a in atoms(name.scripts, "^"):
        if isinstance(a.tree, n.Name) and not a.tree.scripts and not is_transpose(a.tree):
            yield a.tree.id


def others(side: n.Node, about: Around) -> Iterator[Edit]:
    """A name replaced by another one that occurs, with its own scripts or with those that stand here; a function by another function."""
    bases = {base_of(x): x for x in about.names}
    for name in occurrences(side):
        heads = {base_of(f) for f in about.functions}
        if base_of(name) in heads or primes(name.scripts) or name.style == "operatorname":
            for f in about.functions:
                if base_of(f) != base_of(name):
                    marks = name.scripts
                    yield Edit(replaced(side, name, replace(f, scripts=marks)), "function", 1.5)
            if not primes(name.scripts):
                continue
        for x in about.names:
            if flat(x) == flat(name):
                continue
            if base_of(x) == base_of(name) or not name.scripts:
                yield Edit(replaced(side, name, replace(x, scripts=x.scripts)), "name", 1.55)
        for base, x in bases.items():
            if base != base_of(name) and name.scripts:
                yield Edit(replaced(side, name, replace(x, scripts=name.scripts)), "name", 1.5)
                if (x.scripts and flat(x) != flat(replace(x, scripts=name.scripts))) or not x.scripts:
                    yield Edit(replaced(side, name, x), "name", 1.8)


def exponentials(side: n.Node, about: Around) -> Iterator[Edit]:
    """An exponential, with a factor behind it too, replaced by another one that occurs."""
    found = [p for p in about.pieces if isinstance(p, n.Name)]
    for p in walked(side):
        if isinstance(p, n.Name) and p.id == "e" and p.scripts:
            for x in found:
                yield Edit(replaced(side, p, x), "argument", 1.4)
        elif isinstance(p, n.Juxtaposition):
            for k, head in enumerate(p.factors[:-1]):
                if isinstance(head, n.Name) and head.id == "e" and head.scripts:
                    for x in found:
                        rest = (*p.factors[:k], x, *p.factors[k + 2 :])
                        yield Edit(replaced(side, p, n.Juxtaposition(rest) if len(rest) > 1 else x), "argument", 1.4)


def functions(side: n.Node, about: Around) -> Iterator[Edit]:
    """A prime dropped or put in, and other arguments: twice, half, minus, a name."""
    for p in walked(side):
        pairs = list(zip(p.factors, p.factors[1:], strict=False)) if isinstance(p, n.Juxtaposition) else []
        if isinstance(p, n.Call):
            pairs = [(p.function, p.argument)]
        for head, behind in pairs:
            if not isinstance(head, n.Name) or not (bracketed(behind) or isinstance(p, n.Call)):
                continue
            if primes(head.scripts):
                yield Edit(replaced(side, head, without_primes(head)), "prime", 1.3)
            else:
                yield Edit(replaced(side, head, primed(head)), "prime", 1.3)
                if head.scripts and head.scripts[-1].mark == "^":
                    yield Edit(replaced(side, head, replace(head, scripts=(*head.scripts[:-1], n.Script("'")))), "prime", 1.25)
            inside = behind.items[0] if isinstance(behind, n.Bracket) and len(behind.items) == 1 else behind
            if isinstance(behind, n.Scripted):
                continue
            twice = n.Juxtaposition((n.Number("2"), *flattened(grouped(inside))))
            yield Edit(replaced(side, inside, enclosed(twice, inside, behind)), "argument", 1.5)
            if isinstance(inside, n.Juxtaposition) and isinstance(inside.factors[0], n.Number) and len(inside.factors) == 2:
                yield Edit(replaced(side, inside, inside.factors[1]), "argument", 1.4)
            yield Edit(replaced(side, inside, enclosed(n.Fraction(inside, n.Number("2")), inside, behind)), "argument", 1.7)
            yield Edit(replaced(side, inside, enclosed(n.Sum((grouped(inside),), ("-",)), inside, behind)), "argument", 1.6)
            if not isinstance(inside, n.Name):
                for x in about.names:
                    yield Edit(replaced(side, inside, enclosed(x, inside, behind)), "argument", 1.8)


def enclosed(new: n.Node, inside: n.Node, behind: n.Node) -> n.Node:
    """A new argument, in brackets where the old one had none."""
    return new if inside is not behind else n.Bracket("(", (new,), (), ")")


def powers(side: n.Node, about: Around) -> Iterator[Edit]:
    """A square, a root or a pair of bars put in or dropped; an exponent with the other sign; another number."""
    two = n.Script("^", (n.Number("2"),))
    for p in walked(side):
        if isinstance(p, n.Name | n.Scripted) and p.scripts and p.scripts[-1].mark == "^" and not (isinstance(p, n.Name) and p.id == "e"):
            last = p.scripts[-1]
            if len(last.items) == 1 and isinstance(last.items[0], n.Number | n.Sum | n.Fraction):
                rest = replace(p, scripts=p.scripts[:-1])
                yield Edit(replaced(side, p, rest.of if isinstance(rest, n.Scripted) and not rest.scripts else rest), "power", 1.3)
                yield Edit(replaced(side, p, replace(p, scripts=(*p.scripts[:-1], n.Script("^", (n.Number("3"),))))), "power", 1.7)
        if (
            isinstance(p, n.Name)
            and p.id not in ("e", "I", "1")
            and not primes(p.scripts)
            and p.style != "operatorname"
            and flat(p) not in about.indices
        ):
            yield Edit(replaced(side, p, replace(p, scripts=(*p.scripts, two))), "power", 1.45)
        elif isinstance(p, n.Bracket) and p.open in ("(", "[", r"\lvert", r"\lVert", r"\{") and len(p.items) == 1:
            yield Edit(replaced(side, p, n.Scripted(p, (two,))), "power", 1.35)
            for exponent in about.exponents:
                yield Edit(replaced(side, p, n.Scripted(p, (n.Script("^", (exponent,)),))), "power", 1.6)
            if p.open in ("(", "["):
                yield Edit(replaced(side, p, n.Bracket(r"\lvert", p.items, (), r"\rvert")), "bars", 1.5)
            elif p.open == r"\lvert":
                yield Edit(replaced(side, p, n.Bracket("(", p.items, (), ")")), "bars", 1.5)
        elif isinstance(p, n.Call) and not p.function.scripts:
            yield Edit(replaced(side, p, replace(p, function=replace(p.function, scripts=(two,)))), "power", 1.4)
        elif isinstance(p, n.Call) and [flat(i) for s in p.function.scripts for i in s.items] == ["2"]:
            yield Edit(replaced(side, p, replace(p, function=replace(p.function, scripts=()))), "power", 1.3)
        elif isinstance(p, n.Root):
            yield Edit(replaced(side, p, p.of), "power", 1.4)
        elif isinstance(p, n.Number):
            yield from numbers(side, p)
        elif isinstance(p, n.Fraction):
            if isinstance(p.bottom, n.Sum):
                bracket = n.Scripted(n.Bracket("(", (p.bottom,), (), ")"), (two,))
                yield Edit(replaced(side, p, replace(p, bottom=bracket)), "power", 1.3)
            yield Edit(replaced(side, p, n.Fraction(p.bottom, p.top)), "factor", 1.6)
            if not isinstance(p.bottom, n.Number | n.Root):
                yield Edit(replaced(side, p.bottom, n.Root(p.bottom)), "power", 1.6)
        elif isinstance(p, n.Sum) and len(p.terms) == 2:
            yield Edit(replaced(side, p, n.Bracket(r"\lvert", (p,), (), r"\rvert")), "bars", 1.6)


def numbers(side: n.Node, p: n.Number) -> Iterator[Edit]:
    """Another number."""
    if p.text.isdigit() and len(p.text) < 6:
        value = int(p.text)
        for other in dict.fromkeys((value + 1, value - 1, 2 * value)):
            if other >= 0 and other != value:
                yield Edit(replaced(side, p, n.Number(str(other))), "number", 1.4)
