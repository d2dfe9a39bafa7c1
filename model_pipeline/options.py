"""Kinds of values that several commands take."""

import argparse


def positive(text: str) -> int:
    """Return a whole number from 1, as argparse wants it read."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)
