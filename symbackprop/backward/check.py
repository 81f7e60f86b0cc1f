"""The whole check: points, derived gradients, states, labels, blame, corrections; and the report on it."""

import contextlib
import inspect
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from symbackprop.backward.deriving.preparing import benches
from symbackprop.backward.reporting.report import BackwardReport
from symbackprop.backward.reporting.telling import report
from symbackprop.backward.running.passes import Passes
from symbackprop.backward.running.shapes import read_shapes, unfolded
from symbackprop.backward.running.stated import stated_function
from symbackprop.backward.running.watched import Deadline
from symbackprop.errors import SpecError
from symbackprop.language.spec import ModelSpec


def check_backward(
    forward: Any,
    backward: Callable | str | None = None,
    shapes: Mapping[str, str | Mapping[str, str]] | None = None,
    *,
    pairs: Mapping[str, str] | None = None,
    given: Mapping[str, Any] | None = None,
    seconds: float = 20,
) -> BackwardReport:
    """Check a hand-written backward pass as it stands, line by line, against derivatives of the forward pass.

    `forward` may be a model too. Alone it may be a function that returns the loss and its gradients, or a class with both methods.
    `shapes`: of the arguments, default: the annotations of `forward`. An argument of `backward` that `forward` has not is the gradient
    from above, or what forward saved; what a dictionary of parameters holds is stated in it, {"params": {"W1": "d h"}}, or by itself.
    `pairs`: which gradient is by which argument, where names don't say it: {"dx": "x"}; `given`: arguments that are no tensors;
    `seconds`: how long the functions may run.

    Both functions are run, many times, on small arrays. Raises SpecError for what can't be asked, VerifyError for what fails in running.
    """
    if isinstance(spec := getattr(forward, "spec", None), ModelSpec):
        forward, stated = stated_function(spec)
        shapes = {**stated, **(shapes or {})}
    deadline = Deadline(seconds)
    with quiet() as printed:
        stated_shapes, dictionaries = unfolded(shapes if shapes is not None else annotations(forward, backward))
        shaped = read_shapes(stated_shapes)
        passes = Passes(forward, backward, given or {}, [*shaped], deadline, dictionaries)  # type: ignore[arg-type]
        bench = benches(passes, shaped, pairs or {})
        states = bench.states(bench.rans)
        return report(bench, states, printed.getvalue())


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Nothing that a person's functions print or warn of is shown; the state of NumPy's random numbers is put back."""
    state = np.random.get_state()
    text = io.StringIO()
    with contextlib.redirect_stdout(text), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            yield text
        finally:
            np.random.set_state(state)


def annotations(*functions: Any) -> dict[str, str]:
    """The shapes that annotations state. Raises SpecError where there are none."""
    made: dict[str, str] = {}
    for one in functions:
        if inspect.isclass(one):
            made |= annotations_of(*(f for f in vars(one).values() if inspect.isfunction(f)))
        elif callable(one):
            made |= annotations_of(one)
    if not made:
        raise SpecError(
            "no shapes are stated", place="shapes", fix='shapes={"x": "n d", "W": "d m"}, or annotate forward: def f(x: "n d"): ...'
        )
    return made


def annotations_of(*functions: Callable) -> dict[str, str]:
    """The annotations of functions that are texts."""
    made = {}
    for f in functions:
        made |= {n: a.strip("'\"") for n, a in getattr(f, "__annotations__", {}).items() if isinstance(a, str) and n != "return"}
    return made
