"""The front doors: expression text, TOML files, Python functions and layer lists, all of which yield one ModelSpec."""
