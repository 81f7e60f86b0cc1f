"""Counterexamples as short NumPy scripts."""
