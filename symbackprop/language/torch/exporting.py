"""A module of PyTorch through torch.export: with which axes symbolic, and what may not be in it."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sympy import Add, Expr, Integer, Max, Min, Mul, Pow, expand_mul, floor

from symbackprop.calculus.index import IDENTIFIER, axis
from symbackprop.calculus.program import Need
from symbackprop.errors import AxisError, SpecError

PLACE = "from_torch"
SAMPLES = "n"
UNBOUND = 2
"""torch takes no symbolic size for one below this, so a bound of it says nothing."""
NEEDS = "the module as it was exported needs"
GAPS = {
    "Equality": lambda a, b: -((a - b) ** 2),
    "Unequality": lambda a, b: (a - b) ** 2 - 1,
    "GreaterThan": lambda a, b: a - b,
    "StrictGreaterThan": lambda a, b: a - b - 1,
    "LessThan": lambda a, b: b - a,
    "StrictLessThan": lambda a, b: b - a - 1,
}
"""What is not negative where a condition on whole numbers holds."""
SIGNS = dict(zip(GAPS, (" = ", " != ", " >= ", " > ", " <= ", " < "), strict=True))
HIDDEN = "wrap_with_set_grad_enabled"
"""What torch makes of `with torch.no_grad():`."""


def exported(torch: Any, module: Any, arguments: tuple, dynamic: Any) -> tuple[Any, dict[str, tuple[Expr, ...]], tuple[Need, ...]]:
    """The program that torch exports, without writes in place; the axes of its inputs by name; what it needs of sizes.

    Raises SpecError for what can't be exported, AxisError for axes that can't be symbolic.
    """
    if not isinstance(module, torch.nn.Module):
        kind = type(module).__name__
        fix = "make one: Net()" if isinstance(module, type) else "a plain function has sbp.trace"
        raise SpecError(f"a {kind} is no module of PyTorch", place=PLACE, fix=fix)
    shapes = _stated(torch, module, arguments, dynamic)
    marks = [_marked(torch, value, shapes[k]) for k, value in enumerate(arguments)]
    with warnings.catch_warnings(), _own_gradients_refused(torch):
        warnings.simplefilter("ignore")
        try:
            raw = torch.export.export(module, arguments, dynamic_shapes=tuple(marks) if arguments else None, strict=False)
            for node in raw.graph.nodes:
                if HIDDEN in str(node.target):
                    raise SpecError(
                        "torch.no_grad() in the module: derivatives do not go through it in torch, and here they would",
                        **spot(node),
                        fix="compute that outside, and give it as an input or a buffer",
                    )
            program = raw.run_decompositions({})
        except SpecError:
            raise
        except Exception as e:
            raise _translated(e) from e
    stated = [s for value, shape in zip(arguments, shapes, strict=True) for s in _leaves(value, shape)]
    axes, needs = _axes(program, [shape for _, shape in stated])
    return program, axes, needs


def _leaves(value: Any, shape: Any) -> Iterator[tuple[Any, Any]]:
    """The tensors of an argument with their shapes, also those in lists and dictionaries."""
    if isinstance(value, list | tuple):
        for k, v in enumerate(value):
            yield from _leaves(v, shape[k] if isinstance(shape, list | tuple) else shape)
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from _leaves(v, shape[k] if isinstance(shape, dict) else shape)
    elif hasattr(value, "shape"):
        yield value, shape
    elif not isinstance(value, int | float | bool | str | type(None)):
        raise SpecError(f"an example input is a {type(value).__name__}", place=PLACE, fix="give tensors, or lists and dictionaries of them")


def _stated(torch: Any, module: Any, arguments: tuple, dynamic: Any) -> list[Any]:
    """The shape of each argument: what `dynamic` says of it, or "" where it says nothing."""
    names = [p for p in _names(module) if p][: len(arguments)]
    if dynamic is None:
        first = [value.shape[0] for value, _ in _leaves(list(arguments), "") if value.ndim]
        same = len(set(first)) == 1 and first[0] >= UNBOUND
        return [_defaulted(value) if same else "" for value in arguments]
    if isinstance(dynamic, Mapping):
        for name in dynamic:
            if name not in names:
                raise AxisError(f"the module has no input '{name}'", place=f"{PLACE}, dynamic", fix=f"its inputs are {', '.join(names)}")
        return [dynamic.get(name, "") for name in names]
    if isinstance(dynamic, list | tuple) and len(dynamic) == len(arguments):
        return list(dynamic)
    raise AxisError(
        "dynamic= says shapes of inputs", place=PLACE, fix='write dynamic={"x": "n 1 28 28"}, with a letter for a symbolic axis'
    )


def _names(module: Any) -> list[str]:
    code = type(module).forward.__code__
    return list(code.co_varnames[1 : code.co_argcount])


def _defaulted(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_defaulted(v) for v in value]
    if isinstance(value, dict):
        return {k: _defaulted(v) for k, v in value.items()}
    return " ".join([SAMPLES, *map(str, value.shape[1:])]) if getattr(value, "ndim", 0) else ""


def _words(value: Any, shape: Any) -> list[str]:
    """The words of a shape, one for each axis: letters, and the sizes of the example. Raises AxisError where they do not fit."""
    sizes = [str(size) for size in value.shape]
    if isinstance(shape, Mapping):
        return [str(shape.get(k, size)) for k, size in enumerate(sizes)]
    words = str(shape).split() or sizes
    place = f"{PLACE}, dynamic"
    if len(words) != len(sizes):
        raise AxisError(f"'{shape}' has {len(words)} axes, the example {len(sizes)}", place=place, fix=f"its shape is {' '.join(sizes)}")
    for word, size in zip(words, sizes, strict=True):
        if word != size and not IDENTIFIER.match(word):
            raise AxisError(f"'{word}' stands where the example has {size}", place=place, fix=f"write a letter, or {size}")
    return words


def _marked(torch: Any, value: Any, shape: Any) -> Any:
    """What torch.export is told of an argument's axes."""
    if isinstance(value, list | tuple):
        return [_marked(torch, v, shape[k] if isinstance(shape, list | tuple) else shape) for k, v in enumerate(value)]
    if isinstance(value, dict):
        return {k: _marked(torch, v, shape[k] if isinstance(shape, dict) else shape) for k, v in value.items()}
    if not hasattr(value, "shape"):
        return None
    words = _words(value, shape)
    letters = [k for k, word in enumerate(words) if not word.isdigit()]
    for k in letters:
        if value.shape[k] < UNBOUND:
            fix = "take an example with two or more along it"
            raise AxisError(
                f"the example has size {value.shape[k]} along the symbolic axis '{words[k]}'", place=f"{PLACE}, dynamic", fix=fix
            )
    return {k: torch.export.Dim.DYNAMIC for k in letters}


def _axes(program: Any, shapes: Sequence[Any]) -> tuple[dict[str, tuple[Expr, ...]], tuple[Need, ...]]:
    """The axes of the inputs by name, and what the module as it was exported needs of their sizes."""
    inputs = [n for n in program.graph.nodes if n.op == "placeholder" and n.name in program.graph_signature.user_inputs]
    inputs = [n for n in inputs if hasattr(n.meta.get("val"), "shape")]
    made: dict[str, tuple[Expr, ...]] = {}
    called: dict[str, str] = {}
    bounds: dict[str, Any] = {}
    for node, shape in zip(inputs, shapes, strict=True):
        value = node.meta["val"]
        words = str(shape).split() if not isinstance(shape, Mapping) else [str(shape.get(k, s)) for k, s in enumerate(value.shape)]
        words = words or [str(s) for s in value.shape]
        for word, size in zip(words, value.shape, strict=True):
            if word.isdigit():
                continue
            symbol = getattr(getattr(size, "node", None), "expr", None)
            if symbol is None or not symbol.is_Symbol:
                fix = f"give it the number {size} in dynamic=" if symbol is None else "give the axes that depend on each other numbers"
                raise AxisError(f"axis '{word}' of {node.name} can't be symbolic: the module has it as {size}", place=PLACE, fix=fix)
            if called.setdefault(str(symbol), word) != word:
                other = called[str(symbol)]
                raise AxisError(f"the module has axes '{other}' and '{word}' of one size", place=PLACE, fix=f"call both '{word}'")
            bounds[word] = program.range_constraints.get(symbol)
        made[node.name] = tuple(Integer(int(w)) if w.isdigit() else axis(w) for w in words)
    needs = {n.gap: n for n in (*_branches(program, called), *_needs(bounds))}
    return made, tuple(needs.values())


def _needs(bounds: Mapping[str, Any]) -> tuple[Need, ...]:
    """What letters have to be, by the ranges that torch has found for them."""
    needs = []
    for letter, span in bounds.items():
        if span is None:
            continue
        if span.lower > UNBOUND:
            needs.append(Need(axis(letter) - int(span.lower), f"{NEEDS} {letter} >= {span.lower}"))
        if span.upper.is_Integer:
            needs.append(Need(int(span.upper) - axis(letter), f"{NEEDS} {span.upper} >= {letter}"))
    return tuple(needs)


def _branches(program: Any, called: Mapping[str, str]) -> Iterator[Need]:
    """What sizes have to be for the branches that the module took for the example."""
    values = (n.meta.get("val") for n in program.graph.nodes if n.op == "placeholder")
    sizes = (s for v in values for s in getattr(v, "shape", ()) if hasattr(s, "node"))
    for guard in {s.node.shape_env.replace(g.expr): None for s in sizes for g in s.node.shape_env.guards}:
        if guard in (True, False):  # what is always so; torch refuses what never is
            continue
        known = {x: axis(called[str(x)]) for x in guard.free_symbols if str(x) in called}
        sign, *sides = type(guard).__name__, *(_floors(a.xreplace(known)) for a in guard.args)
        if sign not in GAPS or len(known) < len(guard.free_symbols) or None in sides:
            raise SpecError(f"the module branches on sizes: {guard}", place=PLACE, fix="give that axis a number in dynamic=")
        gap = expand_mul(GAPS[sign](*sides))
        if not gap.is_nonnegative:
            yield Need(gap, f"{NEEDS} {SIGNS[sign].join(map(str, sides))}")


def _floors(e: Any) -> Expr | None:
    """torch's formula of sizes as one of ours; None where it has a function that we have not."""
    if not e.args:
        return Integer(int(e)) if e.is_Integer else e
    args: list[Any] = [_floors(a) for a in e.args]
    name = type(e).__name__
    if None in args:
        return None
    if name in ("FloorDiv", "CleanDiv"):
        return floor(args[0] / args[1])
    if name in ("Mod", "PythonMod"):
        return args[0] - args[1] * floor(args[0] / args[1])
    if name in ("Max", "Min"):
        return (Max if name == "Max" else Min)(*args)
    return e.func(*args) if isinstance(e, Add | Mul | Pow) else None


@contextmanager
def _own_gradients_refused(torch: Any) -> Iterator[None]:
    """While this runs, a hand-written backward pass is an error: torch would export the forward pass, and its gradient is another one.

    That goes for classes that there are, however they are called, and for those that the module makes.
    """
    base = torch.autograd.Function
    before = vars(base)["apply"]

    def refuse(cls: Any) -> None:
        fix = "write the forward pass with ops of torch; sbp.check_backward checks a hand-written backward pass"
        raise SpecError(f"{cls.__name__} is a torch.autograd.Function, whose backward pass is written by hand", place=PLACE, fix=fix)

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        return before.__get__(None, cls)(*args, **kwargs) if cls.__module__.startswith("torch.") else refuse(cls)

    kinds = [cls for cls in _below(base) if not cls.__module__.startswith("torch.") and "forward" in vars(cls)]
    forwards = [vars(cls)["forward"] for cls in kinds]
    base.apply = classmethod(apply)
    for cls in kinds:
        cls.forward = staticmethod(lambda *_, own=cls, **__: refuse(own))
    try:
        yield
    finally:
        base.apply = before
        for cls, forward in zip(kinds, forwards, strict=True):
            cls.forward = forward


def _below(kind: Any) -> list[Any]:
    """The classes that are made from one."""
    return [cls for below in kind.__subclasses__() for cls in (below, *_below(below))]


def spot(node: Any) -> dict[str, Any]:
    """Place and source of a node, as errors take them: the op, the module and the line."""
    target = str(getattr(node, "target", node)).removeprefix("aten.")
    path, kind = module_of(node)
    place = f"aten.{target} of {f'module {path}' if path else 'the module'}" + (f" ({kind})" if kind else "")
    file, line, source = _line(node.meta.get("stack_trace") or "")
    return {"place": f"{place}, {file}, line {line}" if file else place, "source": source}


def module_of(node: Any) -> tuple[str, str]:
    """The path of the module that a node is made in, and its class."""
    stack = [v for k, v in (node.meta.get("nn_module_stack") or {}).items() if not k.startswith("_empty")]
    path, kind = stack[-1] if stack else ("", "")
    return path.partition("@")[0], str(getattr(kind, "__name__", kind)).rpartition(".")[2]


def _line(trace: str) -> tuple[str, str, str]:
    """File, line and text of the last place in a trace that is none of torch's own."""
    frames = []
    lines = trace.splitlines()
    for k, text in enumerate(lines):
        if text.strip().startswith('File "'):
            file, _, rest = text.strip().removeprefix('File "').partition('", line ')
            frames.append((file, rest.partition(",")[0], lines[k + 1].strip() if k + 1 < len(lines) else ""))
    own = [f for f in frames if "-packages/torch/" not in f[0] and not f[0].startswith(("torch/", "<"))]
    file, line, source = (own or [("", "", "")])[-1]
    return file.rpartition("/")[2], line, source


def _translated(error: Exception) -> SpecError:
    """torch's error as one of ours, with its first line."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SpecError):
            return cause
        cause = cause.__cause__ or cause.__context__
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    fix = "see that the module runs on the example inputs"
    name = type(error).__name__
    if "data-dependent" in str(error) or "GuardOnDataDependent" in name or "dynamic_shapes" in str(error) or "Dim" in str(error):
        fix = "write torch.where(condition, a, b) for a branch on values, and leave symbolic in dynamic= only what may vary"
    return SpecError(f"torch can't export the module: {said}", place=PLACE, fix=fix)
