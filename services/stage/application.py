"""Commands that must ask the world first: seal what names people, keep what is secret, claim what is in one place only.

Everything else goes straight from the API to the domain.
"""

import secrets
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
import uuid6

from chassis.handle import Cause, Do, Handler, Outcome, utc_now
from chassis.http import Caller, IdempotencyKey
from chassis.service import House
from contracts import stage as e
from contracts.envelope import Sealed
from services.stage import commands as c
from services.stage.domain import CLAIM, STAGE
from services.stage.domain.claims import KEY, PRESENTER, claim_on
from services.stage.domain.destinations import require_address
from services.stage.domain.refusals import DestinationUnknown, FeedAddressMissing
from services.stage.domain.state import StageRun

PORTS: Final = {e.DestinationKind.RTMP: {"rtmp": 1935}, e.DestinationKind.RTMPS: {"rtmps": 443}}
FEED_PORTS: Final = {"rtmp": 1935, "rtmps": 443}
"""Schemes a client's address may have, with their default ports."""
OVERLAY_TEXT: Final = "stage.overlay_text"
CHAT_TEXT: Final = "stage.chat_text"
CHAT_AUTHOR: Final = "stage.chat_author"
SPEAKER_NAME: Final = "speaker.name"
"""Fields of sealed boxes; a box opens under its own field only. The last is sealed by the scheduling service."""


def secret_name(ident: UUID, fingerprint: str) -> str:
    """The name a secret has in the vault: a destination's key, a presenter's ingest key or feed address.

    The fingerprint is in it, so that a refused change leaves the secret in use as it was.
    """
    return f"stage/{ident}/{fingerprint}"


class Request(msgspec.Struct, frozen=True):
    """Who asks, why, and under which key and expected version."""

    me: Caller
    cause: Cause
    key: IdempotencyKey | None = None
    expect: int | None = None

    def command(self, kind: type[Any], /, **fields: Any) -> Any:
        """An operator's command as of now; effect, run and segment ids are made here, where the domain needs them."""
        made = {name: uuid6.uuid7() for name in _MADE if name in kind.__struct_fields__ and name not in fields}
        return kind(at=utc_now(), by=self.me.subject, role=self.me.roles[0], **made, **fields)

    def ident(self, stage_id: UUID) -> UUID:
        """The id of something this request makes: the same for a repeat under the same key."""
        return uuid5(stage_id, self.key.text) if self.key is not None else uuid6.uuid7()

    async def run(self, handler: Handler, stage_id: UUID, command: c.Operated, *more: Do) -> Outcome:
        """Decide it on the stage, and what goes with it elsewhere, whole or not at all."""
        dos = [Do(decider=STAGE, ident=stage_id, command=command, existing=True), *more]
        return await handler.run_all(dos, self.cause, expect=self.expect, key=self.key)


_MADE: Final = ("effect_id", "run_id", "segment_id")


async def stage_of(house: House, request: Request, stage_id: UUID) -> StageRun:
    """The stage as it is. Raises NotFound where this tenant has none."""
    stage, _ = await house.handler.state(STAGE, stage_id, tenant=request.me.tenant)
    return stage


async def create_destination(
    house: House, request: Request, stage_id: UUID, key: str, command: c.CreateDestination
) -> Outcome:
    """The key goes into the vault before anything is recorded; what is recorded is its fingerprint."""
    stage = await stage_of(house, request, stage_id)
    require_address(command)
    await house.outbound.admit(command.url, PORTS[command.kind])
    fingerprint = house.sealed.fingerprint(_use(command.url, key))
    command = msgspec.structs.replace(command, key_fingerprint=fingerprint)
    await house.sealed.keep_secret(request.me.tenant, secret_name(command.destination_id, fingerprint), key)
    return await request.run(house.handler, stage_id, command, _claim_key(fingerprint, command.destination_id, stage))


async def enable_destination(house: House, request: Request, stage_id: UUID, command: c.EnableDestination) -> Outcome:
    """Where the name leads to is asked again: it may have changed since the destination was made."""
    known = (await stage_of(house, request, stage_id)).destinations.get(command.destination_id)
    if known is None:
        raise DestinationUnknown
    await house.outbound.admit(known.url, PORTS[known.kind])
    return await request.run(house.handler, stage_id, command)


async def rotate_key(house: House, request: Request, stage_id: UUID, key: str, command: c.RotateStreamKey) -> Outcome:
    """The old key is free for others as soon as the new one is in use."""
    stage = await stage_of(house, request, stage_id)
    known = stage.destinations.get(command.destination_id)
    if known is None:
        raise DestinationUnknown
    fingerprint = house.sealed.fingerprint(_use(known.url, key))
    command = msgspec.structs.replace(command, key_fingerprint=fingerprint)
    await house.sealed.keep_secret(request.me.tenant, secret_name(command.destination_id, fingerprint), key)
    free = () if fingerprint == known.key_fingerprint else (_free_key(known.key_fingerprint, command.destination_id),)
    taken = _claim_key(fingerprint, command.destination_id, stage)
    return await request.run(house.handler, stage_id, command, taken, *free)


async def remove_destination(house: House, request: Request, stage_id: UUID, command: c.RemoveDestination) -> Outcome:
    """Its key may be used elsewhere afterwards."""
    stage = await stage_of(house, request, stage_id)
    known = stage.destinations.get(command.destination_id)
    if known is None:
        raise DestinationUnknown
    free = _free_key(known.key_fingerprint, command.destination_id)
    return await request.run(house.handler, stage_id, command, free)


def _use(url: str, key: str) -> str:
    """What must not be used twice: the same key at the same place."""
    return f"{url.rstrip('/')}/{key}"


def _claim_key(fingerprint: str, holder: UUID, stage: StageRun) -> Do:
    claim = c.TakeClaim(at=utc_now(), what=KEY, holder=holder, show_id=stage.show_id)
    return Do(decider=CLAIM, ident=claim_on(KEY, fingerprint), command=claim)


def _free_key(fingerprint: str, holder: UUID) -> Do:
    return Do(decider=CLAIM, ident=claim_on(KEY, fingerprint), command=c.FreeClaim(at=utc_now(), holder=holder))


async def connect_presenter(
    house: House, request: Request, stage_id: UUID, address: str | None, command: c.ConnectPresenter
) -> tuple[Outcome, str | None]:
    """Answers the presenter's ingest key where they publish to our ingest.

    Raises FeedAddressMissing where the picture is to be pulled and no address is given.
    """
    tenant, presenter_id = request.me.tenant, command.presenter_id
    stage = await stage_of(house, request, stage_id)
    if command.feed is e.FeedKind.URL and not address:
        raise FeedAddressMissing
    if command.feed is e.FeedKind.URL and address:
        await house.outbound.admit(address, FEED_PORTS)
    secret = {e.FeedKind.INGEST: secrets.token_urlsafe(18), e.FeedKind.URL: address}.get(command.feed)
    if secret is not None:
        fingerprint = house.sealed.fingerprint(secret)
        command = msgspec.structs.replace(command, key_fingerprint=fingerprint)
        if presenter_id in stage.presenters:  # otherwise refused below, and nothing is left in the vault
            await house.sealed.keep_secret(tenant, secret_name(presenter_id, fingerprint), secret)
    outcome = await request.run(house.handler, stage_id, command)
    if command.feed is not e.FeedKind.INGEST:
        return outcome, None
    return outcome, await _key_in_use(house, request, stage_id, presenter_id) if outcome.replayed else secret


async def _key_in_use(house: House, request: Request, stage_id: UUID, presenter_id: UUID) -> str | None:
    """The key that was answered the first time."""
    stage = await stage_of(house, request, stage_id)
    fingerprint = stage.presenters[presenter_id].key_fingerprint
    for intent in stage.pending.values():
        if isinstance(intent, e.PresenterFeedRequested) and intent.presenter_id == presenter_id:
            fingerprint = intent.key_fingerprint
    if fingerprint is None:
        return None
    return await house.sealed.secret(request.me.tenant, secret_name(presenter_id, fingerprint))


async def bring_on_stage(house: House, request: Request, stage_id: UUID, command: c.BringOnStage) -> Outcome:
    """A presenter is on one stage at a time. Source: domain.md I9."""
    stage = await stage_of(house, request, stage_id)
    claim = c.TakeClaim(at=command.at, what=PRESENTER, holder=stage_id, show_id=stage.show_id)
    here = Do(decider=CLAIM, ident=claim_on(PRESENTER, command.presenter_id), command=claim)
    return await request.run(house.handler, stage_id, command, here)


async def seal(house: House, request: Request, field: str, ident: UUID, text: str | None) -> Sealed | None:
    """Text that may name people, under a key of its own."""
    if text is None:
        return None
    return await house.sealed.seal(request.me.tenant, f"stage:{ident}", field, text)


async def unseal(house: House, tenant: str, field: str, box: Sealed | None) -> str | None:
    """The text, or None when there is none, or when its subject was forgotten."""
    return None if box is None else await house.sealed.open(box, tenant, field)


def clip_id(stage_id: UUID, asset_id: UUID) -> UUID:
    """A clip is an asset on a stage."""
    return uuid5(stage_id, str(asset_id))


def ingest_url(house: House) -> str:
    """Where presenters publish."""
    settings = house.settings
    return settings.ingest_url or f"rtmp://{settings.host}:{settings.ingest_port}/live"
