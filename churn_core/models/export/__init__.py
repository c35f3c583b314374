"""Export a trained model to two ONNX graphs, and prove that both agree with scikit-learn."""
