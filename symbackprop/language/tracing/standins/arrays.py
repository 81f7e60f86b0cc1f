"""Arrays that a traced function makes: np.zeros((n, 3)) of symbolic sizes, and draws at random, which become data of the model."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from sympy import Expr, Integer

from symbackprop.errors import ParseError
from symbackprop.language.nodes import Call, Number
from symbackprop.language.tracing.standins.conversion import array, kind_of
from symbackprop.language.tracing.values.calls import called, plain, size_node
from symbackprop.language.tracing.values.places import shape_node
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.value import Value, as_node


def axes_of(recording: Recording, given: Any) -> tuple[Expr, ...]:
    """The sizes that a shape says. Raises SpecError for what depends on values."""
    sizes = [plain(s) for s in (given if isinstance(given, tuple | list) else (given,))]
    if None in sizes:
        raise recording.error("the size of an array depends on values", "give it as a number, or as the size of an axis")
    return tuple(sizes)  # type: ignore[arg-type]


def symbolic(*given: Any) -> bool:
    """Whether a value that is traced stands among some, also in tuples."""
    return any(isinstance(g, Value) or (isinstance(g, tuple | list) and symbolic(*g)) for g in given)


def filled(op: str, real: Callable) -> Callable:
    """np.zeros and its sisters. Whole numbers of known sizes stay NumPy's: they are places more often than values."""

    def made(recording: Recording, shape: Any, *args: Any, dtype: Any = None, **options: Any) -> Any:
        value = args[:1] if op == "full" else ()
        dtype = dtype if dtype is not None or len(args) <= len(value) else args[len(value)]
        whole = dtype is not None and kind_of(dtype) in "iub"
        if not symbolic(shape, *value) and (whole or 0 in np.atleast_1d(shape)):
            return real(shape, *value, dtype=dtype, **options)
        axes = axes_of(recording, shape)
        node = called(op, shape_node(axes), *[as_node(v, recording) for v in value])
        whole = whole or (op == "full" and dtype is None and type(value[0]) is int)
        return recording.value(node if axes else Number(Integer(op == "ones")), whole=whole)

    return made


def eye(recording: Recording, n: Any, m: Any = None, k: int = 0, dtype: Any = None, **_: Any) -> Any:
    """np.eye, np.identity."""
    sizes = axes_of(recording, (n, n if m is None else m))
    if k:
        rows, columns = called("arange", size_node(sizes[0])), called("arange", size_node(sizes[1]))
        return recording.value(rows)[:, None] + k == recording.value(columns)
    same = m is None or sizes[0] == sizes[1]
    return recording.value(called("eye", *[size_node(s) for s in (sizes[:1] if same else sizes)]))


def arange(recording: Recording, *given: Any, dtype: Any = None, **_: Any) -> Any:
    """np.arange: of numbers NumPy's own."""
    if not symbolic(*given):
        return np.arange(*given, dtype=dtype)
    start, stop, step = (0, *given, 1) if len(given) == 1 else (*given, 1)[:3]
    sizes = axes_of(recording, (start, stop, step))
    if sizes[2] != 1:
        raise recording.error("np.arange with a step, of symbolic size", "write start + step * np.arange(n)", ParseError)
    node: Any = called("arange", size_node(sizes[1] - sizes[0]))
    node = node if sizes[0] == 0 else Call("add", (node, size_node(sizes[0])))
    return recording.value(node, whole=dtype is None or kind_of(dtype) != "f")


def linspace(recording: Recording, start: Any, stop: Any, num: Any = 50, endpoint: bool = True, **_: Any) -> Any:
    """np.linspace."""
    if not symbolic(start, stop, num):
        return np.linspace(start, stop, num, endpoint=endpoint)
    places = arange(recording, num) if symbolic(num) else array(recording, np.arange(num))
    return start + (stop - start) * places / (num - 1 if endpoint else num)


def tri(recording: Recording, n: Any, m: Any = None, k: int = 0, **_: Any) -> Any:
    """np.tri."""
    sizes = axes_of(recording, (n, n if m is None else m))
    return recording.apply("tril", (recording.value(called("ones", shape_node(sizes))), k), {})


def made_array(recording: Recording, given: Any, *args: Any, **options: Any) -> Any:
    """np.array and np.asarray: of numbers NumPy's own."""
    return recording.apply("array", (given, *args), options) if symbolic(given) else np.array(given, *args, **options)


def same_array(recording: Recording, given: Any, *args: Any, **options: Any) -> Any:
    """np.asarray."""
    return recording.apply("asarray", (given, *args), options) if symbolic(given) else np.asarray(given, *args, **options)


MADE: Mapping[str, Callable] = MappingProxyType(
    {
        "arange": arange,
        "array": made_array,
        "asarray": same_array,
        "empty": filled("zeros", np.empty),
        "eye": eye,
        "full": filled("full", np.full),
        "identity": eye,
        "linspace": linspace,
        "ones": filled("ones", np.ones),
        "tri": tri,
        "zeros": filled("zeros", np.zeros),
    }
)
"""What makes arrays without being given one, by its name in NumPy."""


class Random:
    """What stands for np.random, and for its generators: each draw is data of the model, of the size that is asked for."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def _drawn(self, size: Any, role: str = "constant") -> Any:
        return self._recording.draw(() if size is None else axes_of(self._recording, size), role)

    def rand(self, *sizes: Any) -> Any:
        """Uniform between 0 and 1."""
        return self._drawn(sizes)

    randn = rand

    def random(self, size: Any = None, **_: Any) -> Any:
        """Uniform between 0 and 1."""
        return self._drawn(size)

    random_sample = ranf = sample = standard_normal = standard_exponential = random

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """Normal; how it depends on the mean and the scale has to be said."""
        if symbolic(loc, scale):
            fix = "write mu + sigma * np.random.randn(*mu.shape), so that the derivative by mu and sigma is told"
            raise self._recording.error("a draw that depends on values", fix)
        return self._drawn(size)

    uniform = laplace = gumbel = logistic = normal

    def binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        """How often something comes about; a mask of dropout, where n is 1."""
        return self._drawn(size)

    def randint(self, low: Any, high: Any = None, size: Any = None, **_: Any) -> Any:
        """Places."""
        return self._drawn(size, "index")

    integers = randint

    def choice(self, a: Any, size: Any = None, replace: bool = True, **_: Any) -> Any:
        """Places among the first numbers."""
        if plain(a) is None:
            fix = "make what is drawn an argument, or index by np.random.randint(0, n, size)"
            raise self._recording.error("np.random.choice among values", fix)
        return self._drawn(size, "index")

    def seed(self, *_: Any) -> None:
        """Nothing: what is drawn is an argument."""

    def default_rng(self, *_: Any) -> "Random":
        """A generator."""
        return self

    RandomState = Generator = default_rng

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        fix = "draw with rand, randn, normal, uniform, binomial or randint, or make the drawn array an argument"
        raise self._recording.error(f"np.random.{name} in a traced function", fix)
