"""Pages of other kinds than a whole derivation: single derivatives, fragments of papers, short ones, cards."""
