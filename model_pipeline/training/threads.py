"""How torch uses this machine."""

import os

import torch

MAX_THREADS = 4
"""The model is small: more threads wait for one another."""


def use_cores() -> None:
    """Use the cores this process may run on, up to MAX_THREADS."""
    torch.set_num_threads(min(MAX_THREADS, len(os.sched_getaffinity(0))))
