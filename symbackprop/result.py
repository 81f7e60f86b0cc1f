"""A derivative in hand: its index form, matrix form, LaTeX and NumPy, what it evaluates to, and the facts it rests on."""

from collections.abc import Mapping
from functools import cached_property
from inspect import signature

import numpy as np
from sympy import Expr, Idx

from symbackprop.derive.kinks import kinks
from symbackprop.derive.reverse import Derived, Step
from symbackprop.emit import function_source, load_source
from symbackprop.errors import NotationError, SpecError
from symbackprop.index import Index
from symbackprop.lower.body import PYTHON, code_names
from symbackprop.lower.recognise import restated
from symbackprop.notation.index_form import equation_latex, latex
from symbackprop.notation.matrix_form import matrix_equation_latex, matrix_latex
from symbackprop.notation.names import Letters
from symbackprop.program import Equation, Fact, Program, Tensor
from symbackprop.term import as_sympy, tensor_names
from symbackprop.verify.literal import infer_sizes

FORMS = ("matrix", "index", "best")


class Result:
    """One derivative. The derivative of a scalar has the shape of the variable; else output axes first, then input axes.

    It may speak of named parts (dO, Yhat), which `parts` defines down to the leaves.
    """

    def __init__(self, derived: Derived, name: str) -> None:
        """`name` is the tensor of `derived.program` that holds the derivative."""
        self.derived = derived
        self.program: Program = derived.program.needed([name])
        self.name = name

    @property
    def equation(self) -> Equation:
        """The equation of the derivative, in the program's own terms."""
        return self.program.equation(self.name)

    @property
    def tensor(self) -> Tensor:
        """The tensor that holds the derivative."""
        return self.equation.tensor

    @property
    def axes(self) -> tuple[Expr, ...]:
        """The sizes of the axes, in layout order."""
        return self.tensor.axes

    @cached_property
    def _letters(self) -> Mapping[Index, Idx]:
        return _idx_letters(self.equation, self.program)

    @property
    def indices(self) -> tuple[Idx, ...]:
        """The free indices of `index`, in layout order."""
        return tuple(self._letters[i] for i in self.equation.indices)

    @property
    def index(self) -> Expr:
        """The entry of the derivative at `indices`, as a SymPy expression in Indexed, Sum and KroneckerDelta."""
        return as_sympy(self.equation.rhs, self._letters)

    @property
    def parts(self) -> dict[str, tuple[tuple[Idx, ...], Expr]]:
        """The definitions of the named parts, in order: name -> (free indices, expression). Calls (softmax) are left out."""
        made = {}
        for e in self.program.equations:
            if e.name != self.name and e.rhs is not None:
                letters = _idx_letters(e, self.program)
                made[e.name] = (tuple(letters[i] for i in e.indices), as_sympy(e.rhs, letters))
        return made

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that this derivative, or a part of it, rests on."""
        fired = [f for e in self.program.equations for f in self.derived.facts.get(e.name, ())]
        return tuple(dict.fromkeys(fired))

    @cached_property
    def kinks(self) -> tuple[str, ...]:
        """Where this derivative is a convention, since a function on its way has a kink or a jump there; elsewhere it is exact."""
        program, (output, *wrt) = self.derived.program, self.tensor.derivative
        found: dict[str, None] = {}
        for k, name in enumerate(wrt):
            found |= dict.fromkeys(kinks(program, output, name))
            output = next(t.name for t in program.tensors.values() if t.derivative == self.tensor.derivative[: k + 2])
        return tuple(found)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The lines of the derivation that lead here, in order."""
        return tuple(s for s in self.derived.steps if s.quantity in self.program.tensors)

    def latex(self, form: str = "best") -> str:
        """LaTeX of the right side, in matrix notation, in index notation, or in the better of the two.

        Raises NotationError where the matrix form can't be had; "best" then gives the index form. Named parts are
        defined by `latex_parts`.
        """
        if form not in FORMS:
            raise SpecError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
        return _latex(self.equation, self.program, form)

    def latex_parts(self, form: str = "best") -> list[str]:
        """An equation in LaTeX for each named part that the right side speaks of, inputs of the model left out."""
        names = tensor_names(self.equation.rhs)
        for e in reversed(self.program.equations):
            if e.call and e.name in names:
                names |= set(e.call.arguments)
        wanted = [e for e in self.program.equations if e.name in names and e.name != self.name]
        lines = [equation_latex(e, self.program) if form == "index" else best_equation(e, self.program) for e in wanted]
        return [line for line in lines if len({*line.split(" = ", 1)}) > 1]  # X^{-1} = X^{-1} says nothing

    @cached_property
    def numpy(self) -> str:
        """The source of a NumPy function of the leaves that returns this derivative."""
        better = restated(self.derived).program
        found = better.tensors.get(self.name)
        same = found is not None and found.derivative == self.tensor.derivative
        return function_source(better if same else self.program, self.name)

    @cached_property
    def _function(self):
        return getattr(load_source(self.numpy, self.name), self.name)

    def evaluate(self, **arrays: np.ndarray) -> np.ndarray:
        """The value at `arrays`, one for each leaf by name, by the code that `numpy` shows.

        A size that stands in the derivative, but on no array that it needs, is read off the other leaves, or given by name (n=5).
        """
        names = [t.name for t in self.program.leaves]
        missing = [n for n in names if n not in arrays]
        if missing:
            raise SpecError(f"no array for {', '.join(missing)}", place=f"evaluate of {self.name}", fix=f"give {', '.join(names)}")
        wanted = signature(self._function).parameters
        called = code_names(self.program, PYTHON)
        given = {called(t): np.asarray(arrays[t.name]) for t in self.program.leaves}
        return self._function(**{n: a for n, a in given.items() if n in wanted}, **self._sizes(arrays))

    def _sizes(self, arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
        """The sizes that the generated function asks for, under its own names."""
        called = code_names(self.program, PYTHON)
        wanted = set(signature(self._function).parameters) - {called(t) for t in self.program.leaves}
        if not wanted:
            return {}
        whole = self.derived.program
        given = {t.name: arrays[t.name] for t in whole.leaves if t.name in arrays}
        sizes = infer_sizes(whole, given, {a: int(arrays[str(a)]) for a in whole.axes if str(a) in arrays and str(a) not in given})
        found = {called.size(a): size for a, size in sizes.items() if called.size(a) in wanted}
        if wanted - set(found):
            missing = ", ".join(sorted(wanted - set(found)))
            raise SpecError(f"no array tells the size {missing}", place=f"evaluate of {self.name}", fix=f"give it by name: {missing}=...")
        return found

    def __repr__(self) -> str:
        what = " ".join(str(a) for a in self.axes)
        return f"<Result {self.name} [{what}]>"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def best_equation(e: Equation, program: Program) -> str:
    """LaTeX of a whole equation, in matrix form where it has one, else in index form."""
    try:
        return matrix_equation_latex(e, program)
    except NotationError:
        return equation_latex(e, program)


def _latex(e: Equation, program: Program, form: str) -> str:
    if form != "index":
        try:
            return matrix_latex(e, program)
        except NotationError:
            if form == "matrix":
                raise
    return latex(e.rhs, program, e.indices)


def _idx_letters(e: Equation, program: Program) -> dict[Index, Idx]:
    """The letters that LaTeX would show too, as SymPy indices with their ranges."""
    bound = sorted((i for i in e.rhs.atoms(Index) if i not in e.indices), key=lambda i: (i.name, str(i.axis)))
    letters = Letters(program).extended({}, (*e.indices, *bound))
    return {i: Idx(letter, i.axis) for i, letter in letters.items()}
