"""A person's functions: what they take and give, and their source with a hook at each assignment."""
