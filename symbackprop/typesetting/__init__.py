"""Formulas as typeset trees, and these as LaTeX and MathML; names, numbers and words on paper."""
