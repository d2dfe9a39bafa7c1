"""From a confirmed complaint to a LoRA delta: say what fails, train on that, pack the difference."""
