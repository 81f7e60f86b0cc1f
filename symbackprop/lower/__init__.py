"""From index equations to the array statements of a generated module."""
