"""A formula's text cut into tokens, each with its place; letters and signs of Unicode become the commands that say the same.

Nothing is left out but comments. Places are columns [start, stop) of characters in the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(slots=True)
class Token:
    """A piece of the text. `style` is its font, `gap` the space before it (0 none, 1 plain, 2 a command such as \\;, 3 wide).

    Kinds as they leave this module: space, command, number, letter, mark. `kinds.classify` knows more.
    """

    kind: str
    text: str
    start: int
    stop: int
    style: str = ""
    gap: int = 0
    more: int = 0

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.start, self.stop


PATTERN = re.compile(
    r"""(?P<space>\s+) | (?P<comment>%[^\n]*\n?) | (?P<command>\\(?:[A-Za-z]+|.|\Z))
    | (?P<script>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ]+|[₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ᵢⱼₖₗₘₙₜᵣₓₐₑₒₕₚₛᵤᵥ]+)
    | (?P<number>[0-9]+(?:\.[0-9]+)?) | (?P<letter>[^\W\d_][\u0300-\u036f\u20d7]*)
    | (?P<mark>:=|<=|>=|==|!=|->|=>|\+=|-=|\.\*|\./|\|\||\.\.\.?|.)""",
    re.VERBOSE | re.DOTALL,
)
GREEK = {"final sigma": "varsigma", "lamda": "lambda", "phi": "varphi", "epsilon": "varepsilon", "omicron": "o"}
"""Names of Greek letters that LaTeX has others for."""
PAIRS = r"""∂ \partial ∇ \nabla ∑ \sum ∏ \prod ∫ \int √ \sqrt ∞ \infty ℓ \ell × \times · \cdot ⋅ \cdot ∙ \cdot • \cdot ∗ * ∘ \circ
÷ \div ∕ / ⊙ \odot ⊗ \otimes ⊕ \oplus ⊘ \oslash − - – - — - ± \pm ∓ \mp ≤ \le ≥ \ge ≠ \ne ≈ \approx ≡ \equiv ∝ \propto ≔ :=
≜ \triangleq ≪ \ll ≫ \gg ≦ \le ≧ \ge ∶ : ← \leftarrow → \to ⟶ \to ⟵ \leftarrow ↦ \mapsto ⇒ \Rightarrow ⇔ \Leftrightarrow
∈ \in ∉ \notin ⊂ \subset ⊆ \subseteq ∩ \cap ∅ \emptyset ∀ \forall ∃ \exists ∧ \land ⊤ \top ⊺ \intercal … \dots
⋯ \cdots ⋮ \vdots ⋱ \ddots ‖ \| ∥ \| ∣ | ǀ | ⟨ \langle ⟩ \rangle ⌊ \lfloor ⌋ \rfloor ⌈ \lceil ⌉ \rceil ′ ' ’ ' ‘ ' 、 , 。 .
ϵ \epsilon ϕ \phi † \dagger"""
SYMBOLS = dict(zip(PAIRS.split()[::2], PAIRS.split()[1::2], strict=True)) | {
    "\u223c": r"\sim",
    "\u222a": r"\cup",
    "\u2216": r"\setminus",
    "\u2228": r"\lor",
}
SYMBOLS |= {"\uff5b": r"\{", "\uff5d": r"\}"} | dict.fromkeys(("\u200b", "\u2061", "\u2062", "\ufeff"), " ")
"""Signs and what LaTeX writes for them; those of full width are found by their number."""
COMBINING = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u0305": r"\bar", "\u0307": r"\dot", "\u20d7": r"\vec"}
STYLES = (
    ("BOLD ITALIC", r"\boldsymbol"),
    ("BOLD SCRIPT", r"\mathcal"),
    ("BOLD", r"\mathbf"),
    ("DOUBLE-STRUCK", r"\mathbb"),
    ("SCRIPT", r"\mathcal"),
    ("FRAKTUR", r"\mathfrak"),
    ("BLACK-LETTER", r"\mathfrak"),
)
"""Fonts as Unicode's names of letters say them."""


def scan(text: str) -> list[Token]:
    """The tokens of a text."""
    return [token for match in PATTERN.finditer(text) for token in _tokens(match)]


def _tokens(match: re.Match) -> Iterator[Token]:
    kind, piece, (start, stop) = match.lastgroup or "mark", match.group(), match.span()
    if kind == "comment":
        return
    if kind == "script":
        yield from _script(piece, start, stop)
    elif kind in ("letter", "mark") and not piece.isascii():
        yield from (Token(*kind_of(p), start, stop) for p in _spelled(piece))
    else:
        yield Token(kind, piece, start, stop)


def kind_of(piece: str) -> tuple[str, str]:
    """The kind of a piece that came out of the tables above, and the piece."""
    found = PATTERN.match(piece)
    return (found.lastgroup or "mark" if found else "mark"), piece


def _script(piece: str, start: int, stop: int) -> Iterator[Token]:
    """Small letters above or below as a script in braces."""
    above = unicodedata.decomposition(piece[0]).startswith("<super>")
    for inner in ("^" if above else "_", "{", *unicodedata.normalize("NFKC", piece).replace("\u2212", "-"), "}"):
        yield Token(*kind_of(inner), start, stop)


def _spelled(piece: str) -> list[str]:
    """What LaTeX writes for a letter or sign beyond ASCII: accents first, then the font, then the letter."""
    if piece in SYMBOLS:
        return [SYMBOLS[piece]]
    if piece == "″":
        return ["'", "'"]
    if "\uff01" <= piece <= "\uff5e" and not piece.isalnum():
        return [chr(ord(piece) - 0xFEE0)]
    decomposed = unicodedata.normalize("NFD", piece)
    base, marks = decomposed[0], decomposed[1:]
    accents = [COMBINING[m] for m in reversed(marks) if m in COMBINING]
    name = unicodedata.name(base, "")
    plain = unicodedata.normalize("NFKC", base)
    style = next((s for word, s in STYLES if f" {word} " in f" {name} " and plain != base), None)
    if base in SYMBOLS:
        plain = SYMBOLS[base]
    elif len(plain) == 1 and "GREEK" in unicodedata.name(plain, ""):
        plain = _greek(unicodedata.name(plain))
    return [*accents, *([style] if style else []), *([plain] if plain.startswith("\\") else _each(plain, base))]


def _each(plain: str, base: str) -> list[str]:
    """The letters that one letter stands for."""
    return [plain] if plain == base else [piece for c in plain for piece in ([c] if c.isascii() else _spelled(c))]


def _greek(name: str) -> str:
    """The command of a Greek letter; capitals that look Latin are Latin."""
    words = name.split(" LETTER ")[-1].split(" WITH ")[0].lower()
    latin = {"alpha": "A", "beta": "B", "epsilon": "E", "zeta": "Z", "eta": "H", "iota": "I", "kappa": "K", "mu": "M", "nu": "N"}
    latin |= {"omicron": "O", "rho": "P", "tau": "T", "chi": "X", "upsilon": r"\Upsilon"}
    if "CAPITAL" in name:
        return latin.get(words, "\\" + words.capitalize().replace("Lamda", "Lambda"))
    return "\\" + GREEK.get(words, words) if words != "omicron" else "o"
