"""Ops made of other ops: layers, losses, shorthand."""
