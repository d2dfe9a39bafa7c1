"""The networks, one idea per file; `nano.Nano` puts them together."""
