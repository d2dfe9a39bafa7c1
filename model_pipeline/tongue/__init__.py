"""The tongue: a network that hears its height, trained on synthetic speech and checked on real."""
