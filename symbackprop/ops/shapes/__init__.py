"""Ops that move entries: slices, joins, merged axes, windows, lookups."""
