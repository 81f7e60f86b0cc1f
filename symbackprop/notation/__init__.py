"""Notation: programs as formulas on paper, in index form and matrix form, in LaTeX, MathML and NumPy text."""
