"""Ops on the entries of arrays, one by one."""
