"""Index expressions, equations and programs, and what is computed with them: the calculus of which everything else is made."""
