"""Log lines on stderr: an event's constant name and its values. stdout belongs to what a person asked for."""

import logging
import os
import sys

LEVEL_VARIABLE = "LIVEFRAME_LOG"
"""``debug``, ``info``, ``warning`` or ``error``; commands say warnings, the agent says information."""


def configure(default: str = "warning") -> None:
    """Send structlog's lines to stderr; as JSON where no person is reading."""
    import structlog

    name = os.environ.get(LEVEL_VARIABLE, default).upper()
    level = logging.getLevelNamesMapping().get(name, logging.WARNING)
    renderer: structlog.typing.Processor
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
