"""The Hessian, and products with it."""

from collections.abc import Sequence

from symbackprop.derivation.second import hessian, hessian_vector_product
from symbackprop.kinds.kind import First, Kind, kinks_of
from symbackprop.modules.extras import matrix_function, product_functions
from symbackprop.modules.module import Offer
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter
from symbackprop.pages.beyond import Section, Telling, Told
from symbackprop.results import Results
from symbackprop.typesetting import tree
from symbackprop.typesetting.names import marked
from symbackprop.verification.oracles import Along
from symbackprop.verification.report import check_hessian


def hessian_blocks(first: First) -> Results:
    """The Hessian by all that the derivation is by: the block "a b" for each a not after b, which share their named parts.

    Axes of a, then those of b; the others are these transposed. Raises DeriveError where the objective is not a scalar.
    """
    made = hessian(first.derived)
    names = {f"{a} {b}": tensor for (a, b), tensor in made.blocks.items()}
    section = Section(BLOCKS, made.derived, names, variables=made.names, kinks=kinks_of(first, second=True))
    return Results(section, first.derived, "blocks of the Hessian")


def hessian_vector_products(first: First) -> Results:
    """The Hessian by all that the derivation is by, times a vector v: one result for each, in its shape (Pearlmutter 1994).

    Raises DeriveError where the objective is not a scalar.
    """
    made = hessian_vector_product(first.derived)
    oracle = Along(first.derived.program, {n: first.derived.adjoints[n] for n in first.wrt}, made.directions)
    section = Section(PRODUCTS, made.derived, made.results, made.directions, kinks=kinks_of(first, second=True))
    return Results(section, first.derived, "Hessian-vector products", oracle)


def _along_direction(told: Told) -> list[tree.Node]:
    theta, top = told.theta, told.objective
    whole = tree.Derivative(top, (theta, tree.transposed(theta)))
    return [tree.relation(marked(tree.Derivative(top, (theta,)), "dot"), ("=", tree.product(whole, marked(theta, "dot"))))]


BLOCKS = Telling(
    {"en": "The Hessian is the Jacobian of the gradient", "zh": "Hessian 矩阵是梯度的雅可比矩阵"},
    {
        "en": "Deriving the gradient once more, by each parameter, gives the Hessian of {objective}.",
        "zh": "对梯度再逐个参数求一次导，得到 {objective} 的 Hessian 矩阵。",
    },
    of_gradient=True,
)
PRODUCTS = Telling(
    {"en": "The Hessian times a vector", "zh": "Hessian 矩阵与向量之积"},
    {
        "en": "The Hessian times a direction is the derivative of the gradient along it (Pearlmutter 1994); no matrix is made:",
        "zh": "Hessian 矩阵与一个方向之积是梯度沿该方向的导数（Pearlmutter 1994），不必构造矩阵：",
    },
    _along_direction,
    of_gradient=True,
)


def _matrix(writer: ModuleWriter) -> list[FunctionText]:
    """The dense matrix, block by block."""
    made = hessian(writer.derived, writer.parameter_names)
    return [matrix_function(writer, made, "hessian", "H", f"The Hessian of {writer.program.objective}")]


def _operator(writer: ModuleWriter) -> list[FunctionText]:
    made = hessian_vector_product(writer.derived, writer.parameter_names)
    return product_functions(writer, made, "hessian", f"the Hessian of {writer.program.objective}")


def _checks(writer: ModuleWriter, words: Sequence[str]) -> list[str]:
    """Both against differences of the gradient."""
    writer.helpers |= {"_along"}
    np = writer.spelling.library
    lines = [f"v, slope = _along(lambda moved: pack(gradients(moved, **data{writer.unchecked})), params, generator)"]
    if "hessian" in words:
        lines.append(f'_same("hessian", {np}.dot(hessian(params, **data), pack(v)), slope)')
    if "hvp" in words:
        lines.append('_same("hessian_vector_product", pack(hessian_vector_product(params, **data, v=v)), slope)')
    return lines


KINDS = (
    Kind(name="hessian", derive=hessian_blocks, offer=Offer(functions=_matrix, checks=_checks), verdicts=check_hessian),
    Kind(name="hvp", derive=hessian_vector_products, offer=Offer(functions=_operator, checks=_checks)),
)
OBJECTIVE = Kind(
    name="objective",
    # as_objective is in every module, with those second derivatives that the module has: this word asks for both.
    offer=Offer(functions=lambda writer: (), checks=lambda writer, words: (), needs=("hessian", "hvp")),
)
