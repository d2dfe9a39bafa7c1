"""Updates: trust, download, install, try, keep or revert."""
