"""Firmware: an image into the spare slot, the hand-over to the boot loader, and the way back."""
