"""Derivatives as callables, for who only wants numbers: a function as it stands, of the shapes of the arrays that it is called with."""

import inspect
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from sympy import Expr, Integer

from symbackprop.api import Model, derive, generate
from symbackprop.calculus.index import axis
from symbackprop.calculus.program import Program
from symbackprop.code.names import code_names
from symbackprop.errors import DataError, SpecError, SymbackpropError
from symbackprop.language.tracing.arguments import Arguments, arguments_of, filled, named_arguments
from symbackprop.language.tracing.trace import trace_spec, traceable

LETTERS = "nmdhkcpqrstuvw"
"""What sizes are called, in order of appearance."""
PLAIN = (int, float, bool, str, type(None), type, range, np.generic, np.dtype)
"""What an argument may be that is no array: a part of the function, as are other functions."""
Wrt = str | int | Sequence[str | int] | None
"""An argument by its name or its place, or several."""


@dataclass(frozen=True)
class _Generated:
    """The module for calls of one form, its model, and where the tensors of this stand in the arguments.

    `parameters` are the names of tensors, `data` also what the module calls them.
    """

    arguments: Arguments
    program: Program
    parameters: tuple[str, ...]
    data: Mapping[str, str]
    module: ModuleType
    source: str

    def fits(self, sizes: Mapping[Expr, int], arrays: Mapping[str, np.ndarray]) -> bool:
        """Whether sizes are as the function was understood: those that are formulas of others, and bounds of slices."""
        known = {letter: Integer(size) for letter, size in sizes.items()}
        shapes = all(tuple(a.xreplace(known) for a in t.axes) == np.shape(arrays[t.name]) for t in self.program.leaves if t.name in arrays)
        return shapes and all(need.gap.xreplace(known) >= 0 for need in self.program.needs)


class DerivativeFunction:
    """What `grad` and its sisters return. `source` is the module, with nothing but numpy, that the last call ran."""

    what = "Derivative"
    also: tuple[str, ...] = ()
    """What the module has beyond the gradient, by the words of kinds."""
    layers = False
    """Whether the function may return an array."""

    def __init__(self, function: Callable, wrt: Wrt = None, argnums: Wrt = None) -> None:
        """Raises SpecError for what is no function of Python, or no name."""
        if isinstance(function, DerivativeFunction):
            fix = "second derivatives: sbp.hessian(f), sbp.hvp(f); one by several tensors: sbp.derive(sbp.trace(f, parameters=[...]))"
            raise SpecError(f"it is a {function.what.lower()} already", place=self.what.lower(), fix=fix)
        self._function, self._inner = traceable(function)
        names = list(inspect.signature(self._function).parameters)
        if wrt is not None and argnums is not None:
            raise SpecError("wrt and argnums are two words for one thing", place="wrt", fix="give one of them")
        wrt = argnums if wrt is None else wrt
        if wrt is None and not names:
            raise SpecError("it has no arguments, so there is nothing to derive by", place=f"function {self._inner.__name__}")
        wrt = 0 if wrt is None else wrt
        self._several = isinstance(wrt, list | tuple)
        self._names = tuple(_named(one, names) for one in (wrt if isinstance(wrt, list | tuple) else [wrt]))
        if not self._names:
            raise SpecError(f"{wrt!r} names no argument", place="wrt", fix=f"one or several of {', '.join(names)}, by name or by place")
        self._forms: dict[Hashable, _Generated] = {}
        self._source = ""

    @property
    def source(self) -> str:
        """The source of the module that the last call ran. Raises SpecError before there was one."""
        if not self._source:
            raise SpecError("nothing is generated yet: shapes are read from the arrays of a call", place="source", fix="call it first")
        return self._source

    def __repr__(self) -> str:
        return f"<{self.what} of {self._inner.__name__} by {', '.join(self._names)}>"

    def __call__(self, *given: Any, **named: Any) -> Any:
        """The derivative at some arguments.

        Raises SpecError where the function can't be traced or arguments do not fit it, DataError for arrays that do not fit each other.
        """
        return self._at(given, named)

    def _at(self, given: tuple, named: Mapping[str, Any], *more: Any) -> Any:
        """The derivative at some arguments; `more` is what else the kind of derivative takes."""
        data, fixed = self._arguments(given, named)
        made, arrays = self._generated(data, fixed)
        self._source = made.source
        params = made.module.Parameters(*[arrays[tensor] for tensor in made.parameters])
        try:
            return self._found(made, arrays, params, {said: arrays[tensor] for tensor, said in made.data.items()}, *more)
        except (ValueError, IndexError) as e:
            masks = [t.name for t in made.program.leaves if t.role == "index" and np.asarray(arrays[t.name]).dtype.kind == "b"]
            fix = f"a mask is picked by as [{masks[0]} != 0]" if masks else ""
            raise DataError(str(e), place=f"function {self._inner.__name__}", fix=fix) from e

    def _found(self, made: _Generated, arrays: Mapping[str, np.ndarray], params: Any, data: Mapping[str, np.ndarray]) -> Any:
        """What the module gives at `params` and `data`."""
        raise NotImplementedError

    def _shaped(self, made: _Generated, value: Callable[[str], Any]) -> Any:
        """What belongs to each tensor that is derived by, in the form of the arguments."""
        called = made.arguments.names()
        results = [filled(_place(made.arguments, name), lambda tensor: value(called[tensor])) for name in self._names]
        return tuple(results) if self._several else results[0]

    def _each(self, made: _Generated, arrays: Mapping[str, np.ndarray], parts: Iterable[np.ndarray]) -> Any:
        """An array for each tensor, in its dtype, in the form of the arguments."""
        found = {tensor: _like(arrays[tensor], part) for tensor, part in zip(made.parameters, parts, strict=True)}
        return self._shaped(made, found.__getitem__)

    def _arguments(self, given: tuple, named: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arguments of a call: those that are arrays, and those that are parts of the function."""
        signature = inspect.signature(self._function)
        place = f"function {self._inner.__name__}"
        try:
            bound = signature.bind(*given, **named).arguments
        except TypeError as e:
            raise SpecError(str(e), place=place, fix=f"its arguments are {signature}") from None
        data: dict[str, Any] = {}
        fixed: dict[str, Any] = {}
        for name, parameter in signature.parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) and bound.get(name):
                raise SpecError(f"argument '{parameter}' stands for any number of tensors", place=place, fix="name each argument")
            if name in bound or (name in self._names and parameter.default is not parameter.empty):
                value = bound.get(name, parameter.default)
                (data if _is_data(value, name, name in self._names) else fixed)[name] = value
        return data, fixed

    def _generated(self, data: Mapping[str, Any], fixed: Mapping[str, Any]) -> tuple[_Generated, dict[str, np.ndarray]]:
        """The module for a call, and its arrays by tensor: for symbolic sizes where the function has them, else for those of the call."""
        exact = _shapes(data, self._inner, {})
        arguments = arguments_of(self._function, self._inner, exact, fixed)
        named_arguments(self._names, (*arguments.places, *arguments.shapes, *arguments.groups), "wrt", self._inner.__name__)
        called = arguments.names()
        arrays = {called[tensor]: array for name, value in data.items() for tensor, array in _leaves(arguments.places[name], value)}
        arrays |= {called[tensor]: array for tensor, array in arguments.held_arrays().items()}
        frozen = _frozen(fixed, "")
        key = (tuple(arguments.shapes.items()), frozen)
        if key in self._forms:
            return self._forms[key], arrays
        letters = {} if arguments.held else _letters(arrays.values(), {*called.values(), *self._inner.__code__.co_varnames})
        failed: SymbackpropError | None = None
        for sizes in [letters, {}] if letters else [{}]:
            shapes = exact if not sizes else _shapes(data, self._inner, sizes)
            form = (_frozen(shapes, ""), frozen)
            try:
                made = self._forms.get(form) or self._made(shapes, fixed)
            except SymbackpropError as e:
                # Of two the later one speaks of this call; without entries there is no such one.
                failed = failed if failed and 0 in letters else e
                continue
            self._forms[form] = made
            if made.fits({axis(letter): size for size, letter in sizes.items()}, arrays):
                self._forms[key] = made
                return made, arrays
        raise failed or SpecError("the sizes of its arrays do not fit", place=f"function {self._inner.__name__}")

    def _made(self, shapes: Mapping[str, Any], fixed: Mapping[str, Any]) -> _Generated:
        """The function, traced and generated for some shapes."""
        spec = trace_spec(self._function, parameters=self._names, shapes=shapes, fixed=fixed)
        place = f"function {self._inner.__name__}"
        if spec.upstream and not self.layers:
            shape = spec.tensors[spec.upstream].axes
            fix = "return a scalar, as np.sum(...), or ask for sbp.jacobian(f); a layer is derived by sbp.derive(sbp.trace(f))"
            raise SpecError(f"it returns an array [{shape}], and a gradient is that of a scalar", place=place, fix=fix)
        arguments = arguments_of(self._function, self._inner, shapes, fixed)
        known = [*arguments.names().values(), spec.upstream]
        if drawn := [name for name in spec.tensors if name not in known]:
            fix = "make it an argument, and draw it outside"
            raise SpecError(f"it draws numbers at random, {', '.join(drawn)}: each call would give others", place=place, fix=fix)
        derivation = derive(Model(spec))
        program = derivation.derived.program
        # Of a scalar the Jacobian is the gradient.
        also = self.also if spec.upstream or not self.layers else ()
        names, source = code_names(program), generate(derivation, also=also)
        module, parameters = source.load(), tuple(t.name for t in program.parameters)
        others = [t for t in program.leaves if t.name not in (*parameters, spec.upstream)]
        data = {t.name: names(t) for t in others if names(t) in module.AXES}
        return _Generated(arguments, program, parameters, data, module, source.source)


class GradientFunction(DerivativeFunction):
    """What `grad` returns."""

    what = "Gradient"

    def _found(self, made: _Generated, arrays: Mapping[str, np.ndarray], params: Any, data: Mapping[str, np.ndarray]) -> Any:
        return self._each(made, arrays, made.module.loss_and_gradients(params, **data)[1])


class ValueFunction(DerivativeFunction):
    """What `value_and_grad` returns."""

    what = "Value and gradient"

    def _found(self, made: _Generated, arrays: Mapping[str, np.ndarray], params: Any, data: Mapping[str, np.ndarray]) -> Any:
        value, gradients = made.module.loss_and_gradients(params, **data)
        return value, self._each(made, arrays, gradients)


class JacobianFunction(DerivativeFunction):
    """What `jacobian` returns."""

    what, also, layers = "Jacobian", ("jacobian",), True

    def _found(self, made: _Generated, arrays: Mapping[str, np.ndarray], params: Any, data: Mapping[str, np.ndarray]) -> Any:
        call = made.module.jacobian if hasattr(made.module, "jacobian") else made.module.gradients
        wanted = inspect.signature(call).parameters
        return self._each(made, arrays, call(params, **{name: array for name, array in data.items() if name in wanted}))


class HessianFunction(DerivativeFunction):
    """What `hessian` returns."""

    what, also = "Hessian", ("hessian",)

    def _found(self, made: _Generated, arrays: Mapping[str, np.ndarray], params: Any, data: Mapping[str, np.ndarray]) -> Any:
        try:
            whole = made.module.hessian(params, **data)
        except MemoryError as e:
            raise DataError(str(e), place=f"function {self._inner.__name__}", fix="products with it need far less: sbp.hvp(f)") from e
        ends = np.cumsum([0, *[np.size(array) for array in params]])
        spans = {tensor: slice(*ends[k : k + 2]) for k, tensor in enumerate(made.parameters)}
        shapes = {tensor: np.shape(arrays[tensor]) for tensor in made.parameters}

        def block(a: str, b: str) -> Any:
            return _like(arrays[a], whole[spans[a], spans[b]].reshape((*shapes[a], *shapes[b])))

        return self._shaped(made, lambda a: self._shaped(made, lambda b: block(a, b)))


class ProductFunction(DerivativeFunction):
    """What `hvp` returns: a function of one argument more, the vector."""

    what, also = "Hessian-vector product", ("hvp",)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """The product at the arguments of the function, and behind them (or as `v`) the vector, in the form of the gradient."""
        if "v" in named and "v" not in inspect.signature(self._function).parameters:
            return self._at(given, {name: value for name, value in named.items() if name != "v"}, named["v"])
        if not given:
            raise SpecError("it takes the vector behind the arguments of the function", place="hvp", fix="sbp.hvp(f)(x, v)")
        return self._at(given[:-1], named, given[-1])

    def _found(self, made: _Generated, arrays: Mapping[str, np.ndarray], params: Any, data: Mapping[str, np.ndarray], *more: Any) -> Any:
        (vector,) = more
        called, along = made.arguments.names(), {}
        try:
            for name, part in zip(self._names, vector if self._several else (vector,), strict=True):
                along |= {called[tensor]: np.asarray(array, float) for tensor, array in _leaves(_place(made.arguments, name), part)}
            v = made.module.Parameters(*[along[tensor] for tensor in made.parameters])
        except (KeyError, TypeError, ValueError) as e:
            fix = f"give it the form of the gradient by {', '.join(self._names)}"
            raise DataError("the vector has another form than what is derived by", place="hvp", fix=fix) from e
        return self._each(made, arrays, made.module.hessian_vector_product(params, **data, v=v))


def _named(one: Any, names: Sequence[str]) -> str:
    """The name of an argument that is given by its name or its place. Raises SpecError for what is neither."""
    if isinstance(one, int | np.integer) and not isinstance(one, bool) and -len(names) <= one < len(names):
        return names[int(one)]
    if not isinstance(one, str):
        raise SpecError(f"{one!r} names no argument", place="wrt", fix=f"one or several of {', '.join(names)}, by name or by place")
    return one


def _is_data(value: Any, name: str, asked: bool) -> bool:
    """Whether an argument is data: an array, a float, what holds arrays; what is asked for is in any case."""
    leaves = list(_leaves(value, value))
    arrays = any(_is_array(leaf) for _, leaf in leaves)
    if not (asked or arrays or isinstance(value, float)):
        return False
    for _, leaf in leaves:
        kind = np.asarray(leaf).dtype.kind if _is_array(leaf) or isinstance(leaf, int | float | np.generic) else ""
        if not kind or kind not in "fiub":
            what = f"an array of dtype {np.asarray(leaf).dtype}" if kind else f"a {type(leaf).__name__}"
            fix = "give arrays of real numbers; what is none is an argument by itself"
            raise SpecError(f"argument '{name}' is or holds {what}", place="arguments", fix=fix)
    return bool(leaves)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.floating) or (hasattr(value, "__array__") and not isinstance(value, np.generic | type))


def _leaves(place: Any, value: Any) -> Iterator[tuple[Any, Any]]:
    """The places in a dictionary, a list or a tuple, with the values that stand there."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(place[key], inner)
    elif isinstance(value, list | tuple):
        for one, inner in zip(place, value, strict=True):
            yield from _leaves(one, inner)
    else:
        yield place, value


def _letters(arrays: Collection[np.ndarray], taken: Collection[str]) -> dict[int, str]:
    """A letter for each size but 1, which other arrays may be stretched along."""
    sizes = dict.fromkeys(size for array in arrays for size in np.shape(array) if size != 1)
    free = [letter for letter in (*LETTERS, *(f"n{k}" for k in range(len(sizes) + len(taken)))) if letter not in taken]
    return dict(zip(sizes, free, strict=False))


def _shapes(data: Mapping[str, Any], inner: Any, letters: Mapping[int, str]) -> dict[str, Any]:
    """The shape strings of arguments, with letters for sizes; an argument that is annotated as one of places stays so."""

    def shape(value: Any, role: str = "") -> Any:
        if isinstance(value, Mapping):
            return {key: shape(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [shape(inner) for inner in value] if isinstance(value, list) else tuple(shape(inner) for inner in value)
        return " ".join([*[letters.get(size, str(size)) for size in np.shape(value)], *([role] if role else [])])

    notes = {name: str(note).strip("'\" ") for name, note in inner.__annotations__.items()}
    return {name: shape(value, "index" if notes.get(name, "").endswith(" index") else "") for name, value in data.items()}


def _frozen(value: Any, name: str) -> Hashable:
    """What tells values of arguments apart that are parts of the function. Raises SpecError for an object, which may change."""
    if isinstance(value, Mapping):
        return tuple((key, _frozen(inner, name or str(key))) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(_frozen(inner, name) for inner in value)
    if isinstance(value, PLAIN) or (callable(value) and hasattr(value, "__name__") and not inspect.ismethod(value)):
        return type(value), value
    fix = "give arrays, numbers, texts or functions; of an object, its method can be derived: sbp.grad(net.loss)"
    raise SpecError(f"argument '{name}' is a {type(value).__name__}, whose numbers can't be seen", place="arguments", fix=fix)


def _place(arguments: Arguments, name: str) -> Any:
    """Where the tensors of an argument stand; of an object, by their names."""
    return arguments.places.get(name) or ({n: n for n in arguments.groups[name]} if name in arguments.groups else name)


def _like(array: Any, gradient: np.ndarray) -> Any:
    """A gradient in the dtype of what it is by, where that has one."""
    dtype = np.asarray(array).dtype
    return np.asarray(gradient, dtype if dtype.kind == "f" else None)[()]


def grad(function: Callable, wrt: Wrt = None, *, argnums: Wrt = None) -> GradientFunction:
    """The gradient of a NumPy function that returns a scalar, as a callable of the same arguments.

    `wrt` names an argument (default: the first), or several, for a tuple of gradients; of an object's method also an array among its
    attributes. A place counts as a name, and `argnums` is another word for it, as in autograd and JAX. A gradient has the shape and the
    dtype of its argument; that by a dictionary or a list of arrays is one too.

    Arrays and floats are data. Whole numbers, truth values, texts and functions, and all that the function reads from outside, are parts
    of it: it is read once for each form of arguments, at the first call. The code that a call ran is `source`.
    """
    return GradientFunction(function, wrt, argnums)


def value_and_grad(function: Callable, wrt: Wrt = None, *, argnums: Wrt = None) -> ValueFunction:
    """As `grad`, but what is returned is (value, gradient), in one pass."""
    return ValueFunction(function, wrt, argnums)


def jacobian(function: Callable, wrt: Wrt = None, *, argnums: Wrt = None) -> JacobianFunction:
    """As `grad`, of a function that returns an array: the axes of the array first, then those of the argument.

    Of several arrays that are returned it is that of the first; of a scalar it is the gradient.
    """
    return JacobianFunction(function, wrt, argnums)


def hessian(function: Callable, wrt: Wrt = None, *, argnums: Wrt = None) -> HessianFunction:
    """As `grad`, the second derivatives of a scalar: the axes of the argument twice.

    By several arguments it is a tuple of tuples, by a dictionary a dictionary of dictionaries: first that of the gradient, then that of
    what it is derived by. Raises DataError where it would take more than 2 GB.
    """
    return HessianFunction(function, wrt, argnums)


def hvp(function: Callable, wrt: Wrt = None, *, argnums: Wrt = None) -> ProductFunction:
    """As `hessian`, times a vector in the form of the gradient, which is the last argument: `hvp(f)(x, v)`. No matrix is made."""
    return ProductFunction(function, wrt, argnums)
