"""Events, one per line on standard error: JSON for machines, coloured text on a terminal. Secrets do not pass.

Who logs what is decided where it happens; ids of a request or a job come along by `bound_ids` (context variables).
"""

import logging
import os
import re
import sys
from contextlib import AbstractContextManager
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(r"(^|_)(key|secret|password|token|authorization|cookie)$", re.IGNORECASE)
_SECRET_TEXTS = (
    (re.compile(r"(?i)\b(bearer)\s+\S+"), rf"\1 {HIDDEN}"),
    (re.compile(r"\b(arpad_[0-9a-f]{8})_[\w-]+"), rf"\1_{HIDDEN}"),
    (re.compile(r"(\w://[^/\s:@]*):[^/\s@]+@"), rf"\1:{HIDDEN}@"),
)
_LIBRARIES = {"uvicorn.error": logging.INFO, "alembic": logging.WARNING, "sqlalchemy": logging.WARNING, "httpx": logging.WARNING}


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of one module; `name` appears as "module"."""
    logger: FilteringBoundLogger = structlog.get_logger(module=name)
    return logger


def bound_ids(**ids: str | int) -> AbstractContextManager[None]:
    """Add ids (request, league, fit) to every event within the block, in this task and those it starts."""
    return structlog.contextvars.bound_contextvars(**ids)


def configure_logs(log_format: Literal["auto", "json", "text"] = "auto", stream: TextIO | None = None) -> None:
    """Send the events of this process, and of the libraries that log by the standard module, to `stream` (standard error)."""
    target = stream or sys.stderr
    as_text = log_format == "text" or (log_format == "auto" and target.isatty())
    render = _text_renderer(target) if as_text else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*_preparation(), render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    _capture_libraries(target, render)


def _preparation() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]


def _text_renderer(target: TextIO) -> Processor:
    colours = target.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    # The default formatter would print local variables, keys among them.
    return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback, timestamp_key="time")


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: fields named like a secret, bearer keys and the passwords of URLs are replaced."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = _without_secrets(value)
    return event


def _without_secrets(text: str) -> str:
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def _capture_libraries(target: TextIO, render: Processor) -> None:
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_preparation()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    for name, level in _LIBRARIES.items():
        logging.getLogger(name).setLevel(level)
