"""A small service with every kind of route, and no database: what the chassis is tested on."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey
from litestar import Litestar, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, RawBody

from chassis.faults import Unreachable
from chassis.handle import ANY_VERSION, Outcome
from chassis.http import (
    Answer,
    Api,
    AsOf,
    Caller,
    Cause,
    IdempotencyKey,
    Instant,
    Page,
    Paging,
    Verifier,
    Versioned,
    page,
    receipt,
    refuses,
    versioned,
)
from contracts.problems import KeyReused, NotFound, Refusal, StaleVersion

NOW = 1_900_000_000
ISSUER, AUDIENCE = "toy-issuer", "toy"
KEY = ECKey.generate_key("P-256")


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Speaker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who speaks."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    minutes: Annotated[int, msgspec.Meta(ge=1, le=600)]


class PlanShow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A show to plan."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    starts_at: Instant
    seats: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    speakers: Annotated[list[Speaker], msgspec.Meta(max_length=20)] = []
    note: Annotated[str, msgspec.Meta(max_length=80)] | None = None


class Show(msgspec.Struct, frozen=True, kw_only=True):
    """A planned show."""

    id: UUID
    title: str
    live: bool
    size: Size = Size.SMALL


class AlreadyLive(Refusal):
    """The show is already on air."""

    code, status = "ALREADY_LIVE", 409


class Shows:
    """What the toy remembers."""

    def __init__(self) -> None:
        self.found: dict[UUID, tuple[str, Show, int]] = {}
        self.answers: dict[str, tuple[bytes, Outcome, UUID]] = {}
        self.position = 0

    def plan(self, tenant: str, show: Show) -> Outcome:
        return self.put(tenant, show, "toy.show_planned.v1")

    def see(self, tenant: str, ident: UUID) -> tuple[Show, int]:
        owner, show, version = self.found.get(ident, ("", None, 0))
        if show is None or owner != tenant:
            raise NotFound
        return show, version

    def put(self, tenant: str, show: Show, tag: str) -> Outcome:
        version = self.found[show.id][2] + 1 if show.id in self.found else 1
        self.found[show.id] = (tenant, show, version)
        self.position += 1
        return Outcome(stream=f"show-{show.id}", version=version, position=self.position, events=((tag, uuid4()),))


SHOWS = Shows()


@post(
    "/shows",
    operation_id="planShow",
    scopes=["toy:write"],
    tags=["Shows"],
    responses=refuses(),
)
async def plan_show(
    data: JSONBody[PlanShow],
    cause: NamedDependency[Cause],
    key: NamedDependency[IdempotencyKey | None],
) -> Answer:
    """Plan a show.

    It is not live yet.
    """
    if key is not None and key.text in SHOWS.answers:
        fingerprint, outcome, ident = SHOWS.answers[key.text]
        if fingerprint != key.fingerprint:
            raise KeyReused
        outcome = msgspec.structs.replace(outcome, replayed=True)
        return receipt(outcome, ident, location=f"/shows/{ident}")
    show = Show(id=uuid4(), title=data.title, live=False)
    outcome = SHOWS.plan(cause.tenant, show)
    if key is not None:
        SHOWS.answers[key.text] = (key.fingerprint, outcome, show.id)
    return receipt(outcome, show.id, location=f"/shows/{show.id}")


@get("/shows", operation_id="listShows", scopes=["toy:read"], tags=["Shows"])
async def list_shows(
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    size: Annotated[Size | None, QueryParameter(description="Only those of this size.")] = None,
    title: Annotated[str, QueryParameter(max_length=80, description="Only those with this text in the title.")] = "",
    since: Annotated[datetime | None, QueryParameter(description="Ignored: only those planned after.")] = None,
) -> Page[Show]:
    """List shows by id."""
    mine = sorted(
        (show for owner, show, _ in SHOWS.found.values() if owner == me.tenant), key=lambda show: str(show.id)
    )
    after = str(paging.after[0]) if paging.after else ""
    found = [s for s in mine if str(s.id) > after and title in s.title and (size is None or s.size is size)]
    return page(found[: paging.limit + 1], paging, lambda show: (str(show.id),))


@get("/shows/{show_id:uuid}", operation_id="seeShow", scopes=["toy:read"], tags=["Shows"])
async def see_show(
    show_id: FromPath[UUID], me: NamedDependency[Caller], as_of: NamedDependency[AsOf | None]
) -> Versioned[Show]:
    """Show one show."""
    show, version = SHOWS.see(me.tenant, show_id)
    if as_of is not None and as_of.position == 0:
        raise NotFound
    return versioned(show, version)


@post(
    "/shows/{show_id:uuid}/go-live",
    operation_id="goLive",
    scopes=["toy:operate"],
    if_match=True,
    status_code=202,
    tags=["Shows"],
    responses=refuses(AlreadyLive),
)
async def go_live(
    show_id: FromPath[UUID],
    me: NamedDependency[Caller],
    cause: NamedDependency[Cause],
    expect: NamedDependency[int | None],
) -> Answer:
    """Take a show live."""
    show, version = SHOWS.see(me.tenant, show_id)
    if expect not in (None, ANY_VERSION, version):
        raise StaleVersion(expected=expect, found=version)
    if show.live:
        raise AlreadyLive(state="live", allowed=["EndStream"])
    return receipt(SHOWS.put(cause.tenant, msgspec.structs.replace(show, live=True), "toy.went_live.v1"), show_id)


@post(
    "/shows/{show_id:uuid}/schedule", scopes=["toy:write"], accepts=["application/xml"], status_code=200, tags=["Shows"]
)
async def import_schedule(show_id: FromPath[UUID], me: NamedDependency[Caller], body: RawBody) -> dict[str, int]:
    """Import a schedule file."""
    SHOWS.see(me.tenant, show_id)
    return {"bytes": len(body)}


@get("/broken", scopes=["toy:read"], include_in_schema=False)
async def broken() -> None:
    """Fail by our fault."""
    raise RuntimeError("the password is hunter2")


@get("/unreachable", scopes=["toy:read"], include_in_schema=False)
async def unreachable() -> None:
    """Need a database that is away."""
    raise Unreachable("postgres://toy:hunter2@10.0.0.1 refused")


HANDLERS = [plan_show, list_shows, see_show, go_live, import_schedule, broken, unreachable]


def jwks(*keys: tuple[str, ECKey]) -> bytes:
    return msgspec.json.encode(
        {"keys": [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, key in keys]}
    )


def verifier(**changed: Any) -> Verifier:
    async def fetch() -> bytes:
        return jwks(("k1", KEY))

    settings = {
        "jwks": "",
        "issuer": ISSUER,
        "audiences": [AUDIENCE, f"{AUDIENCE}/toy"],
        "fetch": fetch,
        "clock": lambda: NOW,
    }
    return Verifier(**{**settings, **changed})


def token(*, key: ECKey = KEY, kid: str | None = "k1", alg: str = "ES256", **changed: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "tenant": "acme",
        "roles": ["analyst"],
        "scope": "toy:read toy:write toy:operate",
        "exp": NOW + 600,
        **changed,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    header |= {"typ": claims.pop("typ")} if "typ" in claims else {}
    return jwt.encode(header, claims, key)


def app(**changed: Any) -> Litestar:
    settings: dict[str, Any] = {
        "service": "toy",
        "title": "Toy",
        "version": "1.0.0",
        "description": "Shows, without a database.",
        "handlers": HANDLERS,
        "verifier": verifier(),
        "tags": {"Shows": "What is planned and played."},
    }
    return Api(**{**settings, **changed}).build()
