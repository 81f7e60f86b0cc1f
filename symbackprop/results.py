"""Several derivatives that belong together: products with a matrix of second derivatives, per-sample gradients, curvature matrices."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from symbackprop.derive import curvature
from symbackprop.derive.reverse import Derived, Step
from symbackprop.errors import DeriveError, SpecError
from symbackprop.program import Fact
from symbackprop.result import Result
from symbackprop.verify.oracles import Curved, Oracle
from symbackprop.verify.second import check_curvature, check_result
from symbackprop.verify.verdict import Report, Verdict


class Results(Mapping[str, Result]):
    """Derivatives by name, of one derivation: `results["W1"]` is a Result. They share their named parts.

    `directions` says which leaf holds the part of the vector that a product is with: {"W1": "v_W1"}; for a vector-Jacobian product
    {"O": "u_O"}. `note` says what they rest on beside declared facts.
    """

    def __init__(
        self,
        derived: Derived,
        names: Mapping[str, str],
        directions: Mapping[str, str] | None = None,
        note: str = "",
        what: str = "results",
        oracle: Oracle | None = None,
    ) -> None:
        """`names` says which tensor of the derivation's program holds the result of each name; `oracle` what they should be."""
        self.derived = derived
        self.oracle = oracle
        self.names = dict(names)
        self.directions = dict(directions or {})
        self.note = note
        self.what = what

    def __getitem__(self, name: str) -> Result:
        if name not in self.names:
            raise DeriveError(f"'{name}' is not among these {self.what}", fix=f"one of {', '.join(self.names)}")
        return Result(self.derived, self.names[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _needed(self) -> frozenset[str]:
        return frozenset(self.derived.program.needed(self.names.values()).tensors)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The lines of the derivation that lead to them, in order."""
        return tuple(s for s in self.derived.steps if s.quantity in self._needed)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that one of them rests on."""
        fired = [f for name in self.derived.program.tensors if name in self._needed for f in self.derived.facts.get(name, ())]
        return tuple(dict.fromkeys(fired))

    def verify(self, seed: int = 0) -> Report:
        """Compare each with differences of the model, and its code with the formulas."""
        rows: list[Verdict] = []
        for name, tensor in self.names.items():
            rows += check_result(self.derived, name, tensor, self.oracle, self.what, self[name].evaluate, seed)
        return Report(tuple(rows), f"verification of {self.what}")

    def latex(self, form: str = "best") -> dict[str, str]:
        """The right side of each in LaTeX; its named parts are defined by `results[name].latex_parts()`."""
        return {name: self[name].latex(form) for name in self}

    def evaluate(self, v: Sequence[np.ndarray] | Mapping[str, np.ndarray] | None = None, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        """The value of each at `arrays`, by its generated code. `v`: the vector of a product, by name or in the order of `directions`."""
        if v is not None:
            given = dict(v) if isinstance(v, Mapping) else dict(zip(self.directions, v, strict=False))
            if set(given) != set(self.directions) or len(v) != len(self.directions):
                raise SpecError(f"v has {len(v)} arrays", place=f"evaluate of {self.what}", fix=f"give {', '.join(self.directions)}")
            arrays = {**arrays, **{self.directions[name]: array for name, array in given.items()}}
        return {name: self[name].evaluate(**arrays) for name in self}

    def __repr__(self) -> str:
        return f"<{self.what}: {', '.join(self.names)}>"


class Curvature:
    """A Gauss-Newton or Fisher matrix: its blocks as formulas, and products with it.

    `at` is the tensor at which the model is split. `note` says what the matrix rests on, and when it equals another.
    """

    def __init__(self, model: curvature.Split, names: Sequence[str], what: str, note: str = "") -> None:
        self.model, self.parameters = model, tuple(names)
        self.at = model.at
        self.what = what
        self.note = note

    @cached_property
    def _blocks(self) -> Results:
        made = curvature.blocks(self.model, self.parameters)
        return Results(
            made.derived, {f"{a} {b}": name for (a, b), name in made.blocks.items()}, what=f"blocks of {self.what}", note=self.note
        )

    def block(self, a: str, b: str) -> Result:
        """The block of two parameters: axes of `a`, then those of `b`."""
        for name in (a, b):
            if name not in self.parameters:
                raise DeriveError(f"'{name}' is not a parameter of this matrix", fix=f"one of {', '.join(self.parameters)}")
        if self.parameters.index(a) <= self.parameters.index(b):
            return self._blocks[f"{a} {b}"]
        turned = curvature.blocks(self.model, (a, b))
        return Result(turned.derived, turned.blocks[a, b])

    def vector_product(self) -> Results:
        """The product with a vector v, one part for each parameter."""
        made = curvature.vector_product(self.model, self.parameters)
        oracle = Curved(self.model, self.parameters, made.directions)
        return Results(made.derived, made.results, made.directions, self.note, f"products with {self.what}", oracle)

    def verify(self, seed: int = 0) -> Report:
        """Compare its products with differences of the model, and its blocks with its products."""
        verdict = check_curvature(self.model, curvature.vector_product(self.model, self.parameters), seed)
        return self.vector_product().verify(seed) + Report((verdict,))

    def __repr__(self) -> str:
        return f"<{self.what}, split at {self.at}, of {', '.join(self.parameters)}>"
