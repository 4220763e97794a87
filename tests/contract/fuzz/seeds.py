"""What the played shows left behind, as seeds of each service's run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from regie.demo.context import Show
from tests.contract.fuzz.known import EVERYWHERE, Seeds
from tests.contract.fuzz.planted import HOOK, Planted

Fields = dict[str, list[Any]]
SUBJECT = "everybody"
"""The caller of every generated request; who holds a control lease."""

ENDING = frozenset(
    {
        *("revokeEntitlement", "suspendEntitlement", "lapseBasePackage", "releaseReservation"),
        *("deleteWebhook", "pauseWebhook", "retryParked", "dropParked"),
        *("abandonShow", "cancelShow", "endShow", "importRunOfShow", "checkOut", "leaveTeam", "handOver"),
        *("completeTraining", "scheduleTraining", "waiveTraining", "rejectChange", "acceptChange"),
        *("emergencyCut", "endStream", "closeSession"),
        *("quarantineRecording", "optOutOfVod", "retractVod", "rejectAsset"),
    }
)


class Stock:
    """Resources and values of all services, filled show by show."""

    def __init__(self) -> None:
        self.resources: dict[str, list[str]] = {}
        self.fields: dict[str, Fields] = {EVERYWHERE: _anywhere()}
        self.fits("recordPlatformAccess", starts_at="2026-01-01T00:00:00Z", ends_at="2046-01-01T00:00:00Z")
        self.fits("createDestination", url="rtmp://127.0.0.1:9/live")
        self.fits("connectPresenter", address="rtmp://127.0.0.1:9/live")
        self.fits("createWebhook", url=HOOK, after=[0, 1])
        self.fits("replayWebhook", after=[0, 1])
        self.pinned: dict[str, dict[str, str]] = {}
        self.files: dict[str, dict[str, str]] = {}

    def add(self, container: str, *ids: str) -> None:
        known = self.resources.setdefault(container, [])
        known += [each for each in ids if each not in known]

    def fits(self, root: str, **values: Any) -> None:
        """Values for fields of requests below the resource `root`; a list is several to choose from."""
        fields = self.fields.setdefault(root, {})
        for name, value in values.items():
            fields.setdefault(name, []).extend(value if isinstance(value, list) else [value])

    def seeds(self, url: str, token: str, tally: Path, planted: Planted) -> Seeds:
        """For a run against one service, which holds `planted` beside what the shows left."""
        return Seeds(
            url=url,
            token=token,
            tally=str(tally),
            resources={**self.resources, **planted.resources},
            fields={**self.fields, **planted.fields},
            pinned={**self.pinned, **planted.pinned},
            ending=ENDING,
            files=self.files,
        )


def _anywhere() -> Fields:
    """Values that fit in every show: times that follow one another, places on loopback, the start of a log."""
    soon = datetime.now(UTC) + timedelta(hours=4)
    return {
        "zone": ["Europe/Paris"],
        "starts_at": [soon.isoformat()],
        "ends_at": [(soon + timedelta(minutes=30)).isoformat()],
        "opens_at": [(soon - timedelta(minutes=10)).isoformat()],
        "closes_at": [(soon + timedelta(minutes=40)).isoformat()],
        "started_at": [(datetime.now(UTC) - timedelta(minutes=5)).isoformat()],
        "ended_at": [(datetime.now(UTC) - timedelta(minutes=1)).isoformat()],
        "scheduled_for": [soon.isoformat()],
        "to": [SUBJECT],
        "as_of": [datetime.now(UTC).isoformat()],
        "position": [1],
    }


async def gather(stock: Stock, show: Show, bought: Mapping[str, str]) -> None:
    """Everything one played show left in the four services."""
    _of_entitlement(stock, show, bought)
    await _of_scheduling(stock, show)
    await _of_stage(stock, show)
    await _of_media(stock, show)


def _of_entitlement(stock: Stock, show: Show, bought: Mapping[str, str]) -> None:
    stock.add("/entitlements", show.entitlement_id)
    stock.add("/terms", "2026-1", bought["terms_version"])
    stock.add("/customers/me/base-packages", bought["package_id"])
    stock.fits(EVERYWHERE, show_id=show.show_id, entitlement_id=show.entitlement_id)
    stock.fits(EVERYWHERE, base_package_id=bought["package_id"], analyst_id=show.analyst_id)


async def _of_scheduling(stock: Stock, show: Show) -> None:
    base, sessions = f"/shows/{show.show_id}", [session["session_id"] for session in show.sessions]
    stock.add("/shows", show.show_id)
    stock.add("/analysts", show.analyst_id)
    stock.add("/team/analysts", show.analyst_id)
    stock.add(f"{base}/sessions", *sessions)
    stock.add(f"{base}/prep-slots", *sessions)
    stock.add(f"{base}/seats", show.seat_id)
    for session in show.sessions:
        stock.add(f"{base}/speakers", *session["speaker_ids"])
        stock.add(f"{base}/prep-slots/{session['session_id']}", *session["speaker_ids"])
    pairs = (await show.sre.get("scheduling", f"{base}/back-to-back"))["pairs"]
    stock.add(f"{base}/trainings", *(pair["training_id"] for pair in pairs))
    stock.fits(show.show_id, session_id=sessions, entitlement_id=show.entitlement_id, analyst_id=show.analyst_id)
    stock.fits(show.show_id, presenter_id=show.speakers, stage_id=show.stage_id)


async def _of_stage(stock: Stock, show: Show) -> None:
    stage = await show.sre.get("stage", show.stage(""))
    stock.add("/stages", show.stage_id)
    stock.add(show.stage("/presenters"), *show.speakers)
    stock.add(show.stage("/cues"), *(cue["cue_id"] for cue in stage["cues"]))
    stock.add(
        show.stage("/destinations"),
        *(each["destination_id"] for each in await show.sre.get("stage", show.stage("/destinations"))),
    )
    stock.fits(show.stage_id, session_id=[each["session_id"] for each in stage["sessions"]])
    stock.fits(show.stage_id, rundown_version=stage["rundown_version"])
    stock.fits(show.stage_id, asset_id=show.assets["clip"], logo=show.assets["logo"])


async def _of_media(stock: Stock, show: Show) -> None:
    stock.add("/assets", *show.assets.values())
    for asset in show.assets.values():
        stock.fits(asset, presenter_id=show.speakers)
    found = await show.sre.get("media", "/recordings", show_id=show.show_id)
    for recording in found["items"]:
        ident, whole = (
            recording["recording_id"],
            await show.sre.get("media", f"/recordings/{recording['recording_id']}"),
        )
        stock.add("/recordings", ident)
        stock.add(f"/recordings/{ident}/segments", *(each["segment_id"] for each in whole["segments"]))
        stock.fits(ident, segment_id=[each["segment_id"] for each in whole["segments"]])
        stock.fits(ident, at=[each["opened_at"] for each in whole["segments"]], start_s=0, end_s=2)
        for film in (await show.sre.get("media", f"/recordings/{ident}/films"))["items"]:
            stock.add({"edit": "/edits", "vod": "/vod"}[film["kind"]], film["film_id"])
