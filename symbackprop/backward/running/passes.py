"""A forward and a backward pass as a person has them, and how they are called: arguments by name, caches, objects, upstream gradients."""

import ast
import copy
import inspect
import pathlib
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symbackprop.backward.running.leaves import Path, leaves, name_of, put
from symbackprop.backward.running.pairing import CACHES, UPSTREAM, own_name, variable_of
from symbackprop.backward.running.shapes import LABEL
from symbackprop.backward.running.watched import Deadline, Hook, Watched
from symbackprop.errors import NoGradientsError, SpecError, VerifyError

LOSSES = ("loss", "cost", "cost_function", "objective")
FORWARD = ("forward", "loss", "cost", "cost_function", "fun", "objective", "f", "__call__", "predict")
BACKWARD = ("backward", "gradient", "gradients", "grad", "backprop", "back", "jac", "backward_pass", "bprop")
SIZE = re.compile(r"(?i)(^n|num|dim|size|hidden|in|out|units|features|channels|classes|nodes|neurons|width|depth|^[dhkmpqcv]$)")
HIDDEN = (3, 4, 2, 5)
"""Names of sizes among the arguments of a constructor, and what those are that no shape names."""
PARAMETERS = re.compile(r"(?i)(params?|model|parameters|weights|theta|net(work)?|w|p|variables|args)\Z")
"""What a dictionary of parameters is called."""
ROWS = "(weights of the outputs)"
"""What stands for a gradient from above where backward gives the derivatives of an array: a Jacobian, or one entry by one."""
RATES = re.compile(r"(?i)(lr|learning_?rate|eta|alpha|step_?size|rate)\Z")
"""What the rate of an update is called: where nothing says it, it is a small number."""
OUTPUTS = ("output", "out", "outputs", "y", "a")
RUNNING = ("running", "moving", "velocity", "momentum", "_avg")


def plainly(_: int, value: Any) -> Any:
    """The hook that changes nothing."""
    return value


@dataclass
class Point:
    """Sizes, the values of the arguments and of an object's arrays, the upstream gradients, an object that has been made."""

    at: Mapping[str, int]
    values: dict[str, Any]
    up: dict[str, np.ndarray] = field(default_factory=dict)
    thing: Any = None


@dataclass
class Ran:
    """What a whole run gave: what forward and backward returned, the object behind them, arguments that backward changed.

    `local`: what the variables of backward held at last; `rows`: the weights of the outputs, where backward gives their derivatives.
    """

    out: Any
    back: Any
    thing: Any
    changed: tuple[str, ...] = ()
    local: Mapping[str, Any] = field(default_factory=dict)
    rows: np.ndarray | None = None


class Passes:
    """The two passes. Without `backward` the one function returns the loss and its gradients. `given`: arguments that are no tensors.

    `dictionaries`: the names that arguments hold which are dictionaries, where that is stated.
    """

    def __init__(
        self,
        forward: Any,
        backward: Callable | None,
        given: Mapping[str, Any],
        shaped: Sequence[str],
        deadline: Deadline,
        dictionaries: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.maker: Any = None
        self.given = dict(given)
        self.shaped = tuple(shaped)
        self.dictionaries = dictionaries or {}
        method = forward if _class_of(forward) else None
        forward = _class_of(forward) or forward
        if inspect.isclass(forward) or not (inspect.isroutine(forward) or inspect.isfunction(forward)):
            self.maker = forward
            forward, backward = _methods(forward if inspect.isclass(forward) else type(forward), method, backward)
        self.forward = Watched(forward, deadline, inner=True)
        self.backward = Watched(backward if backward is not None else forward, deadline)
        self.is_one = backward is None
        self.upstream = [] if self.is_one else self._upstream()
        self.paths: dict[str, Path] = {}
        self.aliases: dict[str, str] = {}

    def arguments(self, of: Watched) -> list[inspect.Parameter]:
        """The parameters of a pass, self left out."""
        made = [p for p in of.parameters.values() if p.kind is not p.VAR_POSITIONAL]
        return made[1:] if self.maker is not None else made

    def _own(self) -> list[inspect.Parameter]:
        """Parameters of backward that forward has not, nor the caller has given."""
        known = {p.name for p in self.arguments(self.forward)} | {*self.given}
        return [p for p in self.arguments(self.backward) if p.name not in known and p.kind is not p.VAR_KEYWORD]

    def _upstream(self) -> list[str]:
        """The arguments of backward that are gradients from above."""
        own = self._own()
        said = [p.name for p in own if p.name in self.shaped and (UPSTREAM.match(p.name) or not LABEL.match(p.name))]
        bound = self.returned_names() + [s.name for s in self.forward.sites.values()]
        left = [p for p in own if p.name not in self.shaped and p.default is p.empty and not CACHES.match(p.name)]
        guess = [p.name for p in left if UPSTREAM.match(p.name) and p.name not in bound]
        if said:
            # A shape may be stated for what backward saves as well: an argument that forward binds is no upstream gradient.
            return [n for n in said if n not in bound] or said
        return guess or ([left[0].name] if len(left) == 1 and left[0].name not in bound else [])

    def returned_names(self) -> list[str]:
        """What forward returns, part by part, as its source writes it."""
        return parts_of(self.forward)

    # Objects.

    def prepare(self, point: Point) -> None:
        """Make the object of a class at a point, and take its arrays as inputs, drawn anew."""
        if self.maker is None:
            return
        point.thing = self._made(point) if inspect.isclass(self.maker) else copy.deepcopy(self.maker)
        rng = np.random.default_rng(len(point.at) + 5)
        found = {name_of(p): (p, v) for p, v in leaves(point.thing)}
        names = list(found)
        for name, (path, value) in found.items():
            own = own_name(name)
            is_gradient = bool(variable_of(name, [n for n in names if n != name and n.rpartition(".")[0] == name.rpartition(".")[0]]))
            if is_gradient or name.startswith("grad") or any(r in own for r in RUNNING):
                continue
            self.paths[name] = path
            # An argument of the constructor is known by its value too: self.weights = W.
            same = own if own in point.values else next((n for n, v in point.values.items() if _is_same(v, value)), "")
            if same:
                point.values[name] = point.values[same] if same == name else point.values.pop(same)
                self.aliases |= {same: name} if same not in (own, name) else {}
            else:
                point.values[name] = rng.normal(size=value.shape) * 0.7 if isinstance(value, np.ndarray) else value
        known = {p.name for w in (self.forward, self.backward) for p in self.arguments(w)}
        for name in [n for n in point.values if n not in known and n not in self.paths]:
            if hasattr(point.thing, name):
                self.paths[name] = (("attribute", name),)
            else:
                del point.values[name]  # the constructor has made something else of it

    def _made(self, point: Point) -> Any:
        parameters = list(inspect.signature(self.maker).parameters.values())
        bound, missing = self._bound(parameters, point, {}, True)
        if missing:
            fix = f"say it: shapes={{'{missing[0]}': ...}} for an array, given={{'{missing[0]}': ...}} for anything else"
            raise SpecError(f"nothing says {missing[0]} of {self.maker.__name__}(...)", place="shapes", fix=fix)
        np.random.seed(7)
        return theirs(lambda: self.maker(**bound), point.at)

    def _bound(
        self, parameters: Sequence[inspect.Parameter], point: Point, more: Mapping[str, Any], of_sizes: bool = False
    ) -> tuple[dict[str, Any], list[str]]:
        """Arguments by name, copies; and those that nothing says. `of_sizes`: one that is called like a size is a small number."""
        made, missing = {}, []
        for p in parameters:
            if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                continue
            for table in (more, self.given, point.values, point.up):
                if p.name in table:
                    made[p.name] = copy.deepcopy(table[p.name])
                    break
            else:
                if p.default is p.empty:
                    if p.name in point.at:
                        made[p.name] = point.at[p.name]
                    elif RATES.match(p.name):
                        made[p.name] = 0.1
                    elif not of_sizes and (held := self.held(p, point.values)):
                        made[p.name] = {n: copy.deepcopy(point.values[n]) for n in held}
                    elif of_sizes and SIZE.search(p.name):
                        made[p.name] = HIDDEN[len(made) % len(HIDDEN)]
                    else:
                        missing.append(p.name)
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            made |= {n: copy.deepcopy(v) for n, v in {**point.values, **point.up}.items() if n not in made and n not in self.paths}
        return made, missing

    def held(self, p: inspect.Parameter, values: Mapping[str, Any]) -> list[str]:
        """What a dictionary among the arguments holds: what is stated, or, of parameters, the values that no pass takes by their names."""
        if p.name in self.dictionaries:
            return list(self.dictionaries[p.name])
        if p.name in values or p.default is not p.empty or not PARAMETERS.match(p.name):
            return []
        known = {p.name for w in (self.forward, self.backward) for p in self.arguments(w)}
        return [n for n in values if n not in known and n not in self.paths]

    # Runs.

    def run_forward(self, point: Point, hook: Hook = plainly) -> tuple[Any, Any]:
        """What forward returns, and the object that it was called on."""
        np.random.seed(7)
        thing = None
        if self.maker is not None:
            thing = copy.deepcopy(point.thing)
            for name, path in self.paths.items():
                if name in point.values:
                    put(thing, path, copy.deepcopy(point.values[name]))
        named, missing = self._bound(self.arguments(self.forward), point, {})
        if missing:
            fix = f'say its shape: shapes={{"{missing[0]}": "n d"}}, or its value: given={{"{missing[0]}": ...}}'
            raise SpecError(f"nothing says what {missing[0]} of {self.forward.name} is", place="shapes", fix=fix)
        out = self.forward.run(hook, *([thing] if self.maker is not None else []), **named)
        if out is None and thing is not None:
            # Some layers keep their output and return nothing.
            out = next((getattr(thing, n) for n in OUTPUTS if hasattr(thing, n)), None)
        return out, thing

    def run(self, point: Point, hook: Hook = plainly, code: Any = None, before: Hook = plainly) -> Ran:
        """Forward with the hook `before`, then backward with `hook`; `code`: of backward, changed. With one function, it alone."""
        last: dict[str, Any] = {}

        def kept_at(site: int, value: Any) -> Any:
            value = hook(site, value)
            if site in self.backward.sites:
                last[self.backward.sites[site].name] = value
            return value

        rows = point.up.get(ROWS)
        if self.is_one:
            np.random.seed(7)
            named, _ = self._bound(self.arguments(self.forward), point, {})
            thing = [self._thing(point)] if self.maker is not None else []
            kept = copy.deepcopy(named)
            out = self.backward.run_code(code or self.backward.plain, kept_at, *thing, **named)
            return Ran(out, out, thing[0] if thing else None, _changed(kept, named), last, rows)
        local: dict[str, Any] = {}
        wanted = {p.name for p in self._own()} - {*self.upstream}

        def remember(site: int, value: Any) -> Any:
            value = before(site, value)
            if self.forward.sites[site].name in wanted:
                local[self.forward.sites[site].name] = value
            return value

        out, thing = self.run_forward(point, remember)
        named, missing = self._bound(self.arguments(self.backward), point, {**local, **self.cached(out)})
        if missing:
            fix = f'give its shape, if it is the gradient from above: shapes={{"{missing[0]}": ...}}, or its value in given'
            raise SpecError(f"nothing says what {missing[0]} of {self.backward.name} is", place="shapes", fix=fix)
        kept = copy.deepcopy(named)
        back = self.backward.run_code(code or self.backward.plain, kept_at, *([thing] if self.maker is not None else []), **named)
        return Ran(out, back, thing, _changed(kept, named), last, rows)

    def _thing(self, point: Point) -> Any:
        thing = copy.deepcopy(point.thing)
        for name, path in self.paths.items():
            if name in point.values:
                put(thing, path, copy.deepcopy(point.values[name]))
        return thing

    def cached(self, out: Any) -> dict[str, Any]:
        """What backward takes of what forward returned: by name, or a cache as the last of a tuple."""
        if not isinstance(out, tuple):
            return {}
        names = self.returned_names()
        by_name = dict(zip(names, out, strict=True)) if len(names) == len(out) else {}
        made = {}
        for p in self._own():
            if p.name in self.upstream or p.name in self.shaped:
                continue
            if p.name in by_name:
                made[p.name] = by_name[p.name]
            elif CACHES.match(p.name) or p.default is p.empty:
                made[p.name] = out[1] if len(out) == 2 else out[-1] if isinstance(out[-1], tuple | dict | list) else out[1:]
        return made


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are arrays with the same entries."""
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.size > 1 and np.array_equal(one, other)


def _class_of(method: Any) -> Any:
    """The class of a function that is a method of one, None of any other."""
    name, _, own = getattr(method, "__qualname__", "").rpartition(".")
    found = getattr(method, "__globals__", {}).get(name)
    return found if inspect.isclass(found) and getattr(found, own, None) is method else None


def _methods(maker: type, forward: Any, backward: Any) -> tuple[Any, Any]:
    """The methods of a class that are its passes, where they are not given."""

    def first(names: Sequence[str]) -> Any:
        return next((getattr(maker, n) for n in names if inspect.isfunction(getattr(maker, n, None))), None)

    if isinstance(backward, str):
        backward = getattr(maker, backward, None)
    if backward is None:
        backward = first([n for n in BACKWARD if "grad" in n]) if first(LOSSES) and not first(["backward"]) else first(BACKWARD)
    if forward is None:
        # A loss is what a network's gradients are of; a layer's backward takes a gradient from above.
        own = [p for p in list(inspect.signature(backward).parameters.values())[1:] if p.default is p.empty] if backward else []
        takes = [p.name for p in inspect.signature(first(LOSSES)).parameters.values()] if first(LOSSES) else []
        forward = first(LOSSES) if takes and all(p.name in takes for p in own) else first(FORWARD)
    if forward is None or backward is None:
        has = [n for n, v in vars(maker).items() if inspect.isfunction(v)]
        raise NoGradientsError(
            f"{maker.__name__} has no {'forward' if forward is None else 'backward'} method",
            place=f"class {maker.__name__}",
            notes=[f"it has {', '.join(has) or 'none'}"],
            fix="give the two functions by name",
        )
    return forward, backward


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Arguments that are arrays, or hold some, and have been changed in place."""
    made = []
    for name, old in before.items():
        pairs = zip((v for _, v in leaves(old)), (v for _, v in leaves(after[name])), strict=False)
        if any(np.shape(a) != np.shape(b) or not np.array_equal(a, b, equal_nan=True) for a, b in pairs):
            made.append(name)
    return tuple(made)


def parts_of(pass_: Watched) -> list[str]:
    """The parts of what a pass returns, as the last return in its source writes them."""
    returns = [n for n in _returns(pass_.tree) if n.value is not None]
    if not returns:
        return []
    value = returns[-1].value
    return [ast.unparse(e) for e in value.elts] if isinstance(value, ast.Tuple) else [ast.unparse(value)]  # type: ignore[arg-type]


def _returns(tree: ast.AST) -> Iterator[ast.Return]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _returns(node)


PACKAGE = pathlib.Path(__file__).resolve().parents[2]
"""The folder of this package: its frames are none of the person's."""


def theirs(call: Callable, at: Mapping[str, int]) -> Any:
    """The result of running a person's code; what it raises is shown as theirs, with its line. Raises VerifyError."""
    try:
        return call()
    except (SpecError, VerifyError):
        raise
    except Exception as e:
        frames = [f for f in traceback.extract_tb(e.__traceback__) if not f.filename.startswith("<frozen")]
        own = [f for f in frames if "site-packages" not in f.filename and PACKAGE not in pathlib.Path(f.filename).resolve().parents]
        last = (own or frames)[-1]
        sizes = ", ".join(f"{k} = {v}" for k, v in at.items())
        raise VerifyError(
            f"it raised {type(e).__name__}: {' '.join(str(e).split())}",
            place=f"{last.filename.rpartition('/')[2]}, line {last.lineno}",
            source=(last.line or "").strip(),
            notes=[f"at {sizes}"] if sizes else [],
            fix="see that it runs on arrays of these shapes",
        ) from e
