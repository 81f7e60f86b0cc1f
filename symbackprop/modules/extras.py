"""How functions beyond the gradient are written: matrices of blocks, products with them, and arrays for each parameter.

What they return is derived from the program that the module is written for, in which statistics that a user spelled out are recognised.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sympy import Expr

from symbackprop.arrays.joined import Group, groups, pieces
from symbackprop.arrays.lowering import Store
from symbackprop.calculus.program import Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive
from symbackprop.code.body import body, staged
from symbackprop.code.layout_text import bracketed
from symbackprop.code.names import RESERVED, Scope, code_names
from symbackprop.derivation.reverse import Derived
from symbackprop.derivation.second import Blocks, Products
from symbackprop.errors import TargetError
from symbackprop.modules.pieces import function_of, tuple_text, unpacked
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter

KINKS = "Where a first derivative jumps, as at the kink of a relu, it is that of the side where the derivative is 0."


def declared_output(writer: ModuleWriter) -> str:
    """The declared output. Raises TargetError where there is none."""
    if writer.program.output is None:
        raise TargetError(f"{writer.program.name} declares no output", place="--with", fix='say which tensor it is: output = "O"')
    return writer.program.output


def matrix_function(writer: ModuleWriter, made: Blocks, name: str, letter: str, title: str) -> FunctionText:
    """A function that returns a symmetric matrix of blocks, P x P."""
    program, outputs = _relabelled(made, letter)
    kinks = _kinks(program, outputs.values())
    program, parts = pieces(program, outputs, groups(program, made.names))
    names = code_names(program, known=writer.names)
    scope = Scope(names)
    matrix, limit = scope.name("matrix"), scope.name("limit")
    called = {t.name: names(t) for t in writer.parameters}
    slices: dict[Group, str] = {}
    for g in (*[side for p in parts for side in (p.rows, p.columns)], *[(n,) for n in called]):
        if g not in slices:
            slices[g] = scope.name("_".join(["of", *(called[n] for n in g)]))
    stores: dict[str, Store] = {}
    if len(made.names) > 1:
        stores = {p.name: Store(matrix, slices[p.rows], slices[p.columns], p.axes, p.order, p.pattern) for p in parts}
    inner = writer.noted(body(program, [p.name for p in parts], writer.spelling, names, scope.reserved, stores))
    writer.helpers |= {"_fits"}
    if stores:
        writer.helpers |= {"_slices"}
        last = slices[made.names[-1:]]
        empty = writer.spelling.spell("empty").format(f"({last}.stop, {last}.stop)", "dtype")
        lines = [f"{', '.join(slices[n,] for n in made.names)} = _slices({tuple_text(list(called.values()))})"]
        lines += [f"{slices[g]} = slice({slices[g[:1]]}.start, {slices[g[1:]]}.stop)" for g in slices if len(g) > 1]
        lines += [f"_fits({last}.stop, dtype, {limit})", f"{matrix} = {empty}", *inner.lines]
        below = [slices[n,] for n in made.names[1:]]
        lines += [writer.spelling.setting(matrix, f"{s}, : {s}.start", f"{matrix}[: {s}.start, {s}].T") for s in below]
        lines.append(f"return {matrix}")
        inner = replace(inner, dtype=True)
    else:
        ((output,), (array,)) = outputs.values(), called.values()
        lines = [f"count = {array}.size", f"_fits(count, {array}.dtype, {limit})", *inner.lines]
        lines.append(f"return {inner.results[output]}.reshape((count, count))")
    doc = [f"{title}: P x P, in the order of `pack`.", ""]
    doc += [f"MemoryError, before it is made, if it takes more than `{limit}` bytes: products with it need far less."]
    whole = writer.complete(replace(inner, lines=tuple(lines)), writer.data)
    arguments = ["params", *writer.data_names, f"{limit}=2**31", *writer.check_argument(writer.data)]
    return function_of(name, arguments, writer.documented([*doc, *kinks], writer.data), whole)


def _relabelled(made: Blocks, letter: str) -> tuple[Program, dict[tuple[str, str], str]]:
    """The program with its blocks called H_W1_b1 and so on, also where one block is said by another."""
    program = made.derived.program
    new: dict[str, str] = {}
    for (a, b), old in made.blocks.items():
        new[old] = program.fresh_name(f"{letter}_{a}_{b}", new.values())
    return program.renamed(new), {pair: new[old] for pair, old in made.blocks.items()}


def product_functions(writer: ModuleWriter, made: Products, name: str, matrix: str) -> list[FunctionText]:
    """The operator at one point, and the product in one go."""
    program = made.derived.program
    names = code_names(program, known=writer.names)
    scope = Scope(names)
    product = scope.name("product")
    outputs = [made.results[n] for n in writer.parameter_names]
    directions = [program.tensors[d] for d in made.directions.values()]
    first, then = staged(
        program, list(dict.fromkeys(outputs)), [t.name for t in directions], writer.spelling, names, reserved=scope.reserved
    )
    writer.noted(first)
    writer.noted(then)
    params = [names(t) for t in writer.parameters]
    writer.helpers |= {"_direction"}
    given = f"{unpacked([names(t) for t in directions])} = _direction(v, {tuple_text(params)})"
    results = bracketed("return Parameters(", [then.results[o] for o in outputs], ")", 8)
    inner = [f"def {product}(v):", f'    """The product of {matrix} with v."""']
    inner += [f"    {line}" if line else "" for line in (given, *then.lines, *results)]
    sizes = tuple(dict.fromkeys((*first.sizes, *then.sizes)))
    both = replace(first, sizes=sizes, dtype=first.dtype or then.dtype, lines=(*first.lines, "", *inner, "", f"return {product}"))
    arguments, check = ["params", *writer.data_names], writer.check_argument(writer.data)
    doc = [f"v -> the product of {matrix} with v; both are Parameters.", "", "What does not depend on v is computed once."]
    doc = writer.documented([*doc, *_kinks(program, outputs)], writer.data)
    operator = function_of(f"{name}_operator", [*arguments, *check], doc, writer.complete(both, writer.data))
    call = bracketed(f"return {name}_operator(", [*arguments, *(["check"] if check else [])], ")(v)", 4)
    doc = writer.documented([f"The product of {matrix} with v; both are Parameters."], writer.data)
    return [operator, function_of(f"{name}_vector_product", [*arguments, "v", *check], doc, call)]


def arrays_function(
    writer: ModuleWriter,
    derived: Derived,
    name: str,
    doc: Sequence[str],
    outputs: Sequence[str],
    data: Sequence[Tensor],
    argument: str = "",
    directions: Mapping[str, str] | None = None,
    alone: bool = False,
) -> FunctionText:
    """A function of `data`, and of a vector `argument`, that returns Parameters, or one array `alone`."""
    program = derived.program
    names = code_names(program, known=writer.names)
    reserved = {*RESERVED, argument}
    inner = writer.noted(body(program, list(dict.fromkeys(outputs)), writer.spelling, names, reserved))
    given = []
    if directions:
        vectors = [names(program.tensors[d]) for d in directions.values()]
        if argument == "v":
            writer.helpers |= {"_direction"}
            given = [f"{unpacked(vectors)} = _direction(v, {tuple_text([names(t) for t in writer.parameters])})"]
        else:
            writer.helpers |= {"_cotangent"}
            (like,) = directions
            shape = tuple_text([names.size(a) for a in program.tensors[like].axes])
            given = [f'{vectors[0]} = _cotangent("{argument}", {argument}, {shape}, dtype)']
            inner = replace(inner, dtype=True, sizes=(*inner.sizes, *[a for a in program.tensors[like].axes if a.is_Symbol]))
    results = [inner.results[o] for o in outputs]
    back = [f"return {results[0]}"] if alone else bracketed("return Parameters(", results, ")", 4)
    inner = replace(inner, lines=(*given, *inner.lines, *back), sizes=tuple(dict.fromkeys(inner.sizes)))
    arguments = ["params", *[names(t) for t in data], *([argument] if argument else []), *writer.check_argument(data)]
    return function_of(name, arguments, writer.documented(doc, data), writer.complete(inner, data))


def _kinks(program: Program, names: Iterable[str]) -> list[str]:
    """The line that says where second derivatives do not exist."""
    bodies = [e.rhs for e in program.needed(names).equations if isinstance(e.rhs, Expr)]
    return [KINKS] if any(b.has(Entry) for rhs in bodies for b in rhs.atoms(Positive, NonNegative)) else []
