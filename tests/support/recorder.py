"""Our store behind the recorder interfaces of `eventsourcing`, so that the library's own tests can be run against it.

Those are synchronous and called from many threads; the store lives on an event loop in a thread of its own. A library
version may count from 0 or 1, ours counts from 1: what the library said is kept in the metadata.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Self
from uuid import UUID, uuid4

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    WaitInterruptedError,
)

from chassis import tenancy
from chassis.faults import Fault, Unreachable
from chassis.store import Append, CursorMove, Draft, Store, open_store
from contracts.envelope import Actor, Metadata, Recorded, Role

ACTOR = Actor(id="library", role=Role.SYSTEM)


class StoreThread(threading.Thread):
    """A store on its own event loop; `call` runs a coroutine there from any thread."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event
        self.store: Store

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with tenancy.open_pool(self._url, min_size=1, max_size=5) as pool, open_store(self._url, pool) as store:
            self.store = store
            self._ready.set()
            await self._end.wait()

    def __enter__(self) -> Self:
        self.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *about: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self.join(30)

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def seeing_all() -> Any:
            with tenancy.seeing_all():
                return await coroutine

        return asyncio.run_coroutine_threadsafe(seeing_all(), self._loop).result(60)


class OurAggregateRecorder(AggregateRecorder):
    """Streams alone; the library's interface wants no positions from it."""

    def __init__(self, thread: StoreThread) -> None:
        self._thread = thread

    def insert_events(self, stored_events: Sequence[StoredEvent], **extra: Any) -> Sequence[int] | None:
        self._insert(stored_events, extra.get("tracking"))
        return None

    def _insert(self, events: Sequence[StoredEvent], tracking: Tracking | None = None) -> int:
        if not events and tracking is None:
            return 0
        try:
            return int(self._thread.call(self._append(events, tracking)))
        except Unreachable:
            raise
        except Fault as fault:
            raise IntegrityError(str(fault)) from fault

    async def _append(self, events: Sequence[StoredEvent], tracking: Tracking | None) -> int:
        store, bases, drafts, expect = self._thread.store, {}, [], {}
        for event in events:
            stream = str(event.originator_id)
            if stream not in bases:
                first = (await store.stream(stream))[:1]
                bases[stream] = _said(first[0]) if first else event.originator_version
                expect[stream] = event.originator_version - bases[stream]
            drafts.append(_draft(event, event.originator_version - bases[stream] + 1))
        move = None
        if tracking is not None:
            now = await store.cursor(tracking.application_name)
            if tracking.notification_id <= now:
                raise IntegrityError(f"{tracking} is not beyond {now}")
            move = CursorMove(source=tracking.application_name, came_from=now, went_to=tracking.notification_id)
        return await store.append(Append(drafts=tuple(drafts), expect=expect, cursor=move))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        records = self._thread.call(self._thread.store.stream(str(originator_id)))
        found = [
            StoredEvent(originator_id, _said(record), record.type, record.payload)
            for record in records
            if (gt is None or _said(record) > gt) and (lte is None or _said(record) <= lte)
        ]
        return (found[::-1] if desc else found)[:limit]


class OurApplicationRecorder(OurAggregateRecorder, ApplicationRecorder):
    """The log by position as well."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **extra: Any) -> Sequence[int] | None:
        last = self._insert(stored_events, extra.get("tracking"))
        return list(range(last - len(stored_events) + 1, last + 1))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = (start or 1) - (1 if inclusive_of_start or start is None else 0)
        found: list[Notification] = []
        while len(found) < limit:
            records = self._thread.call(self._thread.store.read(after, limit))
            for record in records:
                after = record.position
                if (not topics or record.type in topics) and (stop is None or record.position <= stop):
                    found.append(_notification(record))
            if len(records) < limit:
                break
        return found[:limit]

    def max_notification_id(self) -> int | None:
        return self._thread.call(self._thread.store.head()) or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Any:
        raise NotImplementedError("following the log is chassis/relay.py and chassis/project.py")


class OurProcessRecorder(OurApplicationRecorder, ProcessRecorder):
    """Cursors as the library's tracking records."""

    def insert_tracking(self, tracking: Tracking) -> None:
        self._insert([], tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        return self._thread.call(self._thread.store.cursor(application_name)) or None

    def has_tracking_id(self, application_name: str, notification_id: int | None) -> bool:
        return notification_id is None or (self.max_tracking_id(application_name) or 0) >= notification_id

    def wait(
        self,
        application_name: str,
        notification_id: int | None,
        timeout: float = 1.0,
        interrupt: threading.Event | None = None,
    ) -> None:
        end = time.monotonic() + timeout
        while not self.has_tracking_id(application_name, notification_id):
            if interrupt is not None and interrupt.is_set():
                raise WaitInterruptedError
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.02)


def _draft(event: StoredEvent, version: int) -> Draft:
    ident = uuid4()
    meta = Metadata(
        id=ident,
        tenant="library",
        actor=ACTOR,
        correlation=ident,
        causation=ident,
        command=str(event.originator_version),
    )
    return Draft(stream=str(event.originator_id), version=version, type=event.topic, payload=event.state, metadata=meta)


def _said(record: Recorded) -> int:
    return int(record.metadata.command)


def _originator(record: Recorded) -> UUID | str:
    try:
        return UUID(record.stream)
    except ValueError:
        return record.stream


def _notification(record: Recorded) -> Notification:
    return Notification(
        originator_id=_originator(record),
        originator_version=_said(record),
        topic=record.type,
        state=record.payload,
        id=record.position,
    )
