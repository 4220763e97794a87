"""How the machine asks: one caller's commands and queries, each command under a trace and a key of its own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

WITHIN_S = 30.0


@dataclass
class Command:
    """A command as it was sent, and its answer."""

    service: str
    method: str
    path: str
    body: Any
    headers: dict[str, str]
    answer: httpx.Response

    @property
    def correlation(self) -> str:
        """What every event it led to carries, in whichever service."""
        trace = self.headers["traceparent"].split("-")[1]
        return f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"


class Caller:
    """One token's view of the four services."""

    def __init__(self, services: Mapping[str, Any], token: str) -> None:
        head = {"Authorization": f"Bearer {token}"}
        self._clients = {
            name: httpx.Client(base_url=each["url"], headers=head, timeout=20) for name, each in services.items()
        }

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def see(self, service: str, path: str, **params: Any) -> httpx.Response:
        return self._clients[service].get(path, params=params)

    def get(self, service: str, path: str, **params: Any) -> Any:
        """The resource; AssertionError with the problem where there is none."""
        answer = self.see(service, path, **params)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()

    def every(self, service: str, path: str, **params: Any) -> list[Any]:
        """A whole list, page after page."""
        found: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(service, path, **params, **({"cursor": cursor} if cursor else {}))
            found += page["items"]
            cursor = page["next"]
        return found

    def trail(self, service: str, show: str) -> list[Any]:
        """Every event of a show in one service."""
        found: list[Any] = []
        after: int | None = 0
        while after is not None:
            page = self.get(service, f"/shows/{show}/events", after=after, limit=500)
            found += page["entries"]
            after = page["next_after"]
        return found

    def send(self, service: str, method: str, path: str, body: Any = None, **headers: str) -> Command:
        head = {
            "Idempotency-Key": str(uuid4()),
            "traceparent": f"00-{uuid4().hex}-{uuid4().hex[:16]}-01",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.repeat(Command(service, method, path, body, head, httpx.Response(0)))

    def repeat(self, command: Command) -> Command:
        """The very same request once more."""
        more = {} if command.body is None else {"json": command.body}
        answer = self._clients[command.service].request(command.method, command.path, headers=command.headers, **more)
        return Command(command.service, command.method, command.path, command.body, command.headers, answer)


def until(what: str, look: Callable[[], Any]) -> Any:
    """Looks again until it sees something true: effects in another service take their way over the broker."""
    end = time.monotonic() + WITHIN_S
    while not (seen := look()):
        assert time.monotonic() < end, f"{what}: not within {WITHIN_S:g} s"
        time.sleep(0.05)
    return seen
