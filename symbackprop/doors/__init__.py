"""Doors to where people work: each is an extra, and imported only when it is asked for."""
