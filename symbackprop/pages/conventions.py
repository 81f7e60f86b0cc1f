"""How the notation of a formula is to be read: a sentence for each sign in it that is no standing notation."""

from collections.abc import Collection, Mapping, Sequence

from symbackprop.calculus.index import Index
from symbackprop.matrix.nodes import Bracket, Called, Column, Commutation, Elementwise, Hadamard, Kron, Leaf, Lower, Ones, Row, Unit, Value
from symbackprop.matrix.tex import Typesetter
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Line
from symbackprop.typesetting.functions import function
from symbackprop.typesetting.index_form import Writer, letter
from symbackprop.typesetting.wording import filled

X, M, N = (tree.Letter(c) for c in "XMN")
VEC = function("vec")
HELPERS = ("prod_others", "max_selector", "min_selector")
"""Functions of this package's own making."""


def conventions(
    values: Sequence[Value], unfolded: bool, writer: Writer, say: Mapping[str, str], told: Collection[type[Value]] = ()
) -> list[Line]:
    """What to know to read `values`, but for what is `told` elsewhere.

    `unfolded` tells whether one of them is a derivative of more than two axes.
    """
    found: dict[type[Value], list[Value]] = {}
    for value in values:
        _collect(value, found)
    for kind in told:
        found.pop(kind, None)
    lines: list[Line] = []
    if unfolded:
        lines.append(filled(say["read unfolded"], vec=tree.apply(VEC, X)))
    if Kron in found:
        blocks = tree.product(tree.Labelled(tree.Letter("m"), (tree.Letter("i"), tree.Letter("j"))), N)
        lines.append(filled(say["read kron"], kron=tree.hadamard(M, ("otimes", N)), blocks=blocks))
    if (k := next((x for x in found.get(Commutation, ()) if isinstance(x, Commutation)), None)) is not None:
        node = Typesetter(writer).node(k)
        law = tree.relation(tree.product(node, tree.apply(VEC, X)), ("=", tree.apply(VEC, tree.transposed(X))))
        rows, columns = writer.expression(k.rows), writer.expression(k.columns)
        lines.append(filled(say["read commutation"], K=node, law=law, X=X, rows=rows, columns=columns))
    named: dict[tuple[str, str], Index] = {}
    for x in (*found.get(Row, ()), *found.get(Column, ())):
        if isinstance(x, Row | Column) and isinstance(x.x, Leaf):
            named.setdefault((x.x.name, "read row" if isinstance(x, Row) else "read column"), x.at)
    for (name, key), at in named.items():
        s = letter(writer.letters.extended({}, [at])[at])
        node = writer.names.row(name, s) if key == "read row" else writer.names.column(name, s)
        lines.append(filled(say[key], slice=node, at=s, whole=writer.names(name)))
    if Unit in found:
        i = tree.Letter("i")
        lines.append(filled(say["read unit"], unit=tree.Labelled(Typesetter(writer).sign("e"), (i,)), at=i))
    if Lower in found:
        lines.append(filled(say["read lower"], L=Typesetter(writer).node(found[Lower][0])))
    if Ones in found:
        lines.append(filled(say["read ones"], ones=Typesetter(writer).node(found[Ones][0])))
    if Hadamard in found or any(not x.is_scalar for x in found.get(Elementwise, ())):
        lines.append(filled(say["read entrywise"], odot=tree.Mark("odot"), oslash=tree.Mark("oslash")))
    if Bracket in found:
        lines.append(filled(say["read indicator"], indicator=tree.indicator(tree.Mark("cdot"))))
    by_rows = [
        x.op for x in found.get(Called, ()) if isinstance(x, Called) and dict(x.options).get("axis") is not None and _wide(x.arguments[0])
    ]
    lines += [filled(say["read by rows"], op=function(op)) for op in dict.fromkeys(by_rows)]
    lines += [
        filled(say[f"read {op}"], op=function(op))
        for op in HELPERS
        if any(isinstance(x, Called) and x.op == op for x in found.get(Called, ()))
    ]
    return lines


def accents(names: Collection[str], writer: Writer, say: Mapping[str, str]) -> list[Line]:
    """What the dots and bars of the tensors `names` mean, and what the blocks of a matrix are called."""
    tensors = [t for n, t in writer.program.tensors.items() if n in names]
    spelled = writer.names

    def listed(nodes: Sequence[tree.Node]) -> Line:
        return tuple(part for k, node in enumerate(nodes) for part in ((say["comma"],) if k else ()) + (node,))

    lines: list[Line] = []
    given = [t for t in tensors if t.tangent_of and t.role == "direction"]
    moved = [t for t in tensors if t.tangent_of and t.role != "direction"]
    if given:
        lines.append(filled(say["read dot"], given=listed([spelled(t.name) for t in given])))
    examples = {len(t.tangent_of) > 1: t for t in reversed(moved)}
    for t in (examples[k] for k in sorted(examples)):
        lines.append(filled(say["read dotted"], dotted=spelled(t.name), plain=spelled.plain(t.tangent_of)))
    barred = [t for t in tensors if len(t.cotangent_of) == 1 and t.role != "direction"]
    seeds = [t for t in tensors if t.cotangent_of and t.role == "direction"] or [t for t in moved if len(t.tangent_of) > 1]
    if barred and seeds:
        # Where a tensor is carried back to twice, the second counts what does not come by the output too.
        first = {t.cotangent_of: t for t in reversed(barred)}
        whole = {t.cotangent_of: t for t in barred}
        of, seed = barred[-1].cotangent_of, seeds[-1]
        said = {
            "plain": spelled.plain(of),
            "output": spelled.plain((seed.cotangent_of or seed.tangent_of)[-1:]),
            "given": spelled(seed.name),
        }
        lines.append(filled(say["read bar"], barred=spelled(first[of].name), **said))
        if first[of] is not whole[of]:
            lines.append(filled(say["read bar beside"], whole=spelled(whole[of].name), **said))
    block = next((t for t in tensors if len(t.cotangent_of) == 2), None)
    if block is not None:
        rows, columns = (spelled.plain((n,)) for n in block.cotangent_of)
        lines.append(filled(say["read block"], block=spelled(block.name), rows=rows, columns=columns))
    return lines


def _wide(x: Value) -> bool:
    return None not in x.shape


def _collect(x: Value, found: dict[type[Value], list[Value]]) -> None:
    found.setdefault(type(x), []).append(x)
    for v in x.children:
        _collect(v, found)
