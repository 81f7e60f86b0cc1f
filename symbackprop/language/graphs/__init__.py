"""What the doors to graphs of ops share: the ops of the language by name, windows, normalisations, names, the spec in the end."""
