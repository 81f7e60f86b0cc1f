"""The names of the equations of a traced function, and the equations."""

from collections.abc import Iterable, Mapping, Sequence

from symbackprop.calculus.index import IDENTIFIER
from symbackprop.errors import UnknownNameError, nearest
from symbackprop.language.hints import MODULES
from symbackprop.language.nodes import CONDITIONS, Call, Name, Node, Subscript, children, unparse
from symbackprop.language.spec import EquationSpec
from symbackprop.language.syntax import parse
from symbackprop.language.tracing.values.recording import Recording, rebuilt
from symbackprop.ops import OPS
from symbackprop.ops.entrywise.elementwise import CONSTANTS

DEPTH, WIDTH = 40, 400
"""A text that is nested deeper, or made of more parts, gets names for its parts."""

Bindings = list[tuple[str, Node]]


def named(
    top: Node,
    layer: Node | None,
    bindings: Bindings,
    recording: Recording,
    reserved: set[str],
    objective: str | None,
    output: str | None,
) -> tuple[dict[int, str], list[Node]]:
    """The names of nodes by identity, and the nodes that are asked for, the objective last.

    `top` is what is returned; it is made of an array `layer`, where that is what the function returned.
    """
    place = f"function {recording.name}"
    by_name = {name: node for name, node in bindings if _is_array(node)}
    local = {id(node): name for name, node in bindings}
    extra = []
    for role, name in (("output", output), ("objective", objective)):
        if name is None or (role == "objective" and name == local.get(id(top), name) and name not in by_name):
            continue
        if name not in by_name:
            close = nearest(name, list(by_name))
            fix = f"did you mean {', '.join(close)}?" if close else f"assign it in the function: {name} = ..."
            raise UnknownNameError(f"{role} '{name}' is no local variable", place=place, fix=fix)
        extra.append(by_name[name])
    last = extra.pop() if objective in by_name else top
    roots = [*extra, top, last] if last is not top else [*extra, top]
    needed = {id(node) for node in recording.order(roots)}
    names: dict[int, str] = {}
    taken = {*reserved, *by_name}
    kept = [(name, node) for name, node in bindings if id(node) in needed and _is_array(node) and recording.holds_tensor(node)]
    final = {name: id(node) for name, node in kept}
    for name, node in kept:
        names[id(node)] = name if final[name] == id(node) and allowed(name, reserved) else fresh(name, taken, reserved)
    if layer is not None and id(layer) not in names:
        names[id(layer)] = "out" if allowed("out", taken) else fresh("out", taken, reserved)
        taken.add("out")
    if id(top) not in names:
        wanted = objective if last is top and objective else "J"
        names[id(top)] = wanted if allowed(wanted, taken) else fresh(wanted, taken, reserved)
    return names, roots


def _is_array(node: Node) -> bool:
    """Whether an equation can say `node`: it is no condition, and not several arrays, as of split."""
    return not (isinstance(node, Call) and (node.op in CONDITIONS or (node.op in OPS and OPS[node.op].gives_several)))


def allowed(name: str, reserved: Iterable[str]) -> bool:
    """Whether `name` can name a tensor."""
    clear = name not in CONSTANTS and name not in MODULES and not name.startswith("__")
    return bool(IDENTIFIER.match(name)) and clear and name not in reserved


def fresh(name: str, taken: set[str], reserved: Iterable[str]) -> str:
    """H1, H2, ... for H, W1_1, W1_2, ... for W1; t1, t2, ... for a name that the language does not take."""
    stem = name if IDENTIFIER.match(name) and not name.startswith("__") else "t"
    stem += "_" if stem[-1].isdigit() else ""
    count = 1
    while f"{stem}{count}" in taken or not allowed(f"{stem}{count}", reserved):
        count += 1
    taken.add(f"{stem}{count}")
    return f"{stem}{count}"


def equations_of(roots: Sequence[Node], names: Mapping[int, str], recording: Recording, reserved: set[str]) -> tuple[EquationSpec, ...]:
    """The equations: one for each named value, and for what has to be named since it is used twice or deep."""
    order = recording.order(roots)
    uses: dict[int, int] = {}
    for node in order:
        for part in children(node):
            uses[id(part)] = uses.get(id(part), 0) + 1
    taken = {*reserved, *names.values()}
    written: dict[int, Node] = {}
    depth: dict[int, int] = {}
    width: dict[int, int] = {}
    made = []
    for node in order:
        here = rebuilt(node, [written[id(part)] for part in children(node)])
        deep = 1 + max((depth[id(part)] for part in children(node)), default=0)
        wide = 1 + sum(width[id(part)] for part in children(node))
        shared = uses.get(id(node), 0) > 1 and not _is_light(node)
        able = isinstance(node, Call | Subscript) and recording.holds_tensor(node) and _is_array(node)
        if isinstance(node, Name):
            here = Name(names.get(id(node), node.id))
        elif id(node) in names or (able and (shared or deep > DEPTH or wide > WIDTH)):
            name = names.get(id(node)) or fresh("t", taken, reserved)
            text = unparse(here)
            made.append(EquationSpec(name, parse(text, f"equation {name}", f"{name} = "), text))
            here, deep, wide = Name(name), 1, 1
        written[id(node)], depth[id(node)], width[id(node)] = here, deep, wide
    return tuple(made)


def _is_light(node: Node) -> bool:
    """Whether `node` is not worth a name: a transpose, a sign or an entry of something that has one."""
    return isinstance(node, Call) and node.op in ("transpose", "negative", "positive") and isinstance(node.args[0], Name)
