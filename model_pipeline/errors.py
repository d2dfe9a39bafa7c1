"""Errors of the laboratory, each with the exit code that the command line documents.

PipelineError 1
├── DataError    10   input data is missing or not what it should be
├── FixError     20   a complaint cannot be turned into a delta
└── FleetError   30   the fleet server does not answer, or says no
"""


class PipelineError(Exception):
    """The message says what was expected, what came, and what to do."""

    exit_code = 1


class DataError(PipelineError):
    """Input data is missing, unreadable or of another shape."""

    exit_code = 10


class FixError(PipelineError):
    """A complaint cannot be turned into a delta."""

    exit_code = 20


class FleetError(PipelineError):
    """The fleet server does not answer, or says no."""

    exit_code = 30
