"""Both ONNX graphs of a trained model, and the proof that they answer as scikit-learn does."""
