"""Models as Python functions: run once, on tracers."""
