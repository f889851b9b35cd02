"""The program's log: JSON lines for programs, plain lines on a terminal. No phone, token, query string or customer's
address ever gets into it: a line says only what is named here, and every finished one that holds anything but words and
numbers of our own passes through `redacted`."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

import structlog

_HIDDEN = "***"
_SECRETS = (
    # Mainland mobile numbers, also grouped by blanks or dashes; any number in international form.
    re.compile(r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)"),
    re.compile(r"\+\d[\d -]{6,17}\d"),
    # Unguessable addresses.
    re.compile(r"(?<=/card/)[\w-]+|(?<=/s/t/)[\w-]+|(?<=/f/)[\w-]+|(?<=/me/)[\w-]+|(?<=/setup/)[\w-]+"),
    re.compile(r"(?i)(?<=[?&]code=)[^&\s\"']+|(?<=[?&]token=)[^&\s\"']+|(?<=bearer )[\w.~+/-]+"),
    # A password inside an address.
    re.compile(r"(?<=://)[^/\s@:]+:[^/\s@]+(?=@)"),
)
REQUESTS = "rouge.requests"
"""The logger of the one line about each request, which says nothing but `_FACTS`, in words of the program itself."""
_ACCESS = "uvicorn.access"
_FACTS = ("method", "route", "status", "ms", "request_id", "staff_id", "api_key", "version", "pid")
"""What a line may say besides its event: chosen here, so that nothing gets into the log by the way."""


def redacted(text: str) -> str:
    """The text without phone numbers, tokens and passwords."""
    for secret in _SECRETS:
        text = secret.sub(_HIDDEN, text)
    return text


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats a line, tracebacks included, and takes the secrets out of the finished text."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without secrets."""
        return redacted(super().format(record))


class _LineFormatter(RedactingFormatter):
    """The same lines as JSON. The one about a request, of which there are a thousand a second in a burst, is put together
    by hand: its facts are words and numbers of our own, and there is no secret in them to look for."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without secrets."""
        if record.name != REQUESTS:
            return super().format(record)
        said = record.__dict__
        line = {"event": record.msg} | {fact: said[fact] for fact in _FACTS if fact in said}
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return json.dumps(line | {"logger": record.name, "level": record.levelname.lower(), "timestamp": at})


def formatter(*, plain: bool) -> RedactingFormatter:
    """The formatter `log_config` names; a worker process makes its own."""
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(allow=_FACTS),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = (
        [
            # Never the rich traceback: it prints local variables.
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        ]
        if plain
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    kind = RedactingFormatter if plain else _LineFormatter
    return kind(
        foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )


def log_config(level: str, *, plain: bool) -> dict[str, Any]:
    """How this program logs, for `logging.config.dictConfig` and for the web server's workers."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "app.gateways.logs.formatter", "plain": plain}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # The web server's own reports of starting and stopping are for developers.
            "uvicorn": {"level": "WARNING" if level == "INFO" else level},
            # Its lines hold addresses; ours, one for each request, hold the route's name.
            _ACCESS: {"handlers": [], "propagate": False},
            # These say at INFO what they did for every single PDF or migration.
            **{name: {"level": "WARNING"} for name in ("alembic", "fontTools", "weasyprint")},
        },
    }
