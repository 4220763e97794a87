"""The engine's log: JSON lines on stderr, every text through the redactor."""

import json
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.stage.engine.redact import Redactor

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class Log:
    """Writes one line per happening; safe to use from any thread."""

    def __init__(self, redactor: Redactor, out: "SupportsWrite[str] | None" = None) -> None:
        self._redactor = redactor
        self._out = out or sys.stderr
        self._lock = threading.Lock()

    def say(self, what: str, **facts: Any) -> None:
        """`what` in words; facts as they are, texts cleaned."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "what": what, **facts}, default=str, ensure_ascii=False)
        with self._lock:
            self._out.write(self._redactor.clean(line) + "\n")

    def fault(self, what: str, error: BaseException) -> None:
        """A fault of ours: its type, its text and the innermost place, no values of variables."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "unknown"
        self.say(what, error=type(error).__name__, text=str(error), place=place)
