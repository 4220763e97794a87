"""What a generated test needs to know about our conventions beyond the OpenAPI document."""

import re
from typing import Any
from uuid import uuid4

import schemathesis

_KEY = re.compile(r'"?[!#-~]{1,255}"?\Z')


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give each valid request an Idempotency-Key of its own: reusing one for another body is refused."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and _KEY.match(key):
        case.headers["Idempotency-Key"] = str(uuid4())
