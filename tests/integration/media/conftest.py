"""The media service over a real PostgreSQL and real films; the other services are told by the test."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from chassis import service
from chassis.inbox import Inbox
from chassis.service import House, open_house
from contracts import entitlement, scheduling, stage
from contracts.envelope import Actor, Event, Metadata, Recorded, Role
from contracts.scheduling import Session
from contracts.stage.values import SegmentCause
from regie.home import Home
from regie.issuer import Issuer
from services.media.app import DEFINITION
from services.media.policies import recording_id
from services.media.settings import MediaSettings
from tests.integration.media_editor import film

BEGAN = datetime(2026, 6, 10, 9, tzinfo=UTC)
LENGTH_S = 4.0


class Others:
    """Another service's log, as far as media listens: what the test says, in order."""

    def __init__(self) -> None:
        self.said: list[Recorded] = []

    def say(self, event: Event, tenant: str) -> None:
        ident = uuid4()
        about = Metadata(
            id=ident,
            tenant=tenant,
            actor=Actor(id="anna", role=Role.ANALYST),
            correlation=ident,
            causation=ident,
            command="Test",
        )
        position = len(self.said) + 1
        self.said.append(
            Recorded(
                position=position,
                stream="other-1",
                version=position,
                type=event.tag(),
                payload=msgspec.json.encode(event),
                metadata=about,
                recorded_at=datetime.now(UTC),
            )
        )

    async def follow(self, after: int) -> AsyncIterator[list[Recorded]]:
        while True:
            batch = self.said[after:]
            after += len(batch)
            yield batch
            await asyncio.sleep(0.02)


class Media:
    """The service, its clients by role, and what the other services said. `restart` ends it at once and starts it anew."""

    def __init__(self, url: str, home: Home, films: Path, **settings: Any) -> None:
        self.issuer = Issuer(home)
        self.settings = MediaSettings(
            database_url=url, jwks=str(self.issuer.publish()), home=home.path, retry_s=0.05, **settings
        )
        self.logs = {name: Others() for name in ("stage", "entitlement", "scheduling")}
        self.films = films
        self.show_id, self.stage_id, self.run_id = uuid4(), uuid4(), uuid4()
        self._running = contextlib.AsyncExitStack()
        self._inboxes: dict[str, Inbox] = {}
        self.house: House

    async def start(self) -> None:
        self.house = await self._running.enter_async_context(open_house(DEFINITION, self.settings))
        policies = list(DEFINITION.policies(self.house))
        jobs = service._jobs(self.house)
        for name, log in self.logs.items():
            about = [policy for policy in policies if policy.on.tag().startswith(name)]
            inbox = self._inboxes[name] = Inbox(name, log, self.house.store, self.house.handler, about)
            jobs[f"inbox-{name}"] = inbox.run()
        for name, job in jobs.items():
            self._running.push_async_callback(_ended, asyncio.create_task(job, name=name))
        self._transport = httpx.ASGITransport(service.api(DEFINITION, self.house))

    async def stop(self) -> None:
        await self._running.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    # --- its clients

    async def ask(
        self, method: str, path: str, body: Any = None, *, role: Role = Role.ANALYST, tenant: str = "acme", **more: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.issuer.token([role], tenant)}", **more.pop("headers", {})}
        async with httpx.AsyncClient(transport=self._transport, base_url="http://media") as client:
            return await client.request(method, path, json=body, headers=headers, **more)

    async def post(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        answer = await self.ask("POST", path, body, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()

    async def get(self, path: str, **more: Any) -> Any:
        answer = await self.ask("GET", path, **more)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def until(self, path: str, holds: Callable[[Any], bool], timeout_s: float = 40) -> Any:
        """The first answer for which `holds`."""
        answer: Any = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    answer = await self.ask("GET", path)
                    if answer.status_code == 200 and holds(answer.json()):
                        return answer.json()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError((path, answer and answer.text)) from None

    async def until_is(self, path: str, situation: str) -> Any:
        return await self.until(path, lambda found: found["situation"] == situation)

    async def trail(self, stream: str) -> list[str]:
        """The names of the events of a resource, in order."""
        return [record.type.split(".")[1] for record in await self.house.store.stream(stream)]

    async def parked(self) -> list[str]:
        return [one["error"] for one in await self.house.store.parked()]

    # --- what the others say

    def say(self, event: Event, tenant: str = "acme") -> None:
        self.logs[event.tag().split(".")[0]].say(event, tenant)

    def entitle(self, *features: str) -> None:
        hour = timedelta(hours=1)
        self.say(
            entitlement.CoverageReserved(
                at=BEGAN,
                entitlement_id=uuid4(),
                show_id=self.show_id,
                starts_at=BEGAN,
                ends_at=BEGAN + hour,
                opens_at=BEGAN,
                closes_at=BEGAN + hour,
                reserved_ms=3_600_000,
                partial=False,
                terms_version="2026-1",
                prep_s=900,
                back_to_back_s=900,
                margin_before_s=1800,
                margin_after_s=1800,
                no_show_grace_s=300,
                features=features,
            )
        )

    def publish_rundown(self, *sessions: UUID, forbidden: tuple[UUID, ...] = ()) -> None:
        planned = tuple(
            Session(
                session_id=one,
                stage_id=self.stage_id,
                title=f"Talk {number}",
                starts_at=BEGAN,
                ends_at=BEGAN + timedelta(hours=1),
                do_not_record=one in forbidden,
            )
            for number, one in enumerate(sessions, 1)
        )
        self.say(
            scheduling.RundownPublished(
                at=BEGAN,
                show_id=self.show_id,
                stage_id=self.stage_id,
                stage_name="Main",
                rundown_version=1,
                sessions=planned,
                cues=(),
                speakers=(),
            )
        )

    def record(
        self,
        session_id: UUID,
        *,
        after_s: float = 0.0,
        lasted_s: float = LENGTH_S,
        cause: SegmentCause = SegmentCause.SESSION_END,
        film_name: str | None = "whole.mp4",
        file: str | None = None,
    ) -> UUID:
        """A segment of the session, opened `after_s` into the show and closed after `lasted_s`; its file lies there."""
        segment_id = uuid4()
        file = file or f"program/{self.stage_id}/{segment_id}.mp4"
        about = {
            "show_id": self.show_id,
            "stage_id": self.stage_id,
            "run_id": self.run_id,
            "segment_id": segment_id,
            "session_id": session_id,
            "file": file,
            "first_frame": round(after_s * 30),
        }
        if film_name is not None:
            target = self.settings.media / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.films / film_name, target)
        opened_at = BEGAN + timedelta(seconds=after_s)
        self.say(stage.ProgramSegmentOpened(at=opened_at, **about))
        frames = round(lasted_s * 30)
        self.say(
            stage.ProgramSegmentClosed(
                at=opened_at + timedelta(seconds=lasted_s),
                last_frame=about["first_frame"] + frames - 1,
                frames=frames,
                cause=cause,
                **about,
            )
        )
        return segment_id

    def end_session(self, session_id: UUID, after_s: float = LENGTH_S) -> str:
        """The path of its recording."""
        self.say(
            stage.SessionEnded(
                at=BEGAN + timedelta(seconds=after_s),
                show_id=self.show_id,
                stage_id=self.stage_id,
                effect_id=uuid4(),
                run_id=self.run_id,
                session_id=session_id,
                frame=round(after_s * 30),
            )
        )
        return f"/recordings/{recording_id(self.run_id, session_id)}"

    async def until_heard(self) -> None:
        """What was said about the show so far has arrived."""
        async with asyncio.timeout(20):
            while any(self._inboxes[name].position < len(log.said) for name, log in self.logs.items()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def recorded(self) -> str:
        """The path of a finalised recording of four seconds, of a show that may go on demand."""
        session_id = uuid4()
        self.entitle("vod")
        self.publish_rundown(session_id)
        await self.until_heard()
        self.record(session_id)
        path = self.end_session(session_id)
        await self.until_is(path, "FINALISED")
        return path


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films as the programme engine records them: one whole, one whose engine was killed, one that is none."""
    folder: Path = tmp_path_factory.mktemp("films")
    film.fragmented(folder / "whole.mp4", LENGTH_S)
    content = (folder / "whole.mp4").read_bytes()
    (folder / "killed.mp4").write_bytes(content[: int(len(content) * 0.7)])
    (folder / "garbage.mp4").write_bytes(b"this was never a film" * 1000)
    return folder


@pytest.fixture
async def media(make_database: Any, home: Home, films: Path) -> AsyncIterator[Media]:
    urls = await make_database("media")
    running = Media(urls.service_url, home, films)
    await running.start()
    yield running
    await running.stop()
