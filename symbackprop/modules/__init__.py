"""A derivation as the record of a generated module: its functions, what they check, what tests them."""
