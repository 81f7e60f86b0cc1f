"""The margin, the verdicts, and the pages that show them."""
