"""The network that corrects the drawn mouth: its material, its training, and whether it helps."""
