"""Song packs on the frame: what is installed, and when each song plays next."""
