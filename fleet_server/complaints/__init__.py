"""Complaints: filed on a frame, judged by support, mended by the laboratory."""
