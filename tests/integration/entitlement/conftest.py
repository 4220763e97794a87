"""The entitlement service over a real PostgreSQL: its API, its clock and its policies; scheduling is told by the test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from chassis import service
from chassis.inbox import Inbox
from chassis.service import House, open_house
from chassis.settings import ChassisSettings
from contracts import scheduling
from contracts.envelope import Actor, Event, Metadata, Recorded, Role
from regie.home import Home
from regie.issuer import Issuer
from services.entitlement.app import DEFINITION

SHORT_TERMS = {
    "terms_version": "short",
    "granted_minutes": 5,
    "rules": {"margin_before_s": 1, "margin_after_s": 1, "thresholds_minutes": [4]},
}


class Scheduling:
    """The other service's log, as far as this one listens: what the test says, in order."""

    def __init__(self) -> None:
        self.said: list[Recorded] = []

    def say(self, event: Event, tenant: str = "acme") -> UUID:
        """Returns the id of the event."""
        ident = uuid4()
        actor = Actor(id="anna", role=Role.ANALYST)
        about = Metadata(
            id=ident, tenant=tenant, actor=actor, correlation=ident, causation=ident, command="Test", show=event.show_id
        )
        self.said.append(
            Recorded(
                position=len(self.said) + 1,
                stream=f"show-{event.show_id}",
                version=len(self.said) + 1,
                type=event.tag(),
                payload=msgspec.json.encode(event),
                metadata=about,
                recorded_at=datetime.now(UTC),
            )
        )
        return ident

    async def follow(self, after: int) -> AsyncIterator[list[Recorded]]:
        while True:
            batch = self.said[after:]
            after += len(batch)
            yield batch
            await asyncio.sleep(0.02)


class Entitlement:
    """The service, its clients by role, and what scheduling said. `restart` ends it at once and starts it anew."""

    def __init__(self, url: str, home: Home) -> None:
        self.issuer = Issuer(home)
        self.settings = ChassisSettings(database_url=url, jwks=str(self.issuer.publish()), home=home.path)
        self.scheduling = Scheduling()
        self._running = contextlib.AsyncExitStack()
        self.house: House

    async def start(self) -> None:
        self.house = await self._running.enter_async_context(open_house(DEFINITION, self.settings))
        policies = [p for p in DEFINITION.policies(self.house) if p.on.tag().startswith("scheduling.")]
        inbox = Inbox("scheduling", self.scheduling, self.house.store, self.house.handler, policies)
        for name, job in {**service._jobs(self.house), "inbox-scheduling": inbox.run()}.items():
            task = asyncio.create_task(job, name=name)
            self._running.push_async_callback(_ended, task)
        self._transport = httpx.ASGITransport(service.api(DEFINITION, self.house))
        await self.until("/terms", lambda terms: len(terms["items"]) >= 1)

    async def stop(self) -> None:
        await self._running.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: Role = Role.INTEGRATOR,
        tenant: str = "acme",
        **headers: str,
    ) -> httpx.Response:
        bearer = {"authorization": f"Bearer {self.issuer.token([role], tenant)}", **headers}
        async with httpx.AsyncClient(transport=self._transport, base_url="http://entitlement") as client:
            return await client.request(method, path, json=body, headers=bearer)

    async def post(self, path: str, body: Any, status: int = 201, **more: Any) -> Any:
        answer = await self.ask("POST", path, body, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()

    async def get(self, path: str, **more: Any) -> Any:
        answer = await self.ask("GET", path, **more)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def until(self, path: str, holds: Callable[[Any], bool]) -> Any:
        """The first answer for which `holds`."""
        answer: Any = None
        try:
            async with asyncio.timeout(20):
                while True:
                    answer = await self.get(path)
                    if holds(answer):
                        return answer
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError((path, answer)) from None

    # --- a customer

    async def prepare(self, tenant: str = "acme") -> UUID:
        """A customer with the platform and a base package, whose id this is."""
        package = uuid4()
        since = "2026-01-01T00:00:00Z"
        await self.post("/customers/me/platform-access", {"starts_at": since}, tenant=tenant)
        await self.post("/customers/me/base-packages", {"package_id": str(package), "features": ["vod"]}, tenant=tenant)
        return package

    async def buy(self, package: UUID, *, terms: str = "2026-1", order: str = "PO-1", **more: Any) -> str:
        """The path of an add-on."""
        purchase = {"order_ref": order, "terms_version": terms, "base_package_id": str(package), "zone": "Europe/Paris"}
        return f"/entitlements/{(await self.post('/entitlements', purchase, **more))['id']}"

    async def trail(self, add_on: str) -> list[str]:
        """The names of the events of an add-on, in order."""
        records = await self.house.store.stream(f"entitlement-{add_on.rpartition('/')[2]}")
        return [record.type.split(".")[1] for record in records]

    async def until_trail(self, add_on: str, last: str) -> list[str]:
        """The trail once it tells of `last`."""
        async with asyncio.timeout(20):
            while True:
                head = await self.house.store.head()
                if last in (names := await self.trail(add_on)):
                    return names
                await self.house.store.wait_beyond(head, patience_s=1.0)


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Show:
    """A show that begins in a moment, as scheduling tells of it."""

    def __init__(self, add_on: str, *, ahead_s: float = 1.0, length_s: float = 60.0) -> None:
        self.show_id, self.analyst_id, self.seat_id = uuid4(), uuid4(), uuid4()
        self.entitlement_id = UUID(add_on.rpartition("/")[2])
        self.starts_at = datetime.now(UTC) + timedelta(seconds=ahead_s)
        self.ends_at = self.starts_at + timedelta(seconds=length_s)

    def confirmation(self) -> Event:
        return scheduling.ShowConfirmationRequested(
            at=datetime.now(UTC),
            show_id=self.show_id,
            entitlement_id=self.entitlement_id,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )

    def retimed(self, by: timedelta) -> Event:
        return scheduling.ShowRetimed(
            at=datetime.now(UTC),
            show_id=self.show_id,
            entitlement_id=self.entitlement_id,
            former_starts_at=self.starts_at,
            former_ends_at=self.ends_at,
            starts_at=self.starts_at + by,
            ends_at=self.ends_at + by,
            shift_s=int(by.total_seconds()),
        )

    def check_in(self) -> Event:
        return scheduling.AnalystCheckedIn(**self._on_seat())

    def check_out(self) -> Event:
        return scheduling.AnalystCheckedOut(**self._on_seat())

    def ended(self) -> Event:
        now = datetime.now(UTC)
        return scheduling.ShowEnded(at=now, show_id=self.show_id, ended_at=now, entitlement_id=self.entitlement_id)

    def cancelled(self) -> Event:
        return scheduling.ShowCancelled(at=datetime.now(UTC), show_id=self.show_id, reason="storm")

    def _on_seat(self) -> dict[str, Any]:
        return {
            "at": datetime.now(UTC),
            "show_id": self.show_id,
            "seat_id": self.seat_id,
            "entitlement_id": self.entitlement_id,
            "analyst_id": self.analyst_id,
        }


@pytest.fixture
async def entitlement(make_database: Callable[[str], Awaitable[Any]], home: Home) -> AsyncIterator[Entitlement]:
    found = Entitlement((await make_database("entitlement")).service_url, home)
    await found.start()
    yield found
    await found.stop()
