"""The write path, once for all services: load, fold, decide, append; and reading one resource as a fold.

Commands on one stream queue in this process and work on a cached state; several processes stay correct because the
store refuses a stale version, after which we reload and decide again (design.md section 3).
"""

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
import uuid6

from chassis.decider import Codec, Decider
from chassis.faults import Conflict, KeyTaken
from chassis.store import Append, AsOf, CursorMove, Draft, Key, Parking, Store
from contracts.envelope import Actor, Event, Metadata, Mode
from contracts.problems import Busy, KeyReused, NotFound, Refusal, StaleVersion, WrongState

S = TypeVar("S")

ATTEMPTS = 64
"""How often a command is decided again after losing a race to another process."""
ANY_VERSION = -1
"""As `expect`: there must be something, whatever version it has."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is done: for whom, by whom, following from what."""

    tenant: str
    actor: Actor
    correlation: UUID
    causation: UUID
    mode: Mode = Mode.LIVE
    traceparent: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a command led to. `version` is of `stream`, the first command's; `position` is the log's, after it.

    `events` are tag and id in order. `replayed` tells that an Idempotency-Key was answered from memory.
    """

    stream: str
    version: int
    position: int
    events: tuple[tuple[str, UUID], ...]
    replayed: bool = False


class Do(msgspec.Struct, frozen=True, kw_only=True):
    """A command for one aggregate.

    `existing`: it begins nothing, so where there is nothing the answer is NotFound before anything is decided.
    `tolerate` lists refusals that mean "nothing to do". `otherwise` turns a refusal into the command to run instead.
    """

    decider: Decider[Any, Any]
    ident: UUID | str
    command: Any
    existing: bool = False
    tolerate: tuple[type[Refusal], ...] = ()
    otherwise: Callable[[Refusal], "Do"] | None = None
    stream: str = ""
    """Of the aggregate; follows from it."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "stream", self.decider.stream(self.ident))


class _Loaded(msgspec.Struct, frozen=True):
    state: Any
    version: int
    tenant: str


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked in one go: it is recorded whole or not at all."""

    dos: Sequence[Do]
    cause: Cause
    expect: int | None
    key: Key | None
    cursor: CursorMove | None
    parked: tuple[Parking, ...]


class Handler:
    """Runs commands against one service's store."""

    def __init__(self, store: Store, codec: Codec, *, cached: int = 4096) -> None:
        self._store = store
        self._codec = codec
        self._cache: OrderedDict[str, _Loaded] = OrderedDict()
        self._cached = cached
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(
        self,
        decider: Decider[Any, Any],
        ident: UUID | str,
        command: Any,
        cause: Cause,
        *,
        expect: int | None = None,
        key: Key | None = None,
    ) -> Outcome:
        """Decides one command and records what follows. Raises the domain's Refusal, StaleVersion, KeyReused, Busy."""
        return await self.run_all([Do(decider=decider, ident=ident, command=command)], cause, expect=expect, key=key)

    async def run_all(
        self,
        dos: Sequence[Do],
        cause: Cause,
        *,
        expect: int | None = None,
        key: Key | None = None,
        cursor: CursorMove | None = None,
        parked: tuple[Parking, ...] = (),
    ) -> Outcome:
        """Decides several commands, later ones seeing earlier ones, and records everything atomically.

        `expect` is about the first command's stream.
        """
        request = _Request(dos=dos, cause=cause, expect=expect, key=key, cursor=cursor, parked=parked)
        while True:
            try:
                async with self._alone({do.stream for do in request.dos}):
                    return await self._run_locked(request)
            except _Instead as instead:
                request = msgspec.structs.replace(request, dos=instead.dos)

    async def _run_locked(self, request: _Request) -> Outcome:
        for attempt in range(ATTEMPTS):
            # Most keys are new, and the store notices the others: they are looked up only when something is in the way.
            if attempt and (known := await self._answered(request)) is not None:
                return known
            try:
                loaded, drafts = await self._decide_all(request)
            except Refusal:
                if not attempt and (known := await self._answered(request)) is not None:
                    return known
                raise
            try:
                position = await self._store.append(self._append(request, loaded, drafts))
            except Conflict as conflict:
                await self._catch_up(request, conflict)
                continue
            except KeyTaken:
                continue
            except BaseException:
                # The outcome is unknown: what we believe of these streams may be wrong from here on.
                for do in request.dos:
                    self._cache.pop(do.stream, None)
                raise
            for stream, current in loaded.items():
                self._remember(stream, current)
            return _outcome(request.dos, loaded, drafts, position)
        raise Busy("others keep changing the same resource")

    def _append(self, request: _Request, loaded: dict[str, _Loaded], drafts: Sequence[Draft]) -> Append:
        written = Counter(draft.stream for draft in drafts)
        return Append(
            drafts=tuple(drafts),
            expect={stream: current.version - written[stream] for stream, current in loaded.items()},
            tenant=request.cause.tenant,
            key=request.key,
            answer=msgspec.json.encode(_outcome(request.dos, loaded, drafts, 0)) if request.key else b"",
            cursor=request.cursor,
            parked=request.parked,
        )

    async def _decide_all(self, request: _Request) -> tuple[dict[str, _Loaded], list[Draft]]:
        loaded: dict[str, _Loaded] = {}
        drafts: list[Draft] = []
        cause = request.cause
        for nr, do in enumerate(request.dos):
            try:
                current, events = await self._decide(
                    do, loaded.get(do.stream), cause, request.expect if nr == 0 else None
                )
            except Refusal as refusal:
                if isinstance(refusal, do.tolerate):
                    continue
                if do.otherwise is None and isinstance(refusal, _NothingThere):
                    raise NotFound from refusal
                if do.otherwise is None:
                    raise
                raise _Instead([*request.dos[:nr], do.otherwise(refusal), *request.dos[nr + 1 :]]) from refusal
            state, version = current.state, current.version
            for event in events:
                version += 1
                state = do.decider.evolve(state, event)
                drafts.append(self._draft(do, version, event, cause))
            loaded[do.stream] = _Loaded(state, version, cause.tenant)
        return loaded, drafts

    async def _decide(
        self, do: Do, current: _Loaded | None, cause: Cause, expect: int | None
    ) -> tuple[_Loaded, Sequence[Event]]:
        """Decides on the cached state; a refusal of that is final only after the log itself was asked."""
        cached = current or self._cache.get(do.stream)
        if cached is None and not do.existing:
            # What is decided on nothing begins a new stream, nearly always; the store refuses where that was wrong.
            with contextlib.suppress(Refusal):
                guess = _Loaded(do.decider.initial, 0, cause.tenant)
                if events := _decided(do, guess, expect):
                    return guess, events
        elif cached is not None and cached.version and cached.tenant == cause.tenant:
            try:
                return cached, _decided(do, cached, expect)
            except Refusal:
                if current is not None:
                    raise
        fresh = await self._load(do.decider, do.stream, cause.tenant)
        if do.existing and not fresh.version:
            raise NotFound
        try:
            return fresh, _decided(do, fresh, expect)
        except WrongState as refusal:
            if fresh.version:
                raise
            raise _NothingThere(refusal.detail, **refusal.facts) from refusal

    def _draft(self, do: Do, version: int, event: Event, cause: Cause) -> Draft:
        return Draft(
            stream=do.stream,
            version=version,
            type=event.tag(),
            payload=self._codec.encode(event),
            metadata=Metadata(
                id=uuid6.uuid7(),
                tenant=cause.tenant,
                actor=cause.actor,
                correlation=cause.correlation,
                causation=cause.causation,
                command=type(do.command).__name__,
                show=getattr(event, "show_id", None),
                mode=cause.mode,
                traceparent=cause.traceparent,
            ),
        )

    async def _catch_up(self, request: _Request, conflict: Conflict) -> None:
        if conflict.found < conflict.expected:  # the log is older than we remember: a restored database
            self._cache.pop(conflict.stream, None)
            return
        decider = next(do.decider for do in request.dos if do.stream == conflict.stream)
        current = await self._load(decider, conflict.stream, request.cause.tenant)
        if current.version == 0:  # the log refuses to begin a stream that we cannot see: it is another tenant's
            raise NotFound

    async def _answered(self, request: _Request) -> Outcome | None:
        """What the request's key was answered before, if it has one and it was. Raises KeyReused."""
        if request.key is None:
            return None
        found = await self._store.answer(request.cause.tenant, request.key.text)
        if found is None:
            return None
        if found.fingerprint != request.key.fingerprint:
            raise KeyReused
        outcome = msgspec.json.decode(found.answer, type=Outcome)
        return msgspec.structs.replace(outcome, position=found.position, replayed=True)

    async def rehearse(self, dos: Sequence[Do], cause: Cause) -> None:
        """Decides without recording; raises the Refusal the commands would meet now."""
        request = _Request(dos=dos, cause=cause, expect=None, key=None, cursor=None, parked=())
        try:
            await self._decide_all(request)
        except _Instead as instead:
            await self.rehearse(instead.dos, cause)

    async def move_cursor(self, move: CursorMove) -> None:
        """Records that a stretch of a source had no effects. Raises CursorMoved when another worker was ahead."""
        await self._store.append(Append(cursor=move))

    # --- state

    async def state(
        self, decider: Decider[Any, S], ident: UUID | str, *, tenant: str, as_of: AsOf | None = None
    ) -> tuple[S, int]:
        """A resource as it is, or as it was, with its version. Raises NotFound where this tenant has nothing."""
        stream = decider.stream(ident)
        if as_of is not None:
            records = await self._store.stream(stream, as_of=as_of)
            if not records or records[0].metadata.tenant != tenant:
                raise NotFound
            return decider.fold(self._codec.history(records)), records[-1].version
        current = await self._load(decider, stream, tenant)
        if current.version == 0:
            raise NotFound
        return current.state, current.version

    async def _load(self, decider: Decider[Any, Any], stream: str, tenant: str) -> _Loaded:
        """The current state: what is cached plus what the log has beyond it."""
        known = self._cache.get(stream) or _Loaded(decider.initial, 0, tenant)
        records = await self._store.stream(stream, after=known.version)
        if records:
            owner = known.tenant if known.version else records[0].metadata.tenant
            state = decider.fold(self._codec.history(records), known.state)
            known = _Loaded(state, records[-1].version, owner)
            self._remember(stream, known)
        if known.version and known.tenant != tenant:  # what is another tenant's looks as if it never was
            return _Loaded(decider.initial, 0, tenant)
        return known

    def _remember(self, stream: str, loaded: _Loaded) -> None:
        current = self._cache.get(stream)
        if current is None or current.version <= loaded.version:
            self._cache[stream] = loaded
        self._cache.move_to_end(stream)
        while len(self._cache) > self._cached:
            self._cache.popitem(last=False)

    def _alone(self, streams: set[str]) -> "_Alone":
        locks = []
        for stream in sorted(streams):
            lock = self._locks.get(stream)
            if lock is None:
                lock = self._locks[stream] = asyncio.Lock()
            locks.append(lock)
        return _Alone(locks)


class _Alone:
    """Holds the queues of some streams; everybody takes them in one order, so that nobody waits in a circle."""

    def __init__(self, locks: Sequence[asyncio.Lock]) -> None:
        self._locks = locks
        self._held: list[asyncio.Lock] = []

    async def __aenter__(self) -> None:
        try:
            for lock in self._locks:
                await lock.acquire()
                self._held.append(lock)
        except BaseException:
            self._release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._release()

    def _release(self) -> None:
        for lock in reversed(self._held):
            lock.release()


class _NothingThere(WrongState):
    """There is nothing that this command could be about.

    It reaches a caller as NotFound; only a policy that tolerates or replaces a refusal meets it.
    """

    fr = "Il n'y a rien que cette commande puisse concerner."


class _Instead(Exception):  # noqa: N818
    """A refused command is replaced by another; the streams to hold may differ, so everything starts over."""

    def __init__(self, dos: list[Do]) -> None:
        self.dos = dos


def _decided(do: Do, current: _Loaded, expect: int | None) -> Sequence[Event]:
    stale = expect is not None and not _is_met(expect, current.version)
    if stale and current.version:
        raise StaleVersion(expected=expect, found=current.version)
    events: Sequence[Event] = do.decider.decide(do.command, current.state)
    if stale:  # only now: what is refused anyway is refused as without the header. Source: RFC 9110 section 13.2.1
        raise StaleVersion(expected="*" if expect == ANY_VERSION else expect, found=current.version)
    return events


def _is_met(expect: int, version: int) -> bool:
    return version > 0 if expect == ANY_VERSION else version == expect


def _outcome(dos: Sequence[Do], loaded: dict[str, _Loaded], drafts: Sequence[Draft], position: int) -> Outcome:
    stream = dos[0].stream if dos else ""
    version = loaded[stream].version if stream in loaded else 0
    return Outcome(
        stream=stream, version=version, position=position, events=tuple((d.type, d.metadata.id) for d in drafts)
    )


def utc_now() -> datetime:
    """The one clock commands get their `at` from."""
    return datetime.now(UTC)
