"""Complete trainings as named functions."""
