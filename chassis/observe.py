"""What operators see: JSON logs (structlog) with the trace id in each line, and Prometheus metrics.

Not in here: traces. A trace context travels with every command and event (`chassis.http.trace`), so that one can be
exported later. Secrets never reach a log: known names and credentials in URLs are struck out centrally.
"""

import logging
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Final

import structlog
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import EventDict, WrappedLogger

current_trace: ContextVar[str | None] = ContextVar("regie_trace", default=None)
"""The trace id of the request or message being handled in this task."""

_SECRET: Final = frozenset(
    {"authorization", "password", "secret", "token", "stream_key", "streamkey", "seed", "private_key", "cookie"}
)
_URL_SECRET: Final = re.compile(
    r"(?P<keep>\b(?:rtmps?|rtmpt|srt)://[^\s/]+/[^\s/]+/)[^\s'\"]+|(?P<user>\b[a-z][a-z0-9+]*://)[^\s/@]+@"
)
_BEARER: Final = re.compile(r"\bey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
STRUCK: Final = "***"

requests_seconds = Histogram(
    "regie_http_request_seconds",
    "Time from the request's first byte to the answer's last, by route template.",
    ("service", "method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
requests_open = Gauge("regie_http_requests_open", "Requests being answered now.", ("service",))
refusals_total = Counter("regie_refusals_total", "Requests refused, by code.", ("service", "code"))
undeclared_total = Counter(
    "regie_undeclared_refusals_total",
    "Refusals the operation's contract does not name: a mistake of ours.",
    ("service", "operation", "code"),
)
faults_total = Counter("regie_faults_total", "Requests that failed by our fault, by exception.", ("service", "kind"))
unknown_events_total = Counter(
    "regie_unknown_events_total",
    "Events met whose type this program is too old to know, by who met them; they are kept.",
    ("by", "type"),
)
denied_total = Counter("regie_denied_total", "Requests without a valid token or scope.", ("service", "operation"))

relay_lag_events = Gauge("regie_relay_lag_events", "Events recorded but not yet on the stream.", ("service",))
relay_lag_seconds = Gauge(
    "regie_relay_lag_seconds", "Age of the oldest event that is not yet on the stream.", ("service",)
)
relay_published_total = Counter("regie_relay_published_total", "Events this process put on the stream.", ("service",))
relay_resyncs_total = Counter(
    "regie_relay_resyncs_total",
    "Times another relay or a lost answer made this one look at the tail again.",
    ("service",),
)
stream_damaged_events = Gauge(
    "regie_stream_damaged_events", "Messages of the stream that are missing or differ from the log.", ("service",)
)

parked_total = Counter("regie_parked_total", "Messages a policy could not handle.", ("source", "policy"))
parked_open = Gauge("regie_parked_open", "Parked messages nobody has settled yet.", ("service",))


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send every log line of this process, the libraries' included, to stdout as one JSON object per line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _in_service(service),
        with_trace,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                strike_secrets,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def logger(name: str) -> Any:
    """A structlog logger that works before and after `configure_logging`."""
    return structlog.stdlib.get_logger(name)


def with_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    trace = current_trace.get()
    if trace is not None:
        event.setdefault("trace", trace)
    return event


def strike_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace the values of secret names, stream keys and user parts in URLs, and tokens, at any depth."""
    return {key: STRUCK if key.lower() in _SECRET else struck(value) for key, value in event.items()}


def struck(value: Any) -> Any:
    if isinstance(value, str):
        return _BEARER.sub(STRUCK, _URL_SECRET.sub(_keep_address, value))
    if isinstance(value, dict):
        return {key: STRUCK if str(key).lower() in _SECRET else struck(inner) for key, inner in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [struck(inner) for inner in value]
    return value


def _keep_address(match: re.Match[str]) -> str:
    if match["keep"]:
        return f"{match['keep']}{STRUCK}"
    return f"{match['user']}{STRUCK}@"


def _in_service(service: str) -> structlog.typing.Processor:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return add
