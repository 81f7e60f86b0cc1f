"""The reader of LaTeX formulas: text to a syntax tree that keeps every ambiguity and every place, and back."""
