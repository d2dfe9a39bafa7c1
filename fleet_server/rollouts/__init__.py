"""Rollouts: which frames get a release, how it goes, and when it stops."""
