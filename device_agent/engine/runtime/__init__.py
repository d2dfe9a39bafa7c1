"""Runs the graphs of a model package and turns a voice into maps of motion."""
