"""Where a model of the command line comes from: a TOML file, or FILE.py:NAME, a function, a module of PyTorch or a model."""

import contextlib
import inspect
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from symbackprop.api import Derivation, Model, derive, from_torch, load, trace
from symbackprop.backward.running.files import taken
from symbackprop.backward.running.passes import theirs
from symbackprop.commands.options import NAMED
from symbackprop.commands.pages import pairs
from symbackprop.errors import SpecError, VerifyError
from symbackprop.files import note
from symbackprop.language.layers import Sequential
from symbackprop.language.spec import ModelSpec

FIX = 'name a function, a model or a module of PyTorch in it: FILE.py:NAME, with --shapes "X: n d; y: n" where they are not annotations'
SIZES = (5, 7, 3, 11, 4, 13, 6, 17)
"""How long the symbolic axes of example inputs of a module of PyTorch are, in order of appearance: different, so that none are mixed up."""


def derivation_of(what: str, shapes: str | None = None, wrt: Sequence[str] = ()) -> Derivation:
    """The derivation of a model by `wrt`; of a function they may be arguments that hold several arrays, and are its parameters."""
    if NAMED.match(what) is None:
        return derive(load(what), wrt=list(wrt) or None)
    model, done = _model_of(what, shapes, wrt)
    return derive(model, wrt=None if done else list(wrt) or None)


def _model_of(what: str, shapes: str | None, wrt: Sequence[str]) -> tuple[Model, bool]:
    """The model of FILE.py:NAME, for which the file is imported, and whether `wrt` are its parameters already.

    A function is traced: its parameters are arguments that `wrt` names, else those whose annotations say so, else all arguments of real
    numbers. Raises SpecError for what is no model, VerifyError for what the import raises.
    """
    found = NAMED.match(what)
    if found is None or not found[2]:
        raise SpecError(f"{what} names no function", place="SPEC", fix=FIX)
    given = _nested(pairs(shapes, "shapes", dotted=True) if shapes else {})
    path = Path(found[1])
    with _imported(path) as module:
        thing = _named(module, found[2])
        if isinstance(thing, Model | Sequential):
            if given:
                raise SpecError("a model has its shapes", place="--shapes", fix="leave --shapes out")
            return (thing if isinstance(thing, Model) else Model(thing.spec())), False
        if _is_torch(thing):
            return _torch_model(thing, given), False
        if inspect.isclass(thing) or not callable(thing):
            fix = "a class with forward and backward is checked by verify; its method can be traced where it is a function"
            raise SpecError(f"{found[2]} is a {type(thing).__name__}, no function and no model", place=what, fix=fix)
        names = list(inspect.signature(thing).parameters)
        if wrt and all(name in names for name in wrt):
            return trace(thing, parameters=list(wrt), shapes=given), True
        return _traced(thing, given), False


def _traced(function: Any, shapes: Mapping[str, Any]) -> Model:
    """The model of a function. Without parameters all its arguments of real numbers are."""
    model = trace(function, shapes=shapes)
    if model.program.parameters:
        return model
    real = {t.name for t in model.program.leaves if t.role == "input" and t.name in model.spec.idle}
    return Model(_as_parameters(model.spec, real))


def _as_parameters(spec: ModelSpec, names: set[str]) -> ModelSpec:
    tensors = {name: replace(t, role="parameter") if name in names else t for name, t in spec.tensors.items()}
    return replace(spec, tensors=tensors, inferred=spec.inferred - names)


def _nested(shapes: Mapping[str, str]) -> dict[str, Any]:
    """Shapes with those of a dictionary in it: {"params.W": "d h"} is {"params": {"W": "d h"}}."""
    made: dict[str, Any] = {}
    for name, shape in shapes.items():
        *above, last = name.split(".")
        place = made
        for part in above:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise SpecError(f"'{part}' has a shape and parts", place="--shapes", fix=f"leave {part} out, or {name}")
        place[last] = shape
    return made


def _named(module: Any, name: str) -> Any:
    """What a module has by a name, or its parts. Raises SpecError where there is no such thing."""
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            return taken(module, name)  # its error tells what there is
        found = getattr(found, part)
    return found


@contextlib.contextmanager
def _imported(path: Path) -> Iterator[Any]:
    """The module of a file, which finds its neighbours while it is looked at; what it prints goes to stderr."""
    if not path.is_file():
        raise SpecError(f"there is no file {path}", place="SPEC", fix=FIX)
    name = f"_{path.stem}_as_read"
    spec = spec_from_file_location(name, note(path))
    if spec is None or spec.loader is None:
        raise SpecError(f"{path} is no Python file", place="SPEC", fix=FIX)
    module, loader = module_from_spec(spec), spec.loader
    sys.modules[name] = module
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            theirs(lambda: loader.exec_module(module), {})
            yield module
    except SystemExit as e:
        raise VerifyError(f"it ended the process (exit {e.code})", place=str(path), fix='put that under if __name__ == "__main__":') from e
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _is_torch(thing: Any) -> bool:
    """Whether something is a module of PyTorch or a class of them; torch is imported already where there is one."""
    torch = sys.modules.get("torch")
    kind = thing if inspect.isclass(thing) else type(thing)
    return torch is not None and issubclass(kind, torch.nn.Module)


def _torch_model(thing: Any, shapes: Mapping[str, Any]) -> Model:
    """The model of a module of PyTorch, exported for example inputs of the shapes given, in the order of its arguments."""
    torch: Any = sys.modules["torch"]
    module = _instance(thing) if inspect.isclass(thing) else thing
    names = [name for name in inspect.signature(module.forward).parameters if name in shapes]
    if not shapes or set(names) != set(shapes):
        takes = ", ".join(inspect.signature(module.forward).parameters)
        lack = f"'{next(n for n in shapes if n not in names)}' is no input of the module" if shapes else "a module of PyTorch has no shapes"
        raise SpecError(lack, place="--shapes", fix=f'say those of its inputs ({takes}), as in --shapes "x: n 4; y: n index"')
    numbers = [p for p in module.parameters() if p.is_floating_point()]
    dtype = numbers[0].dtype if numbers else torch.get_default_dtype()
    letters: dict[str, int] = {}
    examples, dynamic = [], {}
    for name in names:
        words = str(shapes[name]).split()
        index = words[-1:] == ["index"]
        words = words[:-1] if index else words
        sizes = [int(w) if w.isdigit() else letters.setdefault(w, SIZES[len(letters) % len(SIZES)]) for w in words]
        examples.append(torch.zeros(sizes, dtype=torch.int64) if index else torch.rand(sizes, dtype=dtype) + 0.5)
        dynamic[name] = " ".join(words)
    silent = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # torch logs tracebacks of what is told as an error here
    try:
        return from_torch(module, tuple(examples), dynamic)
    finally:
        logging.disable(silent)


def _instance(kind: type) -> Any:
    """A module of a class. Raises SpecError where making one takes arguments."""
    lack = [
        p.name
        for p in inspect.signature(kind).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if lack:
        fix = f"make one in the file, as in net = {kind.__name__}(...), and name that"
        raise SpecError(f"nothing says {', '.join(lack)} of {kind.__name__}(...)", place="SPEC", fix=fix)
    return theirs(kind, {})
