"""What each idea of the model is worth: the same small training with one thing changed at a time."""
