"""What stands in Python files: models, and hand-written backward passes."""
