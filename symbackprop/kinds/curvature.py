"""Curvature matrices: that of Gauss and Newton, and Fisher's; their blocks, and products with them."""

from collections.abc import Sequence
from functools import cached_property, partial

from symbackprop.derivation.curvature import Split, blocks, split, vector_product
from symbackprop.derivation.kinks import Kink, kinks
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import DeriveError
from symbackprop.kinds.kind import First, Kind
from symbackprop.modules.extras import product_functions
from symbackprop.modules.module import Offer
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter
from symbackprop.pages.beyond import Section, Telling, Told, Words
from symbackprop.pages.pieces.cards import together_card
from symbackprop.result import Result
from symbackprop.results import Beyond, Results
from symbackprop.stability.recognise import opened
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block
from symbackprop.typesetting.names import marked
from symbackprop.verification.oracles import Curved
from symbackprop.verification.second import check_curvature, check_gauss_newton
from symbackprop.verification.verdict import Report


class Curvature(Beyond):
    """A Gauss-Newton or Fisher matrix: its blocks as formulas, and products with it.

    `at` is the tensor at which the model is split. `note` says what the matrix rests on, and when it equals another.
    """

    def __init__(
        self, model: Split, first: Derived, what: str, tellings: tuple[Telling, Telling], note: str = "", notes: Sequence[Words] = ()
    ) -> None:
        """`first` is the derivation of the gradient, `tellings` are of the blocks and of the products; `notes` say `note` in documents."""
        self.model, self.first, self.parameters = model, first, first.wrt
        self.at = model.at
        self.what, self.note = what, note
        self._of_blocks, self._of_products = tellings
        beside = set(model.cut.needed([model.slope]).tensors) & set(model.direct)
        self.notes = (*notes, *((CROSSED,) if beside else (DIRECT,) if model.direct else ()))

    @cached_property
    def _blocks(self) -> Results:
        made = blocks(self.model, self.parameters)
        names = {f"{a} {b}": name for (a, b), name in made.blocks.items()}
        section = Section(self._of_blocks, made.derived, names, {}, self.parameters, self.at, self.notes, self._kinks)
        return Results(section, self.first, f"blocks of {self.what}", note=self.note)

    @cached_property
    def _kinks(self) -> tuple[Kink, ...]:
        return kinks(self.model.derived.program, [self.at], self.parameters)

    def blocks(self) -> Results:
        """All blocks, "a b" for each parameter a not after b: axes of a, then those of b."""
        return self._blocks

    def block(self, a: str, b: str) -> Result:
        """The block of two parameters: axes of `a`, then those of `b`."""
        for name in (a, b):
            if name not in self.parameters:
                raise DeriveError(f"'{name}' is not a parameter of this matrix", fix=f"one of {', '.join(self.parameters)}")
        if self.parameters.index(a) <= self.parameters.index(b):
            return self._blocks[f"{a} {b}"]
        turned = blocks(self.model, (a, b))
        return Result(turned.derived, turned.blocks[a, b])

    def vector_product(self) -> Results:
        """The product with a vector v, one part for each parameter."""
        made = vector_product(self.model, self.parameters)
        oracle = Curved(self.model, self.parameters, made.directions)
        section = Section(self._of_products, made.derived, made.results, made.directions, at=self.at, notes=self.notes, kinks=self._kinks)
        return Results(section, self.first, f"products with {self.what}", oracle, self.note)

    @property
    def sections(self) -> list[Section]:
        """What a page tells of it: the blocks, and the products."""
        return [self._blocks.section, self.vector_product().section]

    def card(self) -> list[Block]:
        """Its blocks, and what they speak of."""
        return together_card(f"{self.what}, split at {self.at}", self.note, self._blocks.written())

    def latex(self, form: str = "best") -> dict[str, str]:
        """The right side of each block in LaTeX; named parts are defined by `blocks().latex_parts(form)`."""
        return self._blocks.latex(form)

    def verify(self, seed: int = 0) -> Report:
        """Compare its products with differences of the model, and its blocks with its products."""
        verdict = check_curvature(self.model, vector_product(self.model, self.parameters), seed)
        return self.vector_product().verify(seed) + Report((verdict,))

    def __repr__(self) -> str:
        return f"<{self.what}, split at {self.at}, of {', '.join(self.parameters)}>"


def gauss_newton(first: First, at: str | None = None) -> Curvature:
    """The generalised Gauss-Newton matrix (dO/da)^T d2J/dO2 (dO/db), split at the tensor `at` (default: the declared output O).

    Second derivatives of O are left out; what J holds of the parameters beside O, such as a penalty, counts in full. It is positive
    semidefinite where J is convex in O. Raises DeriveError where the model can't be split there. Source: Schraudolph 2002.
    """
    return Curvature(_split(first, at), first.derived, "the Gauss-Newton matrix", GAUSS_NEWTON)


def fisher(first: First, at: str | None = None) -> Curvature:
    """Fisher's information matrix of the distribution of labels that the model predicts by the tensor `at` (default: its output).

    The objective is taken to be a mean, or sum, of negative log likelihoods of the labels given `at`; their mean under the model is
    where dJ/d`at` is 0. Its `note` says whether it equals Gauss-Newton's matrix. Raises DeriveError where that mean can't be read off.
    Source: Martens 2020, sections 8 and 9.
    """
    model = _split(first, at, expected=True)
    note = f"if {first.program.objective} is a negative log likelihood of the labels given {model.at}"
    if model.needs_expectation():
        note, more = f"{note}; labels stand for their mean under the model", LABELS
    else:
        note, more = f"{note}; it equals the Gauss-Newton matrix split at {model.at}, whose curvature holds no labels", SAME
    return Curvature(model, first.derived, "Fisher's matrix", FISHER, note, (LIKELIHOOD, more))


def _split(first: First, at: str | None, expected: bool = False) -> Split:
    return split(opened(first.program, [at or first.program.output or ""]), at, first.wrt, expected)


LIKELIHOOD = {
    "en": "This holds if {objective} is a negative log likelihood of the labels given {at}.",
    "zh": "前提是 {objective} 为给定 {at} 时标签的负对数似然。",
}
LABELS = {"en": "Labels stand for their mean under the model.", "zh": "标签代以其在模型下的均值。"}
SAME = {
    "en": "It equals the Gauss-Newton matrix split at {at}, whose curvature holds no labels.",
    "zh": "它等于在 {at} 处分开的 Gauss-Newton 矩阵，因为那里的曲率不含标签。",
}
DIRECT = {
    "en": "What {objective} holds of the parameters beside {at} counts in full: the last term, in which {at} is held.",
    "zh": "{objective} 中不经过 {at} 而依赖参数的部分完整计入，即把 {at} 视为不变的最后一项。",
}
CROSSED = {
    "en": "What {objective} holds of the parameters beside {at} counts in full: in the terms with brackets the derivative by "
    "them holds {at}.",
    "zh": "{objective} 中不经过 {at} 而依赖参数的部分完整计入：带括号的各项对参数求导时把 {at} 视为不变。",
}


def _definition(told: Told, mean: bool, product: bool) -> list[tree.Node]:
    """The matrix, or a product with it, in terms of derivatives by all parameters at once; of Fisher's, the mean curvature."""
    theta, top, at = told.theta, told.objective, told.at
    slope, curvature = tree.Derivative(at, (theta,)), tree.Derivative(top, (at, at))
    middle = tree.Apply(tree.Letter("E", "bold"), (curvature,)) if mean else curvature
    v = (marked(theta, "dot"),) if product else ()
    terms = [tree.product(tree.transposed(slope), middle, slope, *v)]
    if CROSSED in told.section.notes:
        across = tree.Held(tree.Derivative(top, (at, tree.transposed(theta))), (at,))
        terms.append(tree.product(tree.transposed(slope), across, *v))
        terms.append(tree.product(tree.transposed(across), slope, *v))
    if CROSSED in told.section.notes or DIRECT in told.section.notes:
        terms.append(tree.product(tree.Held(tree.Derivative(top, (theta, tree.transposed(theta))), (at,)), *v))
    left = marked(theta, "bar") if product else told.writer.names.sign("G", "italic", "bold")
    return [tree.relation(left, ("=", tree.add(*[(1, t) for t in terms])))]


GAUSS_NEWTON = (
    Telling(
        {"en": "The Gauss-Newton matrix", "zh": "Gauss-Newton 矩阵"},
        {
            "en": "The curvature of {objective} in {at}, carried back to the parameters; second derivatives of {at} itself are left out:",
            "zh": "{objective} 关于 {at} 的曲率传回参数；略去 {at} 本身的二阶导数：",
        },
        partial(_definition, mean=False, product=False),
    ),
    Telling(
        {"en": "The Gauss-Newton matrix times a vector", "zh": "Gauss-Newton 矩阵与向量之积"},
        {
            "en": "Along the direction to {at}, through the curvature of {objective} in it, and back; no matrix is made:",
            "zh": "沿方向求 {at} 的变化，乘以 {objective} 关于它的曲率，再传回参数，不必构造矩阵：",
        },
        partial(_definition, mean=False, product=True),
    ),
)
FISHER = (
    Telling(
        {"en": "Fisher's information matrix", "zh": "Fisher 信息矩阵"},
        {
            "en": "The mean, over labels that the model itself draws, of the curvature of {objective} in {at}, carried back to the "
            "parameters:",
            "zh": "对模型自身抽取的标签取平均，{objective} 关于 {at} 的曲率传回参数：",
        },
        partial(_definition, mean=True, product=False),
    ),
    Telling(
        {"en": "Fisher's matrix times a vector", "zh": "Fisher 矩阵与向量之积"},
        {
            "en": "Along the direction to {at}, through the mean curvature of {objective} in it, and back; no matrix is made:",
            "zh": "沿方向求 {at} 的变化，乘以 {objective} 关于它的平均曲率，再传回参数，不必构造矩阵：",
        },
        partial(_definition, mean=True, product=True),
    ),
)
"""Of each matrix, what is said of its blocks and of products with it."""

DRAWN = "Parameters(*[generator.standard_normal(np.shape(array)) for array in params])"


def _functions(writer: ModuleWriter) -> list[FunctionText]:
    model = split(writer.model_program, None, writer.parameter_names)
    made = vector_product(model, writer.parameter_names)
    return product_functions(writer, made, "gauss_newton", f"the Gauss-Newton matrix of {writer.program.objective}, split at {model.at}")


def _checks(writer: ModuleWriter, words: Sequence[str]) -> list[str]:
    """That the matrix is symmetric."""
    np = writer.spelling.library
    return [
        f"v = {DRAWN}",
        f"w = {DRAWN}",
        f"turned = [{np}.dot(pack(x), pack(gauss_newton_vector_product(params, **data, v=y))) for x, y in ((v, w), (w, v))]",
        '_same("gauss_newton_vector_product", *turned)',
    ]


KINDS = (
    Kind(name="ggn", derive=gauss_newton, offer=Offer(functions=_functions, checks=_checks), verdicts=check_gauss_newton),
    Kind(name="fisher", derive=fisher),
)
