"""Deriving: program to program. Each module states the law that its rules must meet."""
