"""The four services over real databases, in this process, each furnished with what a tenant may own there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from chassis import service, tenancy
from chassis.handle import Cause
from chassis.service import Definition, House, open_house
from chassis.settings import ChassisSettings
from chassis.store import Append, Parking
from contracts.envelope import Actor, Metadata, Recorded, Role, Sealed
from contracts.media import EditSegment
from contracts.stage.values import ChatChannel, DestinationKind, OverlayKind, SegmentCause
from regie.home import Home
from regie.issuer import Issuer
from services.entitlement.app import DEFINITION as ENTITLEMENT
from services.media import commands as m
from services.media.app import DEFINITION as MEDIA
from services.media.domain import EDIT, RECORDING, VOD
from services.media.settings import MediaSettings
from services.scheduling import commands as s
from services.scheduling.app import DEFINITION as SCHEDULING
from services.scheduling.domain.crew import SEAT
from services.scheduling.domain.timechecks import TIMECHECKS
from services.scheduling.domain.training import TRAINING
from services.scheduling.settings import SchedulingSettings
from services.stage import commands as st
from services.stage.app import definition as stage_definition
from services.stage.domain import STAGE
from services.stage.settings import StageSettings
from tests.integration.stage.conftest import Show

DATA = Path(__file__).parents[2] / "data"
NOW = datetime(2030, 1, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)

Ids = dict[str, str]


class Opened:
    """One service. `ids` are what each tenant owns, by the names of path parameters."""

    def __init__(self, definition: Definition, house: House, issuer: Issuer) -> None:
        self.name, self.house, self.issuer = definition.name, house, issuer
        transport = httpx.ASGITransport(service.api(definition, house))
        self.http = httpx.AsyncClient(transport=transport, base_url=f"http://{self.name}", timeout=60)
        self.ids: dict[str, Ids] = {}

    async def furnish(self, tenant: str) -> None:
        with tenancy.seeing_all():
            self.ids[tenant] = {**await FURNISH[self.name](self, tenant), **await _in_every_service(self, tenant)}
            await self.house.projector.wait(await self.house.store.head(), timeout_s=60)

    async def ask(self, method: str, path: str, tenant: str, *, status: int = 201, **more: Any) -> Any:
        token = self.issuer.token([Role.INTEGRATOR, Role.SUPERVISOR], tenant)
        headers = {"authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4()), **more.pop("headers", {})}
        answer = await self.http.request(method, path, headers=headers, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()


async def _in_every_service(opened: Opened, tenant: str) -> Ids:
    """A webhook, and a message that no policy could handle."""
    hook = await opened.ask("POST", "/webhooks", tenant, json={"url": "https://1.1.1.1/events"})
    source, policy = "scheduling", "record_what_goes_live"
    position = 770_000 + len(opened.ids)
    cause = _cause(tenant)
    about = Metadata(
        id=uuid4(), tenant=tenant, actor=cause.actor, correlation=cause.correlation, causation=cause.causation, command="Test"
    )  # fmt: skip
    message = Recorded(
        position=position, stream="other-1", version=1, type="scheduling.show_planned.v1", payload=b"{}", metadata=about, recorded_at=NOW
    )  # fmt: skip
    parked = Parking(
        source=source, position=position, policy=policy, error="Test", message=msgspec.json.encode(message)
    )
    await opened.house.store.append(Append(tenant=tenant, parked=(parked,)))
    return {"webhook_id": hook["webhook"]["id"], "source": source, "position": str(position), "policy": policy}


async def _entitlement(opened: Opened, tenant: str) -> Ids:
    package = str(uuid4())
    await opened.ask("POST", "/customers/me/platform-access", tenant, json={"starts_at": "2026-01-01T00:00:00Z"})
    await opened.ask("POST", "/customers/me/base-packages", tenant, json={"package_id": package, "features": ["vod"]})
    terms = {
        "terms_version": f"{tenant}-own",
        "granted_minutes": 5,
        "rules": {"margin_before_s": 1, "margin_after_s": 1, "thresholds_minutes": [4]},
    }
    await opened.ask("POST", "/terms", tenant, json=terms)
    order = {"order_ref": "1", "terms_version": "2026-1", "base_package_id": package, "zone": "Europe/Paris"}
    bought = await opened.ask("POST", "/entitlements", tenant, json=order)
    show, tomorrow = str(uuid4()), datetime.now(UTC) + timedelta(days=1)
    times = {"starts_at": tomorrow.isoformat(), "ends_at": (tomorrow + timedelta(hours=1)).isoformat()}
    await opened.ask("POST", f"/entitlements/{bought['id']}/reservations", tenant, json={"show_id": show, **times})
    return {"entitlement_id": bought["id"], "version": f"{tenant}-own", "package_id": package, "show_id": show}


async def _scheduling(opened: Opened, tenant: str) -> Ids:
    show = (await opened.ask("POST", "/shows", tenant, json={"title": "Rencontres", "zone": "Europe/Paris"}))["id"]
    xml = {"headers": {"content-type": "application/xml"}, "content": (DATA / "schedule.xml").read_bytes()}
    await opened.ask("POST", f"/shows/{show}/run-of-show/import", tenant, status=200, **xml)
    await opened.ask("POST", f"/shows/{show}/rundown/publish", tenant, status=202)
    analyst = str(uuid4())
    await opened.ask("POST", "/team/analysts", tenant, json={"analyst_id": analyst, "name": "Anna"})
    plan = await opened.ask("GET", f"/shows/{show}/run-of-show", tenant, status=200)
    session, speaker = next(_all(plan, "session_id")), next(_all(plan, "speaker_id"))
    change = {"session_id": session, "starts_at": f"{NOW}", "ends_at": f"{NOW + HOUR}", "reason": "Later, please."}
    proposal = await opened.ask("POST", f"/shows/{show}/proposals", tenant, json=change)
    known = {"seat_id": uuid4(), "training_id": uuid4(), "check_id": uuid4()}
    about: Any = {"at": NOW, "show_id": UUID(show)}
    pair = s.BackToBackPair(
        training_id=known["training_id"], stage_id=uuid4(), first_session_id=UUID(session), second_session_id=uuid4(),
        gap_s=60, live=False,
    )  # fmt: skip
    seat = s.OpenSeat(seat_id=known["seat_id"], entitlement_id=uuid4(), opens_at=NOW, closes_at=NOW + HOUR, **about)
    check = s.RequestTimeCheck(
        check_id=known["check_id"], stage_id=uuid4(), session_id=UUID(session), by="anna", **about
    )
    for decider, ident, command in (
        (SEAT, known["seat_id"], seat),
        (TRAINING, show, s.FindBackToBack(pairs=(pair,), **about)),
        (TIMECHECKS, session, check),
    ):
        await opened.house.handler.run(decider, ident, command, _cause(tenant))
    parts = {"analyst_id": analyst, "session_id": session, "speaker_id": speaker, "change_id": proposal["id"]}
    return {"show_id": show, **parts, **{name: str(ident) for name, ident in known.items()}}


def _all(thing: Any, name: str) -> Iterator[str]:
    """Every value of that name anywhere inside."""
    if isinstance(thing, dict):
        if name in thing:
            yield thing[name]
        for inner in thing.values():
            yield from _all(inner, name)
    elif isinstance(thing, list):
        for inner in thing:
            yield from _all(inner, name)


async def _stage(opened: Opened, tenant: str) -> Ids:
    show = Show()
    flag, destination, overlay = uuid4(), uuid4(), uuid4()
    asked: Any = {"at": datetime.now(UTC), "by": "anna"}
    leased: Any = {**asked, "lease": 1}
    text = Sealed(subject=str(flag), box="")
    for command in (
        *show.commands(),
        st.AcquireLease(ttl_s=600, **asked),
        st.ArmSession(session_id=show.talk, **leased),
        st.CreateDestination(
            destination_id=destination, name="Main", kind=DestinationKind.RTMP, url="rtmp://1.1.1.1/live",
            key_fingerprint="0" * 8, **asked,
        ),
        st.OpenChatWatch(channels=(ChatChannel.SPEAKER,), **asked),
        st.FlagMessage(flag_id=flag, channel=ChatChannel.SPEAKER, author=None, text=text, **asked),
        st.ShowOverlay(
            overlay_id=overlay, layer=1, kind=OverlayKind.TITLE, text=text, asset_id=None, effect_id=uuid4(), **leased
        ),
    ):  # fmt: skip
        await opened.house.handler.run(STAGE, show.stage_id, command, _cause(tenant))
    return {
        "flag_id": str(flag),
        "destination_id": str(destination),
        "overlay_id": str(overlay),
        "stage_id": str(show.stage_id),
        "show_id": str(show.show_id),
        "presenter_id": str(show.ada),
        "cue_id": str(show.cues[0]),
        "clip_id": str(show.asset),
    }


async def _media(opened: Opened, tenant: str) -> Ids:
    show, recording, segment, edit, vod = (uuid4() for _ in range(5))
    about = {"show_id": str(show), "kind": "logo", "name": "Logo"}
    asset = (await opened.ask("POST", "/assets", tenant, json=about))["id"]
    run, cause = opened.house.handler.run, _cause(tenant)
    key, digest = f"originals/{segment}.mp4", "0" * 64
    for command in (
        m.OpenSegment(
            at=NOW, show_id=show, recording_id=recording, stage_id=uuid4(), run_id=uuid4(), session_id=uuid4(),
            segment_id=segment, file=f"program/{segment}.mp4", first_frame=0, forbidden=False,
        ),
        m.CloseSegment(at=NOW, segment_id=segment, last_frame=249, frames=250, cause=SegmentCause.SESSION_END),
        m.EndRecording(at=NOW),
        m.KeepSegment(at=NOW, segment_id=segment, key=key, sha256=digest, size_bytes=1, duration_ms=10_000, frames=250),
    ):  # fmt: skip
        await run(RECORDING, recording, command, cause)
    create = m.CreateEdit(
        at=NOW, show_id=show, edit_id=edit, recording_id=recording, title="Talk",
        segments=(EditSegment(segment_id=segment, start_s=0.0, end_s=1.0),), sources={segment: key},
        lengths_ms={segment: 10_000}, loudness_lufs=None,
    )  # fmt: skip
    finish = m.FinishEdit(at=NOW, key=key, sha256=digest, size_bytes=1, duration_ms=1000, recipe="{}")
    for change in (create, finish):
        await run(EDIT, edit, change, cause)
    upload = m.UploadToVod(
        at=NOW, show_id=show, vod_id=vod, edit_id=edit, recording_id=recording, title="Talk", source_key=key,
        sha256=digest, size_bytes=1, entitled=True, opted_out=False, forbidden=False,
    )  # fmt: skip
    await run(VOD, vod, upload, cause)
    known = {"show_id": show, "recording_id": recording, "segment_id": segment, "edit_id": edit, "vod_id": vod}
    return {"asset_id": asset, **{name: str(ident) for name, ident in known.items()}}


FURNISH: dict[str, Callable[[Opened, str], Awaitable[Ids]]] = {
    "entitlement": _entitlement,
    "scheduling": _scheduling,
    "stage": _stage,
    "media": _media,
}


def _cause(tenant: str) -> Cause:
    ident = uuid4()
    return Cause(tenant=tenant, actor=Actor(id="test", role=Role.SYSTEM), correlation=ident, causation=ident)


def _definition(name: str, settings: Any) -> Definition:
    known = {"entitlement": ENTITLEMENT, "scheduling": SCHEDULING, "media": MEDIA}
    return known[name] if name in known else stage_definition(settings)


SETTINGS: dict[str, type[ChassisSettings]] = {
    "entitlement": ChassisSettings,
    "scheduling": SchedulingSettings,
    "stage": StageSettings,
    "media": MediaSettings,
}


@contextlib.asynccontextmanager
async def opened_service(name: str, url: str, vault_url: str, home: Home) -> AsyncIterator[Opened]:
    """The service with its read models and its record of denials running, and nothing that acts by itself."""
    issuer = Issuer(home)
    (home.secrets / "vault.key").write_text("11" * 32)
    (home.secrets / "audit.key").write_text("22" * 32)
    rates = {f"rate_{budget}": 0 for budget in ("reads", "commands", "control", "strangers")}
    settings = SETTINGS[name](
        database_url=url,
        vault_database_url=vault_url,
        vault_key_file=home.secrets / "vault.key",
        audit_key_file=home.secrets / "audit.key",
        jwks=str(issuer.publish()),
        home=home.path,
        **rates,
    )
    definition = _definition(name, settings)
    async with open_house(definition, settings) as house:
        work = asyncio.create_task(_work(house))
        opened = Opened(definition, house, issuer)
        try:
            yield opened
        finally:
            await opened.http.aclose()
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work


async def _work(house: House) -> None:
    with tenancy.seeing_all():
        for job in house.definition.on_start:
            await job(house)
        await asyncio.gather(house.projector.run(), house.denials.run())
