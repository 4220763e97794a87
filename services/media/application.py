"""Commands that must ask the world first: look at a delivered file, look up what an edit is made of, what may go on demand.

Everything else goes straight from the API to the domain.
"""

import asyncio
import hashlib
from typing import Any
from uuid import UUID, uuid5

import msgspec
import uuid6

from chassis.decider import Decider
from chassis.handle import Cause, Do, Outcome, utc_now
from chassis.http import Caller, FieldError, IdempotencyKey
from chassis.service import House
from contracts.envelope import Role
from contracts.media import EditSegment
from contracts.problems import Forbidden, Invalid
from services.media import commands as c
from services.media import content
from services.media.domain import ASSET, EDIT, RECORDING, VOD
from services.media.domain.assets import Registered
from services.media.domain.edits import require_rendered, trimmed
from services.media.domain.recording import require_usable
from services.media.editor.files import appearing_whole
from services.media.rules import rights_of


class Request(msgspec.Struct, frozen=True):
    """Who asks, why, and under which key and expected version."""

    me: Caller
    cause: Cause
    key: IdempotencyKey | None = None
    expect: int | None = None

    @property
    def role(self) -> Role:
        return self.me.roles[0]

    def ident(self, about: str) -> UUID:
        """The id of something this request makes: the same for a repeat under the same key."""
        if self.key is None:
            return uuid6.uuid7()
        return uuid5(UUID(int=0), f"{self.me.tenant}/{about}/{self.key.text}")

    def require(self, *scopes: str) -> None:
        """Raises Forbidden unless the token has one of these scopes."""
        if not any(self.me.may(scope) for scope in scopes):
            raise Forbidden(f"The token lacks {' or '.join(scopes)}.", needs=[scopes[0]])

    async def run(self, house: House, decider: Decider[Any, Any], ident: UUID, command: c.Command) -> Outcome:
        """Decide and record it."""
        do = Do(decider=decider, ident=ident, command=command)
        return await house.handler.run_all([do], self.cause, expect=self.expect, key=self.key)

    async def state(self, house: House, decider: Decider[Any, Any], ident: UUID) -> Any:
        """A resource of this tenant as it is. Raises NotFound where there is none."""
        state, _ = await house.handler.state(decider, ident, tenant=self.me.tenant)
        return state


async def deliver(house: House, request: Request, asset_id: UUID, body: bytes, declared: str) -> Outcome:
    """The file is looked at, and lies whole in the shared folder before anybody is told of it.

    Raises Invalid, naming what is wrong with the content.
    """
    asset = await request.state(house, ASSET, asset_id)
    assert isinstance(asset, Registered)
    try:
        found = await asyncio.to_thread(content.look, body, asset.kind, declared)
        sha256 = (await asyncio.to_thread(hashlib.sha256, body)).hexdigest()
        file = f"assets/{asset.show_id}/{asset_id}-{sha256[:16]}{content.SUFFIX[found]}"
        async with appearing_whole(house.settings.media / file) as draft:
            await asyncio.to_thread(draft.write_bytes, body)
            if found == content.MP4:
                await content.check_video(draft)
    except content.NotAcceptable as unfit:
        raise Invalid(f"The file {unfit}.", errors=[FieldError(place="body", field="", rule=str(unfit))]) from unfit
    command = c.DeliverAsset(
        at=utc_now(),
        file=file,
        sha256=sha256,
        media_type=found,
        size_bytes=len(body),
    )
    return await request.run(house, ASSET, asset_id, command)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit is to be; without stretches it is [start_s, end_s) of all that was recorded."""

    title: str | None
    segments: tuple[EditSegment, ...] | None
    start_s: float
    end_s: float | None
    loudness_lufs: float | None


async def create_edit(house: House, request: Request, recording_id: UUID, edit_id: UUID, wish: Wish) -> Outcome:
    """The title is the session's unless another is given. Raises RecordingForbidden, RecordingNotFinalised."""
    tape = require_usable(await request.state(house, RECORDING, recording_id))
    rights = await rights_of(house.handler, tape.show_id, request.me.tenant)
    kept = {one.segment_id: one.kept for one in tape.kept if one.kept is not None}
    command = c.CreateEdit(
        at=utc_now(),
        show_id=tape.show_id,
        edit_id=edit_id,
        recording_id=recording_id,
        title=wish.title or rights.title(tape.session_id) or f"Session {tape.session_id}",
        segments=wish.segments if wish.segments is not None else trimmed(tape, wish.start_s, wish.end_s),
        sources={segment_id: one.key for segment_id, one in kept.items()},
        lengths_ms={segment_id: one.duration_ms for segment_id, one in kept.items()},
        loudness_lufs=wish.loudness_lufs,
    )
    return await request.run(house, EDIT, edit_id, command)


def vod_of(edit_id: UUID) -> UUID:
    """An edit goes on demand once, however often that is asked for. Source: domain.md U17 (one VOD asset)."""
    return uuid5(edit_id, "vod")


async def upload_to_vod(house: House, request: Request, edit_id: UUID) -> Outcome:
    """Raises EditNotRendered, RecordingForbidden, RecordingNotFinalised, VodNotEntitled, VodDeclined."""
    edit = require_rendered(await request.state(house, EDIT, edit_id))
    tape = require_usable(await request.state(house, RECORDING, edit.plan.recording_id))
    rights = await rights_of(house.handler, tape.show_id, request.me.tenant)
    command = c.UploadToVod(
        at=utc_now(),
        show_id=tape.show_id,
        vod_id=vod_of(edit_id),
        edit_id=edit_id,
        recording_id=tape.recording_id,
        title=edit.plan.title,
        source_key=edit.key,
        sha256=edit.sha256,
        size_bytes=edit.size_bytes,
        entitled=bool(rights.entitled),
        opted_out=rights.opted_out is not None,
        forbidden=rights.forbids(tape.session_id),
    )
    return await request.run(house, VOD, command.vod_id, command)
