"""Frames: claim codes, enrolment, identity, condition, revocation."""
