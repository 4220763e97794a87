"""What the demo uses of Regie: the public REST APIs with a token per role, nothing else."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

import httpx

_trusted = functools.cache(httpx.create_ssl_context)
"""Read once: each client of its own would read the authorities again, 45 ms each time."""


class StepFailed(Exception):  # noqa: N818
    """The story does not go on: what was expected, and what was seen."""


class Api:
    """The four services as one role sees them. Every command carries an Idempotency-Key and is repeated under it."""

    def __init__(self, endpoints: Mapping[str, Any], role: str) -> None:
        self._clients = {
            service: httpx.AsyncClient(
                base_url=where["url"],
                headers={"Authorization": f"Bearer {endpoints['tokens'][role]}"},
                timeout=15,
                verify=_trusted(),
            )
            for service, where in endpoints["services"].items()
        }
        self.acknowledged: list[tuple[str, dict[str, Any]]] = []
        """Receipts of every accepted command, with the service: what this client was told."""

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """The resource as JSON. Raises StepFailed with the problem document."""
        return _body(await self._send(service, "GET", path, params={k: v for k, v in params.items() if v is not None}))

    async def download(self, service: str, path: str) -> bytes:
        """The bytes of a file. Raises StepFailed with the problem document."""
        response = await self._send(service, "GET", path)
        _body(response, as_json=False)
        return response.content

    async def post(self, service: str, path: str, body: Any = None, **more: Any) -> Any:
        """The receipt of an accepted command. Raises StepFailed with the problem document."""
        return await self.command(service, "POST", path, json={} if body is None and not more else body, **more)

    async def command(self, service: str, method: str, path: str, **more: Any) -> Any:
        return self._acknowledged(service, _body(await self._send(service, method, path, key=str(uuid4()), **more)))

    def _acknowledged(self, service: str, receipt: Any) -> Any:
        if isinstance(receipt, dict) and "position" in receipt:
            self.acknowledged.append((service, receipt))
        return receipt

    async def decided(self, service: str, path: str, seen: str, body: Any = None) -> Any:
        """The receipt of a command that needs the version one has seen: `seen` is read, and read again when it changed.

        Raises StepFailed with the problem document.
        """
        for _ in range(5):
            read = await self._send(service, "GET", seen)
            _body(read)
            version = {"If-Match": read.headers["etag"]}
            response = await self._send(
                service, "POST", path, key=str(uuid4()), json={} if body is None else body, headers=version
            )
            if response.status_code != httpx.codes.PRECONDITION_FAILED:
                break
        return self._acknowledged(service, _body(response))

    async def refused(self, service: str, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The problem document of a request that must be refused. Raises StepFailed when it is accepted."""
        response = await self._send(service, method, path, key=str(uuid4()), **more)
        if response.is_success:
            raise StepFailed(f"{method} {path} was accepted ({response.status_code}); it had to be refused")
        problem: dict[str, Any] = response.json()
        return problem

    async def _send(
        self,
        service: str,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] = {},
        **more: Any,
    ) -> httpx.Response:
        """Sends, and sends again under the same key while the service is away or says 503, for up to a minute."""
        if key is not None:
            headers = {"Idempotency-Key": key, **headers}
        if more.get("json", ...) is None:
            del more["json"]
        for attempt in range(120):
            try:
                response = await self._clients[service].request(method, path, headers=headers, **more)
            except httpx.TransportError as error:
                if attempt == 119:
                    raise StepFailed(f"{service} does not answer: {error!r}") from error
            else:
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return response
            await asyncio.sleep(0.5)
        raise StepFailed(f"{method} {path}: 503 for a minute")


async def until(what: str, look: Callable[[], Awaitable[Any]], within_s: float = 30.0) -> Any:
    """Looks again until it sees something true. Raises StepFailed naming what did not happen."""
    seen: Any = None
    try:
        async with asyncio.timeout(within_s):
            while not (seen := await look()):  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(0.2)
    except TimeoutError as late:
        raise StepFailed(f"{what}: not within {within_s:g} s") from late
    return seen


def expect(claim: bool, text: str, seen: Any = None) -> None:
    """One assertion of the story."""
    if not claim:
        raise StepFailed(text if seen is None else f"{text}; seen: {seen!r}")


def _body(response: httpx.Response, *, as_json: bool = True) -> Any:
    if not response.is_success:
        raise StepFailed(
            f"{response.request.method} {response.request.url.path} answered {response.status_code}: {response.text}"
        )
    return response.json() if as_json and response.content else None
