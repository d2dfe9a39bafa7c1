"""Recordings of people -> tracks and photos to train on, in named stages that resume and repeat exactly."""
