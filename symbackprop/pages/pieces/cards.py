"""Cards: what a notebook shows of a thing in a few lines, as blocks."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.calculus.program import Program
from symbackprop.derivation.reverse import Derived, Step
from symbackprop.pages.document import Composer
from symbackprop.pages.folding import ENDS
from symbackprop.pages.parts import is_inverse
from symbackprop.pages.pieces.short import rests_on
from symbackprop.pages.pieces.single import Single, Told, teller_of
from symbackprop.pages.together import Together
from symbackprop.pages.written import Written
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Chain, Code, Fold, Formulas, Listing, Paragraph
from symbackprop.typesetting.breaking import NONE
from symbackprop.typesetting.wording import kink_in

MOST = 12
"""So many equations stand on a card; of more, the first and the last."""


def few(nodes: Sequence[tree.Node]) -> Formulas:
    """Equations; of many the first and the last."""
    return Formulas(tuple(nodes) if len(nodes) <= MOST else (*nodes[:ENDS], tree.Mark("vdots"), *nodes[-ENDS:]))


def model_card(program: Program) -> list[Block]:
    """A model: its equations, and the shapes of what they speak of."""
    page = Composer.of(Derived(program, program.objective, (), {}, (), {}, ()), "matrix", "en")
    shapes = page.listed([page.line("beyond shaped", name=page.writer.names(t.name), shape=page.shape(t.axes)) for t in program.leaves])
    return [few([page.as_stated(e, False) for e in page.forward if not is_inverse(e)]), Paragraph(page.line("beyond given", given=shapes))]


def result_card(single: Single) -> list[Block]:
    """A derivative, what it speaks of, how it is read, what it rests on, and its code, folded."""
    told = Told(single, teller_of(single, "matrix", "en"))
    if told.matrix().whole.value is None:
        told = replace(told, teller=teller_of(single, "index", "en"))
    teller = told.teller
    blocks = told.forms()
    if single.facts:
        said = {"result": teller.writer.names(single.name), "facts": teller.listed([teller.fact(f) for f in single.facts])}
        blocks.append(Paragraph(teller.line("uses", **said)))
    if single.kinks:
        blocks.append(Paragraph((" ".join([teller.say["page kinks"], *[kink_in(k, "en") + "." for k in single.kinks]]),)))
    return [*blocks, Fold((teller.say["numpy"],), (Listing(single.code),))]


def gradient_card(derived: Derived, name: str) -> list[Block]:
    """A derivation: what it is of, its results in the order of computing, what they rest on."""
    page = Composer.of(derived, "matrix", "en")
    by = page.listed([(page.writer.names(n),) for n in derived.wrt])
    said = {"model": Code(name), "objective": page.writer.names(derived.output), "by": by, "count": str(len(derived.steps))}
    return [Paragraph(page.line("card gradient", **said)), few([page.best(e) for e in page.adjoints]), *rests_on(page)]


def together_card(what: str, note: str, sheet: Together) -> list[Block]:
    """Results that belong together, then their parts."""
    written = Written(sheet.program, (), next(iter(sheet.wholes.values())))
    wholes, parts = ([written.equation(p) for p in some] for some in (sheet.wholes.values(), sheet.parts))
    blocks: list[Block] = [Paragraph((what[:1].upper() + what[1:], ". " + note if note else "", ":")), few(wholes)]
    return [*blocks, Paragraph(("where",)), few(parts)] if parts else blocks


def steps_card(steps: Sequence[Step], teller: Composer) -> list[Block]:
    """The lines of a derivation, one quantity after the other."""
    found: dict[str, list[Step]] = {}
    for s in steps:
        found.setdefault(s.quantity, []).append(s)
    return [teller.chain(teller.derived.program[name], taken) for name, taken in found.items()]


def formulas_in(blocks: Sequence[Block]) -> list[tree.Node]:
    """All equations of a card, for a front end that shows LaTeX alone; those of a chain go on from the one before."""
    found: list[tree.Node] = []
    for block in blocks:
        if isinstance(block, Formulas):
            found += block.nodes
        elif isinstance(block, Chain):
            found += [tree.Relation(NONE if k else block.left, (("=", node),)) for k, (node, _) in enumerate(block.rows)]
    return found
