"""Derives, writes, generates and verifies gradients of models stated in NumPy notation, for symbolic sizes."""
