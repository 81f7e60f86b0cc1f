"""Modules of PyTorch as models: exported, and each ATen op said by ops of the language. PyTorch is imported only when asked for."""
