"""The version of this package, said here alone."""

__version__ = "0.2.0"
