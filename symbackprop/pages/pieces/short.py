"""A page of two to four sheets: the model, the results, and one step worked out."""

from symbackprop.calculus.program import Equation
from symbackprop.derivation.kinks import kinks
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import NotationError
from symbackprop.pages.document import FORMS, Composer
from symbackprop.pages.folding import ENDS, MANY
from symbackprop.pages.network import network
from symbackprop.pages.parts import is_inverse
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Chain, Document, Formulas, Heading, Paragraph
from symbackprop.typesetting.widths import ems

ROOM = 400.0
"""So many ems of steps, some ten lines, are worked out on a short page at most, if there is a shorter one."""
PICTURED = 12
"""A model of more equations has no picture on a short page."""


def compose_short(derived: Derived, form: str = "both", lang: str = "en") -> Document:
    """The short page of a gradient in `form` and `lang`. Raises NotationError for another form or language."""
    if form not in FORMS:
        raise NotationError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
    page = Composer.of(derived, form, lang)
    forward = [e for e in page.forward if not is_inverse(e)]
    said = {"objective": page.writer.names(derived.output)}
    blocks: list[Block] = [Heading(page.say["model"]), Paragraph(page.line("model lead", **said))]
    blocks.append(ends([page.as_stated(e, form == "index") for e in forward]))
    if len(forward) <= PICTURED:
        blocks.append(network(derived.program, page.writer, page.forward))
    blocks += [Heading(page.say["results"]), Paragraph(page.line("results lead", **said)), ends([page.best(e) for e in page.adjoints])]
    blocks += page.told([*forward, *page.adjoints]) if form != "index" else []
    blocks += [Paragraph(p) for p in page.conventions()[1:2] if form != "index"]
    blocks += rests_on(page)
    blocks += worked(page)
    title = page.say["title"].replace("{model}", derived.program.name.replace("_", " "))
    return Document(title, page.subtitle(), lang, tuple(blocks), page.say["made by"], page.legend())


def ends(nodes: list[tree.Node]) -> Formulas:
    """Equations; of many the first and the last."""
    return Formulas(tuple(nodes) if len(nodes) <= MANY else (*nodes[:ENDS], tree.Mark("vdots"), *nodes[-ENDS:]))


def rests_on(page: Composer) -> list[Block]:
    """The facts that results rest on, and where they are a convention."""
    derived = page.derived
    facts = dict.fromkeys(f for e in page.adjoints for f in derived.facts.get(e.name, ()))
    told: list[Block] = [Paragraph(page.line("beyond uses", facts=page.listed([page.fact(f) for f in facts])))] if facts else []
    return [*told, *page.kinked(kinks(derived.program, [derived.output], derived.wrt))]


def worked(page: Composer) -> list[Block]:
    """The step that shows most: the one of the most rules among those that are not too long."""
    chains = [(e, page.chain(e, taken)) for e in page.adjoints if (taken := [s for s in page.derived.steps if s.quantity == e.name])]
    if not chains:
        return []
    short = [one for one in chains if length(one[1]) <= ROOM] or [min(chains, key=lambda one: length(one[1]))]
    chosen: tuple[Equation, Chain] = max(short, key=lambda one: len({rule for _, rule in one[1].rows}))
    e, chain = chosen
    lead = page.line("worked lead", result=page.writer.names(e.name))
    return [Heading(page.say["worked"]), Paragraph(lead), chain, Paragraph((page.say["worked matrix"],)), Formulas((page.best(e),))]


def length(chain: Chain) -> float:
    """How wide all lines of a chain are, one after the other."""
    return sum(ems(node) for node, _ in chain.rows)
