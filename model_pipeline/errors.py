"""Errors of the laboratory, each with the exit code that the command line documents.

LaboratoryError 1
├── DataMissing     10   a file or folder that a command needs is not there, or not what it should be
├── WeightsUnusable 11   weights that do not fit the network or the package
├── ToolFailed      12   an outside program or library refused (espeak-ng, pip)
├── FixError        20   a complaint cannot be turned into a delta
└── FleetError      30   the fleet server does not answer, or says no
"""


class LaboratoryError(Exception):
    """Base of every error that a command of model-pipeline reports: what was expected, what came, what to do."""

    exit_code = 1


class DataMissing(LaboratoryError):
    """A file or folder that a command needs is not there, or is not what it should be."""

    exit_code = 10


class WeightsUnusable(LaboratoryError):
    """Weights do not fit the network or the package."""

    exit_code = 11


class ToolFailed(LaboratoryError):
    """An outside program or library refused."""

    exit_code = 12


class FixError(LaboratoryError):
    """A complaint cannot be turned into a delta."""

    exit_code = 20


class FleetError(LaboratoryError):
    """The fleet server does not answer, or says no."""

    exit_code = 30
