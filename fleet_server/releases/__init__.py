"""Releases: what was published, the API that publishes, and the signed files that frames read."""
