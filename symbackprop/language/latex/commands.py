"""What LaTeX's commands and the words of the field are to a formula: names, functions, signs, relations, spaces, nothing."""

import re
from collections.abc import Collection, Iterable, Iterator

GREEK = """alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi omicron pi varpi rho varrho
sigma varsigma tau upsilon phi varphi chi psi omega digamma Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega varGamma varDelta
varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi varOmega"""
SYMBOLS = """ell hbar imath jmath infty emptyset varnothing aleph Re Im wp top bot intercal dagger ddagger exists nexists prime
hslash complement square blacksquare triangle checkmark flat sharp natural Box Diamond surd angle diamond heartsuit clubsuit"""
NAMES = {f"\\{word}" for word in f"{GREEK} {SYMBOLS}".split()} | {r"\%", r"\$", r"\&", r"\#", r"\_"}
SAME_NAME = {r"\varnothing": r"\emptyset", r"\omicron": "o"}
BLACKBOARD = {f"\\{letter}": letter for letter in ("R", "N", "Z", "Q", "C", "E")} | {r"\reals": "R", r"\real": "R", r"\Reals": "R"}
"""Short names for sets of numbers that MathJax and many preambles know."""
DOTS = {r"\dots": r"\dots", r"\ldots": r"\dots", r"\dotsc": r"\dots", r"\dotso": r"\dots", r"\cdots": r"\cdots", r"\dotsb": r"\cdots"}
DOTS |= {r"\dotsm": r"\cdots", r"\vdots": r"\vdots", r"\ddots": r"\ddots", r"\iddots": r"\ddots", "...": r"\dots", "..": r"\dots"}

STYLES = {word: word for word in ("mathbf", "boldsymbol", "mathbb", "mathcal", "mathfrak", "mathit", "mathsf", "mathtt", "mathrm")}
STYLES |= dict.fromkeys(("bm", "bold", "pmb", "mathbfit", "symbfit", "symbf", "vb", "vectorbold", "mathbold", "boldmath"), "boldsymbol")
STYLES |= {"mathscr": "mathcal", "Bbb": "mathbb", "frak": "mathfrak", "mathnormal": "mathit", "mathup": "mathrm", "symup": "mathrm"}
STYLES |= {"symbb": "mathbb", "symcal": "mathcal", "bs": "boldsymbol", "mathbbm": "mathbb", "mathds": "mathbb", "mathrsfs": "mathcal"}
SWITCHES = {"rm": "mathrm", "bf": "mathbf", "it": "mathit", "cal": "mathcal", "sf": "mathsf", "tt": "mathtt", "bfseries": "mathbf"}
UPRIGHT = {"mathrm", "mathsf", "mathtt", "mathit"}
"""Fonts in which several letters make one word."""
TEXTS = {"text", "textrm", "textbf", "textit", "texttt", "textsf", "mbox", "hbox", "textnormal", "operatorname", "operatornamewithlimits"}

ACCENTS = {word: word for word in ("hat", "bar", "tilde", "vec", "dot", "ddot", "dddot", "check", "breve", "acute", "grave", "mathring")}
ACCENTS |= {"widehat": "hat", "widetilde": "tilde", "overline": "bar", "widebar": "bar", "underline": "underline", "underbar": "underline"}
ACCENTS |= {"overrightarrow": "vec", "overleftarrow": "overleftarrow", "utilde": "underline", "cancel": "cancel", "bcancel": "cancel"}
ACCENTS |= {"xcancel": "cancel", "sout": "cancel"}

DROPPED = """displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits left right middle big Big bigg Bigg bigl bigr bigm Bigl
Bigr Bigm biggl biggr biggm Biggl Biggr Biggm nonumber notag hfill hfil null relax allowbreak nobreak nobreakspace mathstrut strut tiny
small normalsize large Large LARGE huge Huge centering noindent hline toprule midrule bottomrule mathord mathop mathbin mathrel mathopen
mathclose mathinner mathpunct smash boxed fbox ensuremath noalign protect bigstrut qedhere allowdisplaybreaks footnotesize scriptsize
textnormal newline"""
DROPPED_WITH = {"tag": 1, "label": 1, "color": 1, "vspace": 1, "phantom": 1, "hphantom": 1, "vphantom": 1, "ref": 1, "eqref": 1, "cite": 1}
DROPPED_WITH |= {
    "textcolor": 1,
    "colorbox": 1,
    "class": 1,
    "style": 1,
    "cssId": 1,
    "bbox": 0,
    "rule": 2,
    "kern": 0,
    "href": 1,
    "require": 1,
}
DROPPED_WITH |= {
    "raisebox": 1,
    "definecolor": 3,
    "footnote": 1,
    "setlength": 2,
    "hspace": 1,
    "mspace": 1,
    "mskip": 0,
    "hskip": 0,
    "intertext": 1,
}
"""How many arguments go with a command that says nothing; what stands behind them stays."""
THIN = {r"\:", r"\;", r"\>", "\\ ", r"\enspace", r"\medspace", r"\thickspace", r"\thinspace", r"\,", r"\!", r"\negthinspace", r"\/", "~"}
CLOSE = {r"\,", r"\!", r"\thinspace", r"\negthinspace", r"\/"}
"""Spaces that never stand between the entries of a row."""
WIDE = {r"\quad", r"\qquad", r"\hspace", r"\hskip", r"\mspace", r"\hfill", r"\hfil"}

FRACTIONS = {r"\frac", r"\dfrac", r"\tfrac", r"\cfrac", r"\nicefrac", r"\sfrac", r"\flatfrac"}
BIG = {r"\sum": r"\sum", r"\prod": r"\prod", r"\int": r"\int", r"\iint": r"\iint", r"\iiint": r"\iiint", r"\oint": r"\oint"}
BIG |= {r"\coprod": r"\coprod", r"\bigcup": r"\bigcup", r"\bigcap": r"\bigcap", r"\bigoplus": r"\bigoplus", r"\bigvee": r"\bigvee"}
BIG |= {r"\lim": r"\lim", r"\limsup": r"\limsup", r"\liminf": r"\liminf", r"\bigwedge": r"\bigwedge"}

SIGNS = {r"\cdot": r"\cdot", r"\cdotp": r"\cdot", "*": "*", r"\ast": "*", r"\times": r"\times", r"\circ": r"\circ", r"\odot": r"\odot"}
SIGNS |= {r"\bigodot": r"\odot", r"\otimes": r"\otimes", r"\bigotimes": r"\otimes", "/": "/", r"\slash": "/", r"\div": r"\div", "@": "@"}
SIGNS |= {".*": ".*", "./": "./"}
SIGNS |= {r"\oslash": r"\oslash", r"\bullet": r"\bullet", r"\bigcirc": r"\circ", r"\wedge": r"\wedge", r"\star": r"\star"}
SIGNS |= {r"\boxtimes": r"\boxtimes", r"\boxdot": r"\boxdot", r"\circledast": r"\circledast", r"\ltimes": r"\ltimes", r"\bmod": r"\bmod"}
TERMS = {"+": "+", "-": "-", r"\pm": r"\pm", r"\mp": r"\mp", r"\oplus": r"\oplus", r"\ominus": r"\ominus", r"\cup": r"\cup"}
TERMS |= {r"\cap": r"\cap", r"\setminus": r"\setminus", r"\backslash": r"\setminus"}
RELATIONS = {"=": "=", "==": "=", ":=": ":=", r"\coloneqq": ":=", r"\coloneq": ":=", r"\triangleq": r"\triangleq", r"\doteq": r"\triangleq"}
RELATIONS |= {r"\equiv": r"\equiv", r"\approx": r"\approx", r"\simeq": r"\approx", r"\approxeq": r"\approx", r"\cong": r"\cong"}
RELATIONS |= {r"\propto": r"\propto", r"\sim": r"\sim", r"\thicksim": r"\sim", "<": "<", r"\lt": "<", ">": ">", r"\gt": ">"}
RELATIONS |= dict.fromkeys(("<=", r"\le", r"\leq", r"\leqslant", r"\leqq"), r"\le")
RELATIONS |= dict.fromkeys((">=", r"\ge", r"\geq", r"\geqslant", r"\geqq"), r"\ge")
RELATIONS |= dict.fromkeys(("!=", r"\ne", r"\neq"), r"\ne") | dict.fromkeys((r"\leftarrow", r"\gets", r"\longleftarrow"), r"\leftarrow")
RELATIONS |= dict.fromkeys(("->", r"\to", r"\rightarrow", r"\longrightarrow"), r"\to")
RELATIONS |= {
    r"\mapsto": r"\mapsto",
    r"\longmapsto": r"\mapsto",
    r"\in": r"\in",
    r"\notin": r"\notin",
    r"\ni": r"\ni",
    "+=": "+=",
    "-=": "-=",
}
RELATIONS |= {r"\subset": r"\subset", r"\subseteq": r"\subseteq", r"\supset": r"\supset", r"\supseteq": r"\supseteq", r"\ll": r"\ll"}
RELATIONS |= {
    r"\gg": r"\gg",
    r"\perp": r"\perp",
    r"\parallel": r"\parallel",
    r"\succ": r"\succ",
    r"\prec": r"\prec",
    ":": ":",
    r"\colon": ":",
}
RELATIONS |= {r"\succeq": r"\succeq", r"\preceq": r"\preceq", r"\asymp": r"\asymp", r"\leftrightarrow": r"\leftrightarrow"}
RELATIONS |= {r"\lll": r"\ll", r"\ggg": r"\gg", r"\lesssim": r"\le", r"\gtrsim": r"\ge", r"\vdash": r"\vdash", r"\models": r"\models"}
FOLLOWS = {"=>": r"\Rightarrow", r"\Rightarrow": r"\Rightarrow", r"\implies": r"\Rightarrow", r"\Longrightarrow": r"\Rightarrow"}
FOLLOWS |= {r"\iff": r"\Leftrightarrow", r"\Leftrightarrow": r"\Leftrightarrow", r"\Longleftrightarrow": r"\Leftrightarrow"}
FOLLOWS |= {r"\therefore": r"\Rightarrow", r"\because": r"\because", r"\Leftarrow": r"\Leftarrow", r"\impliedby": r"\Leftarrow"}

OPENS = {"(": "(", "[": "[", r"\{": r"\{", r"\lbrace": r"\{", r"\lbrack": "[", r"\langle": r"\langle", r"\lfloor": r"\lfloor"}
OPENS |= {r"\lceil": r"\lceil", r"\lvert": r"\lvert", r"\lVert": r"\lVert", r"\lparen": "(", r"\llbracket": r"\llbracket"}
CLOSES = {")": "(", "]": "[", r"\}": r"\{", r"\rbrace": r"\{", r"\rbrack": "[", r"\rangle": r"\langle", r"\rfloor": r"\lfloor"}
CLOSES |= {r"\rceil": r"\lceil", r"\rvert": r"\lvert", r"\rVert": r"\lVert", r"\rparen": "(", r"\rrbracket": r"\llbracket"}
SHUT = {"(": ")", "[": "]", r"\{": r"\}", r"\langle": r"\rangle", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil", r"\lvert": r"\rvert"}
SHUT |= {r"\lVert": r"\rVert", r"\llbracket": r"\rrbracket"}
BARS = {"|": r"\lvert", r"\vert": r"\lvert", r"\mid": r"\lvert", "||": r"\lVert", r"\|": r"\lVert", r"\Vert": r"\lVert"}

FUNCTIONS = """arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg ln log max min Pr sec sin sinh sup tan
tanh argmax argmin arctanh arcsinh arccosh artanh arsinh sgn sign tr trace Tr Trace diag Diag vec rank sigmoid Sigmoid logsigmoid softmax
Softmax SoftMax logsoftmax LogSoftmax softplus Softplus SoftPlus softsign relu ReLU Relu ELU elu GELU gelu SiLU silu swish Swish mish Mish
LeakyReLU leakyrelu selu SELU erf erfc sum Sum prod mean Mean var Var std cov Cov norm abs clip rot180 rms RMS RMSNorm rmsnorm LayerNorm
layernorm BatchNorm batchnorm logsumexp LogSumExp LSE lse onehot maximum minimum dot matmul outer reshape transpose softabs
attention Attention Attn MSE mse CE BCE NLL KL rows cols relun heaviside cosh expit logit round floor ceil span dropout Dropout inv pinv
adj concat stack flatten conv Conv conv2d Loss loss Cost tanhshrink hardtanh cumsum einsum square sqrt multiply size len numel"""
FUNCTIONS_SET = set(FUNCTIONS.split())
WITH_BACKSLASH = """arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg ln log max min Pr sec sin sinh sup
tan tanh argmax argmin tr Tr sgn rank diag erf softmax sigmoid relu ReLU sign trace"""
COMMAND_FUNCTIONS = {f"\\{word}": word for word in WITH_BACKSLASH.split()}
WORDS = """axis keepdims True False None dim keepdim samples outputs loss cost Cost Loss net logits grad target error output input label
labels pred score weights bias accuracy const"""
PLAIN_WORDS = set(WORDS.split())
"""Words that are names though they stand in math as bare letters."""
SHORT = {"tr", "ln", "lg", "Tr", "CE", "KL", "Pr"}
"""Words that are two letters: bare, they are functions only before a bracket."""
NEVER_BARE = {"rows", "cols", "size", "len", "span", "arg", "deg", "hom", "ker", "inf", "adj", "sup", "dim", "var", "std", "cov", "dot"}
MODULES = {"np", "numpy", "torch", "tf", "jnp", "scipy"}

IF = {
    "if",
    "when",
    "whenever",
    "for",
    "for all",
    "for each",
    "for every",
    "for any",
    "where",
    "with",
    "otherwise",
    "else",
    "iff",
    "elsewhere",
}
IF |= {
    "unless",
    "since",
    "as",
    "若",
    "如果",
    "当",
    "其中",
    "否则",
    "其他",
    "其它",
    "对于",
    "given",
    "given that",
    "provided",
    "provided that",
}
ALONE = {"otherwise", "else", "elsewhere", "否则", "其他", "其它"}
"""Conditions that say nothing more."""
AND = {"and", "or", "且", "和", "以及", "及", "或", "与", "&"}
THEN = {"then", "so", "thus", "hence", "therefore", "则", "所以", "因此", "故", ";"}
BARE_TEXT = {"if", "otherwise", "when", "else", "where"}
"""Words of prose that are known though they stand in math as bare letters."""

WORD = re.compile(r"[^\W\d_][\w.\-]*\Z")
LONGEST = 24


def words_of(extra: Iterable[str]) -> set[str]:
    """All words that bare letters make, with those of this document."""
    return (FUNCTIONS_SET - NEVER_BARE) | PLAIN_WORDS | BARE_TEXT | set(extra)


def kind_of_word(word: str, declared: Collection[str] = ()) -> str:
    """function, text (a word between claims) or name."""
    if word in declared:
        return "name"
    if word in FUNCTIONS_SET:
        return "function"
    return "text" if plain(word) in IF | AND | THEN else "name"


def plain(prose: str) -> str:
    """Prose without capitals and without the punctuation round it."""
    return (prose.strip(" \t\n,.:;：，。；、()") or prose.strip()).lower()


def split_run(letters: str, words: Collection[str], declared: Collection[str], called: bool, whole: bool) -> Iterator[tuple[int, int]]:
    """Where the words and the single letters of a run of bare letters start and stop.

    `called`: a bracket follows the run; `whole`: in a script only the whole run may be a word.
    """
    if whole:
        yield from [(0, len(letters))] if letters in words or letters in NEVER_BARE else [(k, k + 1) for k in range(len(letters))]
        return
    at = 0
    while at < len(letters):
        size = next((n for n in range(min(LONGEST, len(letters) - at), 1, -1) if letters[at : at + n] in words), 1)
        word, last = letters[at : at + size], at + size == len(letters)
        if word in SHORT and word not in declared and not (last and called):
            size = 1
        if size == 1 and called and len(letters) - at <= LONGEST and letters[at:] in NEVER_BARE:
            size = len(letters) - at
        if word in BARE_TEXT and (at or not last):
            size = 1
        yield at, at + size
        at += size


def cleaned(prose: str) -> str:
    """Prose without comments, commands for space, backslashes and braces."""
    prose = re.sub(r"(?<!\\)%[^\n]*", "", prose)
    prose = re.sub(r"\\[,;:!> ]|[\s~]", " ", prose)
    return " ".join(re.sub(r"[\\{}]", "", prose).split())


def kind_of_prose(prose: str, declared: Collection[str] = ()) -> tuple[str, str]:
    r"""The kind and the text of what stands in \text{...}."""
    bare = prose.strip()
    if any("\u4e00" <= c <= "\u9fff" for c in bare):
        return "text", bare
    if WORD.match(bare):
        return kind_of_word(bare, declared), bare
    if bare.isdecimal():
        return "number", bare
    if bare in (",", "."):
        return ("comma" if bare == "," else "period"), bare
    return "text", bare
