"""Ops that sum, multiply or compare entries along axes."""
