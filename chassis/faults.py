"""Faults: what goes wrong on our side or on the other side of a wire. A refusal of the domain is not in here."""


class Fault(Exception):  # noqa: N818 - the house word
    """Something failed that the caller could not have prevented."""


class Unreachable(Fault):
    """A part this service needs (database, broker, engine) does not answer.

    Nothing is known to have been recorded; repeating the request with the same Idempotency-Key is safe.
    """


class Conflict(Fault):
    """Somebody else appended first. Names the stream, the version expected and the version found."""

    def __init__(self, stream: str, expected: int, found: int) -> None:
        super().__init__(f"{stream}: expected version {expected}, found {found}")
        self.stream, self.expected, self.found = stream, expected, found


class KeyTaken(Fault):
    """This Idempotency-Key was answered by another process in the meantime; read its answer."""


class CursorMoved(Fault):
    """Another worker has read this source further; its effects stand, ours were not recorded."""

    def __init__(self, source: str, expected: int, found: int) -> None:
        super().__init__(f"{source}: expected cursor {expected}, found {found}")
        self.source, self.expected, self.found = source, expected, found
