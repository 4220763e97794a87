"""The HTTP side of every service: one way to describe an API, and everything Litestar leaves to the application.

A service hands its handlers to `Api` and gets an application whose bodies are decoded strictly, whose errors are
problem documents, whose contract is an OpenAPI 3.1 document that says what the wire does. Not in here: any route of any
service; who may do what (`contracts/roles.py`).
"""

from chassis.auth import Caller, Verifier
from chassis.handle import Cause
from chassis.http.answers import (
    Answer,
    EventName,
    Page,
    Receipt,
    Tagged,
    Versioned,
    etag,
    page,
    receipt,
    tagged,
    versioned,
)
from chassis.http.api import Api
from chassis.http.depends import IdempotencyKey, Instant, NextLink, Paging, parse_as_of, read_cursor, write_cursor
from chassis.http.prefer import Job, Prefer
from chassis.http.problems import FieldError, PreconditionRequired, Problem, refuses
from chassis.http.server import Server, serve
from chassis.http.sparse import Fields, Sparse, some_of
from chassis.http.trace import TraceContext
from chassis.store import AsOf

__all__ = [
    "Answer",
    "Api",
    "AsOf",
    "Caller",
    "Cause",
    "EventName",
    "FieldError",
    "Fields",
    "IdempotencyKey",
    "Instant",
    "Job",
    "NextLink",
    "Page",
    "Paging",
    "PreconditionRequired",
    "Prefer",
    "Problem",
    "Receipt",
    "Server",
    "Sparse",
    "Tagged",
    "TraceContext",
    "Verifier",
    "Versioned",
    "etag",
    "page",
    "parse_as_of",
    "read_cursor",
    "receipt",
    "refuses",
    "serve",
    "some_of",
    "tagged",
    "versioned",
    "write_cursor",
]
