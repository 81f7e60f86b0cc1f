"""Kinds of derivatives beyond the gradient: one record for each, which the command line, pages, modules and checks walk."""
