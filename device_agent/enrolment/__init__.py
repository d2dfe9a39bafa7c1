"""Enrolment on the frame."""
