"""ONNX files as models: read with care, and each op said by ops of the language. The package onnx is imported only when asked for."""
