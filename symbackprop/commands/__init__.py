"""What the command line does, and what it needs besides the calls of api.py: pictures, data, training, the pages on ops."""
