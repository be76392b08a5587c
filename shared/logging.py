"""JSON logs on standard error, one object a line, with request and trace ids and no personal data."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

import msgspec

from shared.tracing import current_request_id, current_trace

# PostgreSQL quotes values after the first two, asyncpg after the third.
_QUOTED = re.compile(r"^(?:DETAIL|CONTEXT): .*$|(?<=query argument \$)(\d+[^:\n]*:).*$", re.MULTILINE)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def without_values(text: str) -> str:
    """Cut what the database and its driver quote of rows and parameters."""
    return _QUOTED.sub(lambda found: found[1] or "", text)


class JsonFormatter(logging.Formatter):
    """Render a record with its `extra` values as members."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, object] = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        document |= {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id.get():
            document["request_id"] = request_id
        if trace := current_trace.get():
            document["trace_id"] = trace.trace_id
        if record.exc_info:
            document["exception"] = without_values(self.formatException(record.exc_info))
        try:
            return msgspec.json.encode(document, enc_hook=str).decode()
        except (ValueError, TypeError, OverflowError, RecursionError):  # a value that no JSON can hold: show, not fail
            return json.dumps({k: v if isinstance(v, str) and v.isascii() else ascii(v) for k, v in document.items()})


def configure_logging(level: str = "INFO") -> None:
    """Send every logger's records to standard error as JSON; uvicorn's access log gives way to our own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
    for name in ("aiokafka", "alembic", "asyncio", "urllib3"):
        logging.getLogger(name).setLevel("WARNING")
