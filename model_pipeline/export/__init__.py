"""From torch weights to the signed-to-be package: INT8, ONNX graphs, reference, manifest, tar."""
