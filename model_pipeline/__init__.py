"""The laboratory: data, training, evaluation, export, and LoRA deltas that answer complaints."""
