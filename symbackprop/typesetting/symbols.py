"""Spellings of signs and letters, one row each: name, LaTeX, Unicode. Both printers read these tables and no other."""

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip

GREEK_ALIASES = {"lambda_": "lambda", "eps": "varepsilon", "sig": "sigma"}

ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~", "dot": "˙"}

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
}

FUNCTIONS = {
    "log": r"\log", "exp": r"\exp", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "tanh": r"\tanh", "sinh": r"\sinh",
    "cosh": r"\cosh", "arctan": r"\arctan", "arcsin": r"\arcsin", "arccos": r"\arccos", "det": r"\det", "max": r"\max", "min": r"\min",
}  # fmt: skip
"""Functions that LaTeX has a command for; all others are set upright by name."""
