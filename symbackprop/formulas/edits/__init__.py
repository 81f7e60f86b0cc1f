"""Edits of syntax trees: what an author may have meant who mistyped, misremembered or miscounted."""
