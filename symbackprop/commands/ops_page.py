"""The page of operations: every record of the op table with its law, and its derivative as this program derives it.

Nothing on it is typed in: formulas are those that the language elaborates, deriving gives and notation writes, the rest is read
off the record. The same table gives the same bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from inspect import getdoc
from pathlib import Path

from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.commands.ops_picture import picture
from symbackprop.derivation.reverse import gradient
from symbackprop.emit import render, write
from symbackprop.expressions import derivative
from symbackprop.language.declare import shaped
from symbackprop.language.elaborate import elaborate_expression
from symbackprop.language.syntax import parse
from symbackprop.ops import OPS, Op
from symbackprop.ops.absent import ABSENT, Absent
from symbackprop.ops.examples import Example, example
from symbackprop.ops.function import Elementwise
from symbackprop.pages.dialects.markdown import for_github
from symbackprop.result import best_equation
from symbackprop.typesetting.index_form import equation_latex
from symbackprop.typesetting.wording import words

GROUPS = {
    "elementwise": ("Functions", "Arithmetic and functions of numbers, applied entry by entry."),
    "activation": ("Activations", "Functions of numbers that networks are made with, applied entry by entry."),
    "reduction": ("Reductions", "Along one axis, several, or all."),
    "statistic": ("Statistics", "Along one axis. In a derivation these stay calls of their own, each with equations that define it."),
    "contraction": ("Contractions", "Products of entries, summed over indices that they share."),
    "structural": ("Structure", "Where an entry stands, and arrays that are made of ones, zeros and deltas."),
    "condition": ("Conditions", "What may stand in `where`: 1 where it holds and 0 where not, with derivative 0."),
    "whole tensor": ("Whole tensors", "Without a law for each entry; each states its differential, with the source of that."),
    "layer": ("Layers", "Made of other operations, with the names and the argument order of torch.nn.functional where that has them."),
    "loss": ("Losses", "Made of other operations; means over all entries unless the formula says otherwise."),
}
"""The groups in the order of the page: title, and what is said of all in it."""
MADE_OF_OPS = ("layer", "loss")
"""Kinds whose equations are written in matrix form where they have one; others show how indices go."""


@dataclass(frozen=True)
class Entry:
    """What the page says of one op; formulas are LaTeX, without the signs around them."""

    name: str
    summary: str
    call: str
    shapes: tuple[tuple[str, str], ...]
    law: tuple[str, ...]
    derivatives: tuple[str, ...]
    stable: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]
    picture: str = ""


@dataclass(frozen=True)
class Section:
    """One group of ops."""

    title: str
    anchor: str
    text: str
    entries: tuple[Entry, ...]


def write_page(folder: Path) -> Path:
    """Write ops.md into `folder`, and the pictures that it shows into ops/ beside it."""
    for name, text in pictures().items():
        write(folder / "ops" / f"{name}.svg", text)
    return write(folder / "ops.md", page())


def page() -> str:
    """The page in Markdown, for GitHub."""
    sections = tuple(_section(*group) for group in GROUPS.items())
    names: dict[Absent, list[str]] = {}
    for name, row in ABSENT.items():
        names.setdefault(row, []).append(name)
    absent = [("`, `".join(said), row.why or "other operations say it", row.instead) for row, said in names.items()]
    return render("markdown", "ops.md.jinja", {"sections": sections, "absent": absent})


def pictures() -> dict[str, str]:
    """An SVG picture of each function of one number and its derivative, by the name of the op."""
    return {op.name: render("svg", "function.svg.jinja", vars(picture(op))) for op in table() if of_one_number(op)}


def table() -> Iterator[Op]:
    """The records of the ops, each once."""
    return (op for name, op in OPS.items() if op.name == name)


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as text, each column as wide as its widest cell."""
    widths = [max((len(row[k]) for row in rows), default=0) for k in range(len(rows[0]) if rows else 0)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def rows() -> list[tuple[str, str, str]]:
    """Each name of an op with its kind and what it is, in the order of names."""
    return [(name, op.kind, op.summary) for name, op in sorted(OPS.items())]


def record() -> list[dict[str, str]]:
    """The same as plain dictionaries, for JSON, with the law."""
    return [{"name": name, "kind": op.kind, "summary": op.summary, "law": op.formula} for name, op in sorted(OPS.items())]


def of_one_number(op: Op) -> bool:
    """Whether an op is a function of one number, where other arguments may be left out."""
    return op.kind == "elementwise" and sum(p.default is p.empty for p in op.parameters.values()) == 1 and len(example(op).shapes) == 1


def _section(group: str, said: tuple[str, str]) -> Section:
    entries = sorted((_entry(op) for op in table() if group_of(op) == group), key=lambda e: e.name)
    return Section(said[0], said[0].lower().replace(" ", "-"), said[1], tuple(entries))


def group_of(op: Op) -> str:
    """The group that an op is in: its kind, but for activations."""
    return "activation" if op.activation else op.kind


def _entry(op: Op) -> Entry:
    shown = example(op)
    of_numbers = op.kind == "elementwise"
    program, name = elaborated(shown, "f" if of_numbers else "F")
    derived = _partial(shown) if of_numbers else _backward(program, name)
    return Entry(
        op.name,
        op.summary,
        shown.text,
        tuple((t.name, _axes(t)) for t in program.leaves if t.axes),
        tuple(for_github(text) for text in _law(op, program)),
        tuple(for_github(text) for text in derived),
        tuple(for_github(text) for text in _stable(op, program)),
        tuple(_notes(op)),
        f"ops/{op.name}.svg" if of_one_number(op) else "",
    )


def elaborated(shown: Example, name: str) -> tuple[Program, str]:
    """The program of an example, and the name of its value."""
    program, top = elaborate_expression(parse(shown.text), Program("example", shaped(shown.shapes), (), ""), name, text=shown.text)
    return replace(program, objective=top), top


def _partial(shown: Example) -> Iterator[str]:
    """The derivative of a function of numbers by each; its own value is f."""
    for name in shown.shapes:
        made = derivative(shown.text, shown.shapes, name).latex("index")
        yield rf"\frac{{\partial f}}{{\partial {name}}} = {made}"


def _backward(program: Program, name: str) -> Iterator[str]:
    """The derivative of F by each tensor where F is a number, else of L = sum(G * F): the backward pass, G being that of L by F."""
    used = set().union(*[e.uses() for e in program.equations])
    arguments = [t.name for t in program.leaves if t.role != "index" and t.name in used]
    known = pulled_back(program, name)
    derived = gradient(known, arguments)
    for equation in derived.program.needed(derived.adjoints[a] for a in arguments).equations:
        left, _, right = (text := best_equation(equation, derived.program)).partition(" = ")
        if equation.name not in known.tensors and left != right:  # an inverse is written A^{-1} anyway
            yield text


def pulled_back(program: Program, name: str) -> Program:
    """`program` with an objective that is a number: the tensor `name` itself, or L = sum(G * F) with a new input G."""
    axes = program.tensors[name].axes
    if not axes:
        return replace(program, objective=name)
    program = replace(program, tensors={**program.tensors, "G": Tensor("G", axes, "input")})
    program, top = elaborate_expression(parse(f"sum(G * {name})"), program, "L")
    return replace(program, objective=top)


def _law(op: Op, program: Program) -> Iterator[str]:
    """The equations that an op stands for; none for a function that everybody knows, or an op that has no law entry by entry."""
    last = program.equations[-1]
    if op.kind == "statistic":
        yield from _statistic(op.equations, last, program)
    elif op.kind == "elementwise" and isinstance(last.rhs, Elementwise):
        yield equation_latex(replace(last, rhs=last.rhs.law(*last.rhs.args)), program)
    elif op.function is None and not (op.kind == "whole tensor" and isinstance(last.rhs, Call)):
        for equation in program.equations:
            yield best_equation(equation, program) if op.kind in MADE_OF_OPS else equation_latex(equation, program)


def _stable(op: Op, program: Program) -> Iterator[str]:
    """The form that neither overflows nor cancels, where the record has one."""
    last = program.equations[-1]
    if op.stable is not None and op.kind == "statistic":
        yield from _statistic(op.stable, last, program)
    elif op.stable is not None:
        yield equation_latex(replace(last, rhs=op.stable(*last.formula.args)), program)


def _statistic(law: Callable, equation: Equation, program: Program) -> Iterator[str]:
    made = law(equation.rhs, program.tensors, equation.tensor, lambda suggested: suggested)
    whole = replace(program, tensors={**program.tensors, **{e.name: e.tensor for e in made}})
    return (equation_latex(e, whole) for e in made)


def _axes(tensor: Tensor) -> str:
    return " ".join(str(a).replace(" ", "") for a in tensor.axes)


def _notes(op: Op) -> Iterator[tuple[str, str]]:
    """What the record says beside its formulas."""
    aliases = [f"`{name}`" for name, other in OPS.items() if other is op and name != op.name]
    if aliases:
        yield "also called", ", ".join(aliases)
    if op.kind == "whole tensor":
        yield "law", f"`{op.formula}`"
    if op.differential is not None:
        yield "differential", f"`{(getdoc(op.differential) or '').rstrip('.')}`"
    if op.numpy:
        yield "in NumPy", f"`{op.numpy.format(*(p.name for p in op.parameters.values()))}`"
    bounds = [_interval(p, *ends) for p, ends in zip(op.parameters, op.domain, strict=False) if ends != (None, None)]
    if bounds and op.kind == "elementwise":
        yield "domain", ", ".join(bounds)
    for convention in op.kinks:
        yield "kink", words("en")[f"convention {convention}"]
    if op.accuracy:
        yield "range", op.accuracy
    yield "source", op.source


def _interval(name: str, low: float | None, high: float | None) -> str:
    below = "" if low is None else f"{low:g} < "
    return f"`{below}{name}{'' if high is None else f' < {high:g}'}`"
