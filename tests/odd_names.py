"""Names that people give to tensors, and some that nobody should; models whose tensors bear them."""

import random
import string

from hypothesis import strategies as st

import symbackprop as sbp
from symbackprop.errors import SpecError

GREEK = """alpha beta gamma delta epsilon eta theta lambda_ lambda mu xi rho sigma tau phi psi omega Gamma Sigma Omega ell eps sig"""
WORDS = """loss hidden Wih lam tr vec sgn log sin exp norm chat what bar dot tilde prime abc XY dW Jt t1 t2 _ __"""
ENDS = """hat bar tilde dot _ __ 0 1 2 12 _in _out _ih_0 _hat _1 _x _2_3 _norm _each _total prime _softmax _inv"""
KINDS = (sorted(set(string.ascii_letters) - {"n"}), GREEK.split(), WORDS.split())

names = st.builds(
    lambda base, ends: base + "".join(ends),
    st.one_of(*map(st.sampled_from, KINDS)),
    st.lists(st.sampled_from(ENDS.split()), max_size=3),
)
NINE = st.lists(names, min_size=9, max_size=9, unique=True)


def drawn(seed):
    """Nine names, without Hypothesis."""
    rng, made = random.Random(seed), []
    while len(made) < 9:
        name = rng.choice(rng.choice(KINDS)) + "".join(rng.choices(ENDS.split(), k=rng.choice([0, 0, 1, 1, 2])))
        made += [] if name in made else [name]
    return made


def model(nine):
    """A model with a penalty, a function, an inverse, a softmax and a norm, in the names that are given; None if one is refused."""
    X, Y, W, b, s, C, H, O, J = nine
    shapes = {
        X: ("input", "n d"),
        Y: ("label", "n m"),
        W: ("parameter", "m d"),
        b: ("parameter", "m"),
        s: ("parameter", ""),
        C: ("constant", "m m"),
    }
    rows = {
        H: f"{X} @ {W}.T + {b}",
        O: f"sigmoid({H}) @ inv({C}) * {s} + {H}",
        J: f"-sum({Y} * log_softmax({O}, axis=1)) / n + {s}**2 * sum({W}**2) + norm({b})",
    }
    tensors = {name: {"role": role, "axes": axes} for name, (role, axes) in shapes.items()}
    try:
        return sbp.model(tensors, rows, output=O, samples="n")
    except SpecError:
        return None
