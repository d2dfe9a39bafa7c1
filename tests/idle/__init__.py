"""What it costs a frame to ask whether there is anything to do, TLS included (``make bench-idle``)."""
