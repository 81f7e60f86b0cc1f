"""What a traced function is called with: arrays of the shapes that are declared, in dictionaries, lists and objects too."""

import ast
import copy
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

import numpy as np

from symbackprop.calculus.index import letters
from symbackprop.errors import SpecError, UnknownNameError, nearest
from symbackprop.language.declare import did_you_mean
from symbackprop.language.hints import MODULES

QUOTED = re.compile(r"""\s*(['"])(.*)\1\s*\Z""", re.DOTALL)
FUTURE_ANNOTATIONS = 0x1000000
"""The flag of code under `from __future__ import annotations`, where an annotation is its own source text."""
ROLES = ("index", "label", "parameter", "constant")
"""What may stand behind the axes of a shape: y: "n index"."""
FIX = 'annotate it: {0}: "n d", or {0}: "" for a scalar, {0}: {{"W": "d h"}} for a dictionary; or give shapes={{"{0}": "n d"}}'


@dataclass
class Arguments:
    """The tensors of a traced function: shape strings and roles by name, and where each stands.

    `places` are the names of tensors by argument: a name, or a dictionary, a list or an object of them. `holder` is the object whose
    method is traced, `held` the names of its arrays by identity.
    """

    shapes: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    places: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    holder: Any = None
    held: dict[int, str] = field(default_factory=dict)

    def expanded(self, names: Sequence[str]) -> list[str]:
        """Names of tensors, where an argument of several may be named too."""
        return [tensor for name in names for tensor in (self.groups.get(name) or [name])]

    def passed(self, make: Callable[[str], Any]) -> dict[str, Any]:
        """What the function is called with; `make` gives the value of a tensor."""
        return {name: filled(place, make) for name, place in self.places.items()}

    def names(self) -> dict[str, str]:
        """The names of the tensors in the model: that of an axis gets a _ behind it."""
        axes = {letter for shape in self.shapes.values() for letter in letters(shape)}
        made: dict[str, str] = {}
        for name in self.shapes:
            wanted = name
            while (wanted != name and wanted in self.shapes) or wanted in made.values() or wanted in (*MODULES, *axes):
                wanted += "_"
            made[name] = wanted
        return made

    def defaults(self, function: Callable) -> dict[str, Any]:
        """Copies of the defaults that the function could change, of arguments without a shape."""
        given = {name: p.default for name, p in inspect.signature(function).parameters.items() if name not in self.places}
        return {name: copy.deepcopy(value) for name, value in given.items() if isinstance(value, dict | list | set)}

    def held_arrays(self) -> dict[str, np.ndarray]:
        """The arrays of the object whose method is traced, by the names of their tensors."""
        return {self.held[k]: array for k, (_, array) in _arrays(self.holder, (), set()) if k in self.held}

    def object(self, make: Callable[[str], Any]) -> Any:
        """A copy of the object whose method is traced, with values in the place of its arrays."""
        return _copied(self.holder, lambda a: make(self.held[id(a)]) if id(a) in self.held else a, {})


def arguments_of(function: Callable, inner: Any, shapes: Mapping[str, Any], fixed: Collection[str] = ()) -> Arguments:
    """The arguments of a function, by its annotations and by `shapes`, which go before. An argument without a shape keeps its default.

    `fixed` are arguments that are no tensors: their values are given otherwise.
    """
    made = Arguments()
    place = f"function {inner.__name__}"
    rest = dict(shapes)
    for name, parameter in inspect.signature(function).parameters.items():
        many = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if name in fixed:
            continue
        if many and parameter.annotation is parameter.empty:
            continue
        if many:
            raise SpecError(f"argument '{parameter}' stands for any number of tensors", place=place, fix="name each argument")
        note = rest.pop(name, None)
        note = note if note is not None else _annotation(parameter, inner)
        if _is_shape(note):
            made.places[name] = _declared(name, note, made)
        elif parameter.default is parameter.empty:
            reason = f"argument '{name}' has no shape"
            if parameter.annotation is not parameter.empty:
                reason = f"the annotation of argument '{name}' is not a shape string"
            keys = _keys(inner, name)
            fix = f"annotate it: {name}: {{{', '.join(f'{key!r}: ...' for key in keys)}}}, a shape for each" if keys else FIX.format(name)
            raise SpecError(reason, place=place, fix=fix)
    made.holder = getattr(function, "__self__", None)
    if made.holder is not None and not inspect.isclass(made.holder):
        _hold(made, rest)
    if rest:
        known = list(made.places)
        raise UnknownNameError(f"'{next(iter(rest))}' is no argument of {place}", place="shapes", fix=did_you_mean(next(iter(rest)), known))
    if not made.shapes:
        raise SpecError("it has no arguments, so there is nothing to derive by", place=place, fix='def f(X: "n d", w: "d"): ...')
    words = Counter(word for shape in made.shapes.values() for word in set(letters(shape)))
    for name, shape in made.shapes.items():
        last = (shape.replace(",", " ").split() or [""])[-1]
        if last in ROLES and words[last] == sum(s.split()[-1:] == [last] for s in made.shapes.values()):
            made.roles[name] = last
    for name in made.roles:
        made.shapes[name] = " ".join(made.shapes[name].replace(",", " ").split()[:-1])
    return made


def _keys(inner: Any, name: str) -> list[str]:
    """The keys that a function reads of a dictionary, params["W1"], in order of appearance."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inner)))
    except (OSError, SyntaxError, TypeError):
        return []
    read = [n for n in ast.walk(tree) if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name) and n.value.id == name]
    return list(dict.fromkeys(n.slice.value for n in read if isinstance(n.slice, ast.Constant) and isinstance(n.slice.value, str)))


def _annotation(parameter: inspect.Parameter, inner: Any) -> Any:
    note = parameter.annotation
    if isinstance(note, str) and inner.__code__.co_flags & FUTURE_ANNOTATIONS:
        quoted = QUOTED.match(note)
        note = quoted[2] if quoted else inner.__globals__.get(note)
    return note


def _is_shape(note: Any) -> bool:
    """Whether an annotation says shapes: a string, or strings in a dictionary or a list."""
    if isinstance(note, Mapping):
        return bool(note) and all(_is_shape(n) for n in note.values())
    if isinstance(note, list | tuple):
        return bool(note) and all(_is_shape(n) for n in note)
    return isinstance(note, str)


def _declared(name: str, note: Any, made: Arguments, root: str = "") -> Any:
    """The names of the tensors that an argument is made of, in the form of the argument; notes their shapes."""
    root = root or name
    if isinstance(note, Mapping):
        return {key: _declared(str(key), inner, made, root) for key, inner in note.items()}
    if isinstance(note, list | tuple):
        names = [_declared(f"{name}{k}", inner, made, root) for k, inner in enumerate(note)]
        return tuple(names) if isinstance(note, tuple) else names
    clean = re.sub(r"\W", "_", name)
    clean = clean if not clean[:1].isdigit() else f"{root}{clean}"
    if clean in made.shapes:
        clean = f"{root}_{clean}"
    made.shapes[clean] = note
    if root != name:
        made.groups.setdefault(root, []).append(clean)
    return clean


def filled(place: Any, make: Callable[[str], Any]) -> Any:
    """What stands where an argument names its tensors, in the form of the argument."""
    if isinstance(place, dict):
        return {key: filled(inner, make) for key, inner in place.items()}
    if isinstance(place, list | tuple):
        return type(place)(filled(inner, make) for inner in place)
    return make(place)


def _hold(made: Arguments, shapes: dict[str, Any]) -> None:
    """Note the arrays of the object whose method is traced: named by attributes, of the shapes declared, else of those that they have."""
    arrays = dict(_arrays(made.holder, (), set()))
    wanted = {k: _attribute(path) for k, (path, _) in arrays.items()}
    counts = Counter(wanted.values())
    serial: Counter = Counter()
    for key, (_, array) in arrays.items():
        name = wanted[key]
        if counts[name] > 1:
            serial[name] += 1
            name = f"{name}{serial[name]}"
        name = name if name not in made.shapes else f"self_{name}"
        made.held[key] = name
        said = shapes.pop(name, None) or getattr(type(made.holder), "__annotations__", {}).get(name)
        made.shapes[name] = said if isinstance(said, str) else " ".join(map(str, array.shape))
        made.groups.setdefault("self", []).append(name)


def _attribute(path: tuple[Any, ...]) -> str:
    """The name of an array by where it stands: its attribute, or its key; of an entry of a list, that of the list."""
    names = [str(step) for step in path if isinstance(step, str) and step.isidentifier()]
    return names[-1].lstrip("_") or "array" if names else "array"


def _arrays(thing: Any, path: tuple[Any, ...], seen: set[int]) -> Iterator[tuple[int, tuple[tuple[Any, ...], np.ndarray]]]:
    """The arrays of real numbers in an object, its lists and dictionaries: (identity, (where, array))."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        if thing.dtype.kind == "f" and thing.size:
            yield id(thing), (path, thing)
        return
    for step, inner in _parts(thing):
        yield from _arrays(inner, (*path, step), seen)


def _parts(thing: Any) -> list[tuple[Any, Any]]:
    """What an object is made of, by name, key or number."""
    if isinstance(thing, dict):
        return list(thing.items())
    if isinstance(thing, list | tuple):
        return list(enumerate(thing))
    own = getattr(thing, "__dict__", None)
    if not isinstance(own, dict) or inspect.isclass(thing) or inspect.isroutine(thing) or inspect.ismodule(thing):
        return []
    shared = {name: v for kind in type(thing).__mro__ for name, v in vars(kind).items() if isinstance(v, np.ndarray)}
    return list({**shared, **own}.items())


def _copied(thing: Any, make: Callable[[np.ndarray], Any], done: dict[int, Any]) -> Any:
    """A copy of an object in which values stand for arrays; what it holds twice, the copy holds twice."""
    if id(thing) in done:
        return done[id(thing)]
    if isinstance(thing, np.ndarray):
        made = make(thing)
    elif isinstance(thing, dict):
        made = done[id(thing)] = {}
        made.update({key: _copied(inner, make, done) for key, inner in thing.items()})
    elif isinstance(thing, list):
        made = done[id(thing)] = []
        made.extend(_copied(inner, make, done) for inner in thing)
    elif isinstance(thing, tuple) and type(thing) is tuple:
        made = tuple(_copied(inner, make, done) for inner in thing)
    elif isinstance(thing, MethodType):
        made = MethodType(thing.__func__, _copied(thing.__self__, make, done))
    elif _parts(thing):
        made = done[id(thing)] = copy.copy(thing)
        made.__dict__.update({name: _copied(inner, make, done) for name, inner in _parts(thing)})
    else:
        made = thing
    done[id(thing)] = made
    return made


def named_arguments(names: Sequence[str], known: Sequence[str], what: str, function: str) -> None:
    """Raise UnknownNameError for a name that is no tensor of the function."""
    for one in names:
        if one not in known:
            close = nearest(one, list(known)) or list(known)
            raise UnknownNameError(f"'{one}' is no argument of function {function}", place=what, fix=f"did you mean {', '.join(close)}?")
