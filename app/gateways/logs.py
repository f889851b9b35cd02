"""The program's log: JSON lines for programs, plain lines on a terminal. No phone, token, query string or customer's
address ever gets into it: every finished line passes through `redacted`."""

import logging
import re
from typing import Any
from urllib.parse import unquote

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
_ACCESS = "uvicorn.access"


def redacted(text: str) -> str:
    """The text without phone numbers, tokens and passwords."""
    for secret in _SECRETS:
        text = secret.sub(_HIDDEN, text)
    return text


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats a line, tracebacks included, and takes the secrets out of the finished text."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without secrets."""
        return redacted(super().format(_without_query(record) if record.name == _ACCESS else record))


def formatter(*, plain: bool) -> RedactingFormatter:
    """The formatter `log_config` names; a worker process makes its own."""
    before: list[Any] = [
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
    return RedactingFormatter(
        foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )


def _without_query(record: logging.LogRecord) -> logging.LogRecord:
    """An access line as method, path and status. The query may hold a name or a phone, the address is a person's."""
    if not isinstance(record.args, tuple) or len(record.args) != 5:
        return record
    _client, method, target, _version, status = record.args
    path = unquote(str(target).partition("?")[0])
    path = "".join(letter if letter.isprintable() else "?" for letter in path)
    return logging.makeLogRecord(record.__dict__ | {"msg": f"{method} {path} {status}", "args": ()})


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
            _ACCESS: {"level": level},
            # These say at INFO what they did for every single PDF or migration.
            **{name: {"level": "WARNING"} for name in ("alembic", "fontTools", "weasyprint")},
        },
    }
