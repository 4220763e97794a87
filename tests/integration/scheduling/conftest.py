"""The scheduling service in this process, over a real database and vault; other services are sources we write to."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from chassis.decider import Codec
from chassis.inbox import Inbox
from chassis.migrate import VAULT_SQL, migrate
from chassis.service import House, _jobs, api, open_house
from contracts import entitlement
from contracts.envelope import Actor, Event, Metadata, Recorded, Role
from regie.home import Home
from regie.issuer import Issuer
from services.scheduling.app import DEFINITION
from services.scheduling.policies import policies
from services.scheduling.settings import SchedulingSettings

DATA = Path(__file__).parents[2] / "data"


class Elsewhere:
    """Another service's log, in which a test records what that service would."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.records: list[Recorded] = []
        self._more = asyncio.Event()

    async def follow(self, after: int) -> AsyncIterator[list[Recorded]]:
        while True:
            if batch := self.records[after:]:
                after = batch[-1].position
                yield batch
                continue
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), 0.2)
            if len(self.records) == after:
                yield []

    def say(self, event: Event, tenant: str = "acme") -> None:
        position, ident = len(self.records) + 1, uuid4()
        metadata = Metadata(
            id=ident,
            tenant=tenant,
            actor=Actor(id="test", role=Role.SYSTEM),
            correlation=ident,
            causation=ident,
            command="Test",
        )
        self.records.append(
            Recorded(
                position=position,
                stream=f"{self.name}-{ident}",
                version=1,
                type=event.tag(),
                payload=Codec({}).encode(event),
                metadata=metadata,
                recorded_at=datetime.now(UTC),
            )
        )
        self._more.set()


class Desk:
    """The running service, tokens for its callers, and the other services."""

    def __init__(self, house: House, issuer: Issuer, entitlement: Elsewhere, stage: Elsewhere) -> None:
        self.house, self.issuer, self.entitlement, self.stage = house, issuer, entitlement, stage
        transport = httpx.ASGITransport(app=api(DEFINITION, house))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30)
        self.tenant = "acme"

    def headers(self, *roles: Role) -> dict[str, str]:
        return {"authorization": f"Bearer {self.issuer.token(roles, self.tenant)}"}

    async def post(
        self, path: str, status: int, /, *, as_: Role = Role.CUSTOMER, method: str = "POST", **more: Any
    ) -> Any:
        headers = {**self.headers(as_), **more.pop("headers", {})}
        answer = await self.http.request(method, path, headers=headers, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()

    async def get(self, path: str, status: int = 200, /, *, as_: Role = Role.CUSTOMER, **params: Any) -> Any:
        answer = await self.http.get(path, headers=self.headers(as_), params=params)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()

    async def until(self, path: str, holds: Callable[[Any], bool], timeout_s: float = 20) -> Any:
        """The first answer for which `holds`."""
        answer: Any = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    answer = await self.get(path)
                    if holds(answer):
                        return answer
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError((path, answer, await self.house.store.parked())) from None

    async def upload(self, show_id: str, body: bytes, status: int = 200, **params: Any) -> Any:
        headers = {"content-type": "application/xml"}
        path = f"/shows/{show_id}/run-of-show/import"
        return await self.post(path, status, content=body, params=params, headers=headers)

    async def show(self, starts_at: datetime | None = None) -> str:
        """A draft show with its schedule imported, the first session at `starts_at`, and published."""
        show_id = str((await self.post("/shows", 201, json={"title": "Rencontres", "zone": "Europe/Paris"}))["id"])
        moved = {} if starts_at is None else {"starts_at": starts_at.isoformat()}
        await self.upload(show_id, (DATA / "schedule.xml").read_bytes(), **moved)
        await self.post(f"/shows/{show_id}/rundown/publish", 202)
        return show_id

    async def confirmed(self, starts_at: datetime, **terms: Any) -> tuple[str, UUID]:
        """A show whose hours are reserved; its id and the entitlement's."""
        show_id, bound = await self.show(starts_at), uuid4()
        await self.post(f"/shows/{show_id}/confirm", 202, json={"entitlement_id": str(bound)})
        show = await self.get(f"/shows/{show_id}")
        self.entitlement.say(self.reserved(show, bound, **terms))
        await self.until(f"/shows/{show_id}", lambda seen: seen["state"] == "CONFIRMED")
        await self.until(f"/shows/{show_id}/crew", lambda seen: len(seen["seats"]) == 1)
        return show_id, bound

    def reserved(self, show: Any, bound: UUID, **terms: Any) -> Event:
        starts_at, ends_at = (datetime.fromisoformat(show[name]) for name in ("starts_at", "ends_at"))
        given = {"prep_s": 900, "back_to_back_s": 900, "no_show_grace_s": 300, "features": ("vod",), **terms}
        margin = timedelta(minutes=30)
        return entitlement.CoverageReserved(
            at=datetime.now(UTC),
            entitlement_id=bound,
            show_id=UUID(show["show_id"]),
            starts_at=starts_at,
            ends_at=ends_at,
            opens_at=starts_at - margin,
            closes_at=ends_at + margin,
            reserved_ms=1,
            partial=False,
            terms_version="2026-1",
            margin_before_s=1800,
            margin_after_s=1800,
            **given,
        )

    async def events(self, show_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"/shows/{show_id}/events", limit=1000))["entries"]
        return found


@pytest.fixture
async def desk(make_database: Any) -> AsyncIterator[Desk]:
    home = Home(Path(tempfile.mkdtemp(prefix="rg-"))).create()
    own, vault = await make_database("scheduling"), await make_database("vault", migrated=False)
    await migrate(vault.owner_url, urlsplit(vault.service_url).username, [VAULT_SQL], log=False)
    issuer = Issuer(home)
    issuer.publish()
    key = home.secrets / "vault.key"
    key.write_text("11" * 32)
    settings = SchedulingSettings(
        database_url=own.service_url,
        vault_database_url=vault.service_url,
        vault_key_file=key,
        jwks=str(issuer.jwks),
        home=home.path,
    )
    async with open_house(DEFINITION, settings) as house:
        sources = [Elsewhere("entitlement"), Elsewhere("stage")]
        jobs = [asyncio.create_task(job) for job in _jobs(house).values()]
        for source in sources:
            about = [it for it in policies(house.handler) if it.on.tag().startswith(source.name)]
            inbox = Inbox(source.name, source, house.store, house.handler, about)
            jobs.append(asyncio.create_task(inbox.run()))
        running = Desk(house, issuer, *sources)
        yield running
        parked = await house.store.parked()
        await running.http.aclose()
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    shutil.rmtree(home.path)
    assert parked == []
