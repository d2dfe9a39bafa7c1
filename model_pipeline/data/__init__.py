"""What the model learns from: real face tracks, synthetic speech with phoneme times, third-party model files."""
