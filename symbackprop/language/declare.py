"""What a model declares, checked: tensors with axes, roles and facts; example sizes; the order of equations; samples."""

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sympy import Expr

from symbackprop.calculus.facts import KINDS
from symbackprop.calculus.index import IDENTIFIER, NAME, axis, letters, parse_shape, shape_text
from symbackprop.calculus.program import ROLES, Fact, Tensor
from symbackprop.errors import AxisError, FactError, SpecError, UnknownNameError, nearest
from symbackprop.language.elsewhere import character_fix, other_name
from symbackprop.language.hints import MODULES
from symbackprop.language.nodes import names_of
from symbackprop.language.spec import EquationSpec, ModelSpec
from symbackprop.ops import OPS

MOST_NAMES = 12
"""More names than this are no help in a message."""


def axis_names(spec: ModelSpec) -> list[str]:
    """The names of all axes of the model, in order of appearance."""
    words = [w for t in spec.tensors.values() for w in letters(t.axes)]
    return list(dict.fromkeys(w for w in (*words, *spec.sizes) if IDENTIFIER.match(w)))


def declared(spec: ModelSpec) -> dict[str, Tensor]:
    """The tensors that the model declares, by name."""
    made = {}
    if not IDENTIFIER.match(spec.name):
        raise SpecError(
            f"'{spec.name}' can't name a model: a module and its file are called so", place="name", fix="use letters, digits and _"
        )
    axes = axis_names(spec)
    for name in (*spec.tensors, *(e.name for e in spec.equations)):
        _check_name(name, axes, f"model {spec.name}", ops=spec.variables)
    for name, t in spec.tensors.items():
        place = f"tensor {name}"
        sizes = parse_shape(t.axes, place, less=spec.variables)
        if t.role not in ROLES:
            close = nearest(t.role, ROLES) or list(ROLES)
            raise SpecError(f"there is no role '{t.role}'", place=place, fix=f"use {' or '.join(close)}")
        facts = tuple(fact(text, name, sizes) for text in t.facts)
        made[name] = Tensor(name, sizes, t.role, facts, t.latex or spec.latex.get(name))
    return made


def shaped(shapes: Mapping[str, str]) -> dict[str, Tensor]:
    """Parameters by name from their shape strings. Raises SpecError for what is no name, AxisError for what is no shape."""
    if not isinstance(shapes, Mapping):
        raise SpecError(f"shapes are a table, not a {type(shapes).__name__}", place="shapes", fix='write {"A": "m n", "x": "n"}')
    for name, shape in shapes.items():
        if not isinstance(name, str) or not isinstance(shape, str):
            raise SpecError(
                f"the shape of {name!r} is {shape!r}", place="shapes", fix='name and shape are texts, as in {"A": "m n", "x": "n"}'
            )
    made = {name: Tensor(name, parse_shape(shape, f"the shape of {name}"), "parameter") for name, shape in shapes.items()}
    axes = [str(a) for t in made.values() for size in t.axes for a in size.free_symbols]
    for name in made:
        _check_name(name, axes, "shapes")
    return made


def _check_name(name: str, axes: Sequence[str], place: str, *, ops: bool = False) -> None:
    """Raise SpecError for what can't name a tensor; `ops`: the name of an op can."""
    reason = ""
    if not NAME.match(name):
        reason = "it is not an identifier"
    elif keyword.iskeyword(name):
        reason = "it is a Python keyword"
    elif name in OPS and not ops:
        reason = "it is the name of an op"
    elif name in MODULES:
        reason = "a text reads it as the module"
    elif name in axes:
        reason = "it is the name of an axis"
    if reason:
        fix = "choose another name"
        if keyword.iskeyword(name):
            fix += f", {other_name(name)}"
        elif not name.isascii():
            fix = character_fix(name)
        raise SpecError(f"'{name}' can't name a tensor: {reason}", place=place, fix=fix)


def fact(text: str, name: str, axes: Sequence[Expr]) -> Fact:
    """The fact that `text` declares of the tensor `name`. Raises FactError if it can't be one."""
    place = f"tensor {name}"
    kind, _, over = (part.strip() for part in text.partition(" over "))
    if kind not in KINDS:
        close = nearest(kind, list(KINDS)) or list(KINDS)
        raise FactError(f"there is no fact '{kind}'", place=place, source=text, fix=f"use {' or '.join(close)}")
    if not over and (KINDS[kind].axis == "named" or (KINDS[kind].axis and not axes)):
        if len(axes) == 1:
            return Fact(kind, name, 0)
        fix = f'write "{kind} over {shape_text(axes[-1:]) or "c"}"'
        raise FactError(f"'{kind}' must say over which axis", place=place, source=text, fix=fix)
    if KINDS[kind].square and (len(axes) != 2 or axes[0] != axes[1]):
        raise FactError(f"only a square matrix is {kind}, {name} is {shape_text(axes) or 'a scalar'}", place=place, source=text)
    if not over:
        return Fact(kind, name, len(axes) - 1 if KINDS[kind].axis else None)
    if KINDS[kind].axis is None:
        raise FactError(f"'{kind}' speaks of no axis", place=place, source=text, fix=f'write "{kind}"')
    places = [k for k, a in enumerate(axes) if str(a) == over]
    if len(places) != 1:
        many = "no" if not places else "more than one"
        raise FactError(
            f"{name} has {many} axis '{over}'",
            place=place,
            source=text,
            notes=[f"{name} is {shape_text(axes) or 'a scalar'}"],
            fix="name one of the tensor's axes",
        )
    return Fact(kind, name, places[0])


def facts_of(tensors: Mapping[str, Tensor], facts: Mapping[str, str | Sequence[str]]) -> dict[str, Tensor]:
    """`tensors` with more facts, given by name as texts ("symmetric", "simplex over c").

    Raises UnknownNameError for a fact of no tensor, FactError for one that does not fit.
    """
    made = dict(tensors)
    for name, given in facts.items():
        if name not in made:
            raise UnknownNameError(f"a fact of '{name}', which nothing declares", place="facts", fix=did_you_mean(name, list(made)))
        texts = (given,) if isinstance(given, str) else tuple(given)
        new = tuple(fact(text, name, made[name].axes) for text in texts)
        made[name] = replace(made[name], facts=(*made[name].facts, *new))
    return made


def example_sizes(spec: ModelSpec) -> dict[Expr, int]:
    """The example sizes of axes. Raises AxisError for an axis that nothing has."""
    words = {w for t in spec.tensors.values() for w in letters(t.axes)}
    words |= {w for e in spec.equations for w in names_of(e.node)} - {*spec.tensors, *(e.name for e in spec.equations)}
    for name, size in spec.sizes.items():
        if name not in words:
            raise AxisError(f"no tensor has an axis '{name}'", place="axes", fix=did_you_mean(name, sorted(words)))
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise AxisError(f"the size of '{name}' is {size!r}, not a positive whole number", place="axes", fix=f"write {name} = 4")
    return {axis(name): size for name, size in spec.sizes.items()}


def in_order(spec: ModelSpec) -> list[EquationSpec]:
    """The equations, each after those it needs. Raises SpecError for a cycle, a double definition, or no equation."""
    if not spec.equations:
        raise SpecError("a model needs at least one equation", place=f"model {spec.name}")
    by_name: dict[str, EquationSpec] = {}
    for e in spec.equations:
        if e.name in by_name or e.name in spec.tensors:
            raise SpecError(f"'{e.name}' is defined twice", place=f"equation {e.name}", source=f"{e.name} = {e.text}")
        by_name[e.name] = e
    needs = {e.name: [n for n in names_of(e.node) if n in by_name] for e in spec.equations}
    done: dict[str, None] = {}
    for first in by_name:
        path = [first]
        while path:
            name = path[-1]
            waiting = next((n for n in needs[name] if n not in done), None)
            if name in done or waiting is None:
                done.setdefault(path.pop())
            elif waiting in path:
                loop = path[path.index(waiting) :]
                e = by_name[loop[-1]]
                start, stop = (column + len(e.name) + 3 for column in names_of(e.node)[waiting])
                reason = "it needs itself" if len(loop) == 1 else "equations need each other: " + " -> ".join([*loop, waiting])
                raise SpecError(
                    reason, place=f"equation {e.name}", source=f"{e.name} = {e.text}", spans=[(start, stop)], fix="break the cycle"
                )
            else:
                path.append(waiting)
    return [by_name[name] for name in done]


def sample_axis(spec: ModelSpec, tensors: dict[str, Tensor]) -> Expr | None:
    """The axis of samples: the one declared, else the first that all inputs and labels share.

    Without labels (a traced function has none) it is the first that all inputs with axes share, once each, and no parameter has.
    """
    if spec.samples is not None:
        if spec.samples not in axis_names(spec):
            fix = did_you_mean(spec.samples, axis_names(spec))
            raise AxisError(f"samples '{spec.samples}' is no axis", place=f"model {spec.name}", fix=fix)
        return axis(spec.samples)
    data = [t for t in tensors.values() if t.role in ("input", "label")]
    taken: set[Expr] = set()
    if not any(t.role == "label" for t in data):
        data = [t for t in data if t.axes]
        taken = {a for t in tensors.values() for a in t.axes if t.role == "parameter" or t.axes.count(a) > 1}
        if not any(t.role == "parameter" for t in tensors.values()):
            return None
    if not any(t.role == "input" for t in data):
        return None
    return next((a for a in data[0].axes if a.is_Symbol and a not in taken and all(a in t.axes for t in data)), None)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The fix for a name that is not known: the nearest that are."""
    close = nearest(name, list(known))
    if close or not known:
        return f"did you mean {' or '.join(close)}?" if close else ""
    return f"use one of {', '.join(known)}" if len(known) <= MOST_NAMES else ""
