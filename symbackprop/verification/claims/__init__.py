"""A person's claims about a model, judged."""
