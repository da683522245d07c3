"""Networks over windows: specs, training in PyTorch, ONNX graphs, scoring by ONNX Runtime."""
