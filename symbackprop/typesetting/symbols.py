"""Spellings of signs and letters, one row each: name, LaTeX, Unicode. Both printers read these tables and no other."""

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip

LETTERS = {sign: name for name, sign in GREEK.items() if name != "ell"}
"""What Greek letters are called."""

GREEK_ALIASES = {"eps": "varepsilon", "sig": "sigma", **dict.fromkeys(("lambda_", "lam", "lmbda", "lamda"), "lambda"), **LETTERS}
"""How names of Greek letters are spelled besides."""

ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~", "dot": "˙"}
"""Accents that the end of a name can say."""

ALL_ACCENTS = ACCENTS | {
    "vec": "→", "ddot": "¨", "check": "ˇ", "breve": "˘", "acute": "\u00b4", "grave": "`", "mathring": "˚", "widehat": "^", "widetilde": "~",
    "overline": "¯", "overrightarrow": "→", "underline": "_",
}  # fmt: skip
"""Those that a name in LaTeX can have."""

MARKS = {
    "=": ("=", "="),
    "+": ("+", "+"),
    "-": ("-", "−"),
    "<-": (r"\leftarrow", "←"),
    "->": (r"\to", "→"),
    ">": (">", ">"),
    ">=": (r"\ge", "≥"),
    "<=": (r"\le", "≤"),
    "in": (r"\in", "∈"),
    "ast": (r"\ast", "∗"),
    "times": (r"\times", "×"),
    "cdot": (r"\cdot", "⋅"),
    "odot": (r"\odot", "⊙"),
    "oslash": (r"\oslash", "⊘"),
    "otimes": (r"\otimes", "⊗"),
    "dots": (r"\dots", "…"),
    "cdots": (r"\cdots", "⋯"),
    "ddots": (r"\ddots", "⋱"),
    "vdots": (r"\vdots", "⋮"),
    "nabla": (r"\nabla", "∇"),
    "top": (r"\top", "⊤"),
    "partial": (r"\partial", "∂"),
    "R": (r"\mathbb{R}", "ℝ"),
    "ne": (r"\ne", "≠"),
    ":": (":", ":"),
    ",": (",", ","),
    "prime": (r"\prime", "′"),
    "star": (r"\star", "⋆"),
    "dagger": (r"\dagger", "†"),
    "ddagger": (r"\ddagger", "‡"),
    "circ": (r"\circ", "∘"),
    "bullet": (r"\bullet", "∙"),
    "infty": (r"\infty", "∞"),
    "perp": (r"\perp", "⊥"),
    "parallel": (r"\parallel", "∥"),
    "mid": (r"\mid", "∣"),
    "pm": (r"\pm", "±"),
    "mp": (r"\mp", "∓"),
    "oplus": (r"\oplus", "⊕"),
    "ldots": (r"\ldots", "…"),
    "sim": (r"\sim", "\u223c"),
    "mapsto": (r"\mapsto", "↦"),
    "setminus": (r"\setminus", "\u2216"),
    "flat": (r"\flat", "♭"),
    "sharp": (r"\sharp", "♯"),
    "natural": (r"\natural", "♮"),
    "aleph": (r"\aleph", "ℵ"),
    "hbar": (r"\hbar", "ℏ"),
    "|": (r"\vert", "|"),
    **{c: (c, c) for c in "()[]/;.!?"},
}

FUNCTIONS = {
    "log": r"\log", "exp": r"\exp", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "tanh": r"\tanh", "sinh": r"\sinh",
    "cosh": r"\cosh", "arctan": r"\arctan", "arcsin": r"\arcsin", "arccos": r"\arccos", "det": r"\det", "max": r"\max", "min": r"\min",
}  # fmt: skip
"""Functions that LaTeX has a command for; all others are set upright by name."""
