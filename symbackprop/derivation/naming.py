"""What of an adjoint gets a name, and what is put in place where it is used.

An adjoint that is shared wants a name, one that cancels wants to be put in place; of an outer product, X[n,d] Q[n,c,h], only the part
that costs something wants a name, and no array with all the indices is made. Whichever makes the consumers cheapest is chosen.
"""

from collections.abc import Callable

from sympy import Add, Expr, KroneckerDelta, Mul

from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of

Name = Callable[[Expr], Entry]
"""Gives an expression a name: the entry that stands for it, at its own indices."""


def with_parts_named(value: Expr, name: Name) -> Expr:
    """`value` with the sums in each of its products named, where such a sum has fewer indices than the product.

    A sum takes with it what costs nothing more: the factors that have no other indices. Deltas stay outside: a name would
    store their zeros. A guard goes with every sum that has its indices, and stays outside too where another factor has one, as does a
    condition on sizes: each may be read only where the guard lets it.
    """
    return Add(*[_named(term, name) for term in Add.make_args(value)])


def _named(term: Expr, name: Name) -> Expr:
    factors = Mul.make_args(term)
    whole = indices_of(term)
    groups: list[tuple[set, list[Expr]]] = []
    for f in sorted((f for f in factors if f.has(Total)), key=lambda f: -len(indices_of(f))):
        held = indices_of(f)
        home = next((g for g in groups if held <= g[0]), None)
        if home is not None:
            home[1].append(f)
        elif held and held < whole:
            groups.append((held, [f]))
    if not groups:
        return term
    rest: list[Expr] = []
    guards: list[Expr] = []
    taken = [f for _, members in groups for f in members]
    for f in factors:
        if f in taken:
            continue
        homes = [members for held, members in groups if indices_of(f) <= held]
        if not homes or f.has(KroneckerDelta):
            rest.append(f)
        elif isinstance(f, Positive | NonNegative) and not f.has(Entry):
            guards.append(f)
            for members in homes:
                members.append(f)
        else:
            homes[0].append(f)
    rest += [f for f in guards if not indices_of(f) or any(indices_of(f) & indices_of(g) for g in rest)]
    return Mul(*rest, *[name(Mul(*members)) for _, members in groups])
