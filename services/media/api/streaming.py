"""Answering with a stored film or original: whole, or the one range a player asks for. Source: RFC 9110 section 14."""

import re
from typing import Annotated, Any, Final

from litestar import Response
from litestar.params import HeaderParameter
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from contracts.problems import Refusal
from services.media.adapters.storage import ObjectStore
from services.media.places import VIDEO

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")

RangeHeader = Annotated[
    str,
    HeaderParameter(
        name="Range",
        max_length=1000,
        description="One range of bytes, such as `bytes=0-1023`; anything else gets the whole file. Answered with 206.",
    ),
]


class RangeNotSatisfiable(Refusal):
    """The file ends before this range begins. `facts`: `size_bytes`."""

    code, status = "RANGE_NOT_SATISFIABLE", 416
    fr = "Le fichier finit avant le début de cette plage."


class Film(Response[bytes]):
    """Bytes of a stored file, streamed as they are read."""

    def __init__(self, store: ObjectStore, key: str, start: int, end: int, **given: Any) -> None:
        super().__init__(b"", **given)
        self._store, self._key, self._start, self._end = store, key, start, end

    @property
    def from_the_beginning(self) -> bool:
        """Whether this is a download, and not a player looking further on in one."""
        return self._start == 0

    def to_asgi_response(self, app: Any, request: Any, **given: Any) -> ASGIResponse:  # noqa: ARG002 - the library's signature
        """Reads from the store only what is sent."""
        status = self.status_code or given.get("status_code") or 200
        return ASGIStreamingResponse(
            iterator=self._store.read_range(self._key, self._start, self._end),
            headers=self.headers,
            status_code=status,
            media_type=self.media_type or VIDEO,
        )


async def answer(store: ObjectStore, key: str, asked: str, *, sha256: str, name: str) -> Film:
    """The file under a key, or the range asked for. Raises RangeNotSatisfiable."""
    size = (await store.head(key)).size_bytes
    found = wanted(asked, size)
    start, end = found or (0, size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": f'inline; filename="{name}"',
        "ETag": f'"{sha256}"',
    }
    if found is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return Film(store, key, start, end, media_type=VIDEO, headers=headers, status_code=200 if found is None else 206)


def wanted(asked: str, size: int) -> tuple[int, int] | None:
    """The range [start, end) of a file of this size; None for the whole. Raises RangeNotSatisfiable.

    A header that is malformed, or names several ranges, is as good as none. Source: RFC 9110 section 14.2.
    """
    match = _RANGE.match(asked.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= size or end <= start:
        raise RangeNotSatisfiable(size_bytes=size)
    return start, end
