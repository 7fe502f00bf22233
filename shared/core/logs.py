"""Logs are JSON lines on standard error: one event a line, with its fields, for machines and people alike."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, Final

import structlog

_SHARED: Final[list[Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

GUNICORN: Final[Mapping[str, Any]] = {
    "root": {"level": "WARNING", "handlers": ["lines"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["lines"], "propagate": False}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
    "formatters": {"lines": {"()": "shared.core.logs.formatter"}},
}
"""gunicorn's ``logconfig_dict``: what it says itself are JSON lines, too."""


def formatter() -> logging.Formatter:
    """Makes a JSON line of a record, whichever library wrote it."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )


def configure(level: str) -> None:
    """Every logger of this process, the standard library's included, writes JSON lines from now on.

    ``level``: DEBUG, INFO, WARNING or ERROR.
    """
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("__main__").setLevel(level)
    for package in ("annotator_hook", "frontend", "shared", "util_hook"):
        logging.getLogger(package).setLevel(level)
