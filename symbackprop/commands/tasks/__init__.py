"""What commands do that is more than one call, and how what they are given is read."""
