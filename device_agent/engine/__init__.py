"""Photo and voice in, talking video out."""
