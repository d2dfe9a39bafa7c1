"""The fleet CA: keys, certificates of servers and frames, revocation."""
