"""Records of ONNX ops, in files by kind."""
