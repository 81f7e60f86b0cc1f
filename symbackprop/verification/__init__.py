"""Verification: the literal oracle, exact and numeric checks of derivatives, generated code, and a person's claims."""
