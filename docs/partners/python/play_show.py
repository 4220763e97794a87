"""One show from the purchased add-on to the film on demand, in the words of the generated Python client.

Generate the client first: docs/partners/clients.md. Usage: play_show.py ENDPOINTS, the file of a running house.
Presenters are shown as cards with their name, so nobody needs a camera.
"""

import base64
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from regie_api import entitlement, media, scheduling, stage
from regie_api.entitlement import models as hours
from regie_api.entitlement.api.customer_access import link_base_package, record_platform_access
from regie_api.entitlement.api.entitlements import get_entitlement, purchase_add_on
from regie_api.entitlement.api.service_terms import register_terms
from regie_api.media import models as films
from regie_api.media.api.assets import approve_asset, deliver_asset, register_asset
from regie_api.media.api.edits import create_edit, see_edit
from regie_api.media.api.recordings import list_recordings
from regie_api.media.api.video_on_demand import see_vod, upload_to_vod, watch_vod
from regie_api.media.types import File
from regie_api.scheduling import models as plans
from regie_api.scheduling.api.crew import assign_analyst, check_in, get_crew, join_team
from regie_api.scheduling.api.readiness import confirm_invitation
from regie_api.scheduling.api.run_of_show import get_run_of_show, import_run_of_show, publish_rundown
from regie_api.scheduling.api.shows import confirm_show, draft_show, end_show, get_show
from regie_api.scheduling.api.speakers import complete_speaker_prep, get_prep_board, start_speaker_prep
from regie_api.stage import models as acts
from regie_api.stage.api.control_lease import acquire_lease
from regie_api.stage.api.on_air import arm_session, end_stream, go_live
from regie_api.stage.api.picture import preview_scene, take
from regie_api.stage.api.preparation import apply_brand_kit
from regie_api.stage.api.presenters import (
    bring_on_stage,
    connect_presenter,
    mark_presenter_ready,
    record_screen_share_rehearsal,
    record_tech_check,
)
from regie_api.stage.api.questions import see_on_air, see_stage

LEAD_S, MARGIN_S, PREP_S = 30, 22, 15
"""A short day: the show starts in half a minute, coverage opens 22 s before it, speakers are prepared from 15 s before."""
LOGO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEElEQVR4nGNgCF2FHQ0tCQC+sD/BYbAy0AAAAABJRU5ErkJggg=="
)
T = TypeVar("T")


class As:
    """The four services with the token of one role."""

    def __init__(self, house: dict[str, Any], role: str) -> None:
        token = house["tokens"][role]
        url = {name: where["url"] for name, where in house["services"].items()}
        self.entitlement = entitlement.AuthenticatedClient(base_url=url["entitlement"], token=token)
        self.scheduling = scheduling.AuthenticatedClient(base_url=url["scheduling"], token=token)
        self.stage = stage.AuthenticatedClient(base_url=url["stage"], token=token)
        self.media = media.AuthenticatedClient(base_url=url["media"], token=token)


def got(answer: object, kind: type[T]) -> T:
    """The answer, if it is what was asked for; otherwise it is a problem document, which says why not."""
    if not isinstance(answer, kind):
        raise SystemExit(f"{kind.__name__} was expected, and this came: {answer}")
    return answer


def until(what: str, look: Callable[[], T | None], within_s: float = 90) -> T:
    """Looks again until there is something to see: an accepted command is not done yet."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if seen := look():
            print(what, flush=True)
            return seen
        time.sleep(0.3)
    raise SystemExit(f"{what}: not within {within_s:g} s")


def latest(look: Callable[[], Any]) -> str:
    """The version a dangerous command has to name: the ETag of what was just read."""
    return str(look().headers["etag"])


def buy(customer: As, supervisor: As, integrator: As) -> UUID:
    """Terms of a short day, the base package, the add-on: nine hours."""
    rules = hours.RulesBody(margin_before_s=MARGIN_S, margin_after_s=4, prep_s=PREP_S, thresholds_minutes=[])
    version, package = f"short-{uuid4().hex[:8]}", uuid4()
    terms = hours.RegisterTerms(terms_version=version, rules=rules)
    got(register_terms.sync(client=supervisor.entitlement, body=terms), hours.Receipt)
    since = hours.PlatformTerm(starts_at=datetime(2026, 1, 1, tzinfo=UTC))
    got(record_platform_access.sync(client=integrator.entitlement, body=since), hours.Receipt)
    base = hours.LinkPackage(package_id=package, features=["vod"])
    got(link_base_package.sync(client=integrator.entitlement, body=base), hours.Receipt)
    order = hours.Purchase(
        order_ref=f"order-{uuid4().hex[:8]}", terms_version=version, base_package_id=package, zone="Europe/Paris"
    )
    bought = got(purchase_add_on.sync(client=integrator.entitlement, body=order), hours.Receipt)
    ident = UUID(bought.id)

    def active() -> bool:
        card = got(get_entitlement.sync(ident, client=customer.entitlement), hours.EntitlementDetail).entitlement
        return card.situation == "ACTIVE" and card.hours.available_minutes == 540

    until("the add-on is active", active)
    return ident


def schedule() -> plans.ImportRunOfShowJsonBody:
    """A conference of one session, as schedule.json."""
    talk = {
        "guid": str(uuid4()),
        "id": 1,
        "date": "2026-06-10T09:00:00+02:00",
        "start": "09:00",
        "duration": "00:30",
        "title": "Opening",
        "persons": [{"id": 1, "name": "Ada Martin"}],
    }
    day = {
        "index": 1,
        "date": "2026-06-10",
        "day_start": "2026-06-10T08:00:00+02:00",
        "day_end": "2026-06-11T04:00:00+02:00",
    }
    conference = {
        "acronym": "short",
        "title": "A short day",
        "start": "2026-06-10",
        "end": "2026-06-10",
        "daysCount": 1,
        "time_zone_name": "Europe/Paris",
        "days": [{**day, "rooms": {"Main hall": [talk]}}],
    }
    return plans.ImportRunOfShowJsonBody.from_dict({"schedule": {"version": "1.0", "conference": conference}})


def plan(integrator: As, entitlement_id: UUID) -> tuple[UUID, plans.StageView]:
    """A show, its run of show from a schedule, and hours reserved for it. Answers the show and its stage."""
    draft = plans.DraftShow(title="A short day", zone="Europe/Paris")
    show_id = UUID(got(draft_show.sync(client=integrator.scheduling, body=draft), plans.Receipt).id)
    report = import_run_of_show.sync(
        show_id,
        client=integrator.scheduling,
        body=schedule(),
        starts_at=datetime.now(UTC) + timedelta(seconds=LEAD_S),
        idempotency_key=str(uuid4()),
    )
    if got(report, plans.ImportReport).coverage.verdict != "covered":
        raise SystemExit(f"the hours do not cover the show: {report}")
    got(publish_rundown.sync(show_id, client=integrator.scheduling), plans.Receipt)
    wanted = plans.ConfirmShow(entitlement_id=entitlement_id)
    got(confirm_show.sync(show_id, client=integrator.scheduling, body=wanted), plans.Receipt)

    def confirmed() -> bool:
        return got(get_show.sync(show_id, client=integrator.scheduling), plans.ShowView).hours is not None

    until("hours are reserved", confirmed)
    run = got(get_run_of_show.sync(show_id, client=integrator.scheduling), plans.RunOfShowView)
    return show_id, run.stages[0]


def deliver(customer: As, analyst: As, show_id: UUID) -> UUID:
    """The customer's logo, approved."""
    about = films.RegisterAsset(show_id=show_id, kind=films.AssetKind.LOGO, name="logo.png")
    asset_id = UUID(got(register_asset.sync(client=customer.media, body=about), films.Receipt).id)
    got(deliver_asset.sync(asset_id, client=customer.media, body=File(payload=BytesIO(LOGO))), films.Receipt)
    got(approve_asset.sync(asset_id, client=analyst.media), films.Receipt)
    return asset_id


def staff(analyst: As, supervisor: As, show_id: UUID) -> None:
    """An analyst is assigned, and checks in when coverage opens."""
    person = plans.JoinTeam(name="Camille Durand", analyst_id=uuid4())
    analyst_id = UUID(got(join_team.sync(client=supervisor.scheduling, body=person), plans.Receipt).id)

    def seats() -> list[plans.SeatView]:
        return got(get_crew.sync(show_id, client=analyst.scheduling), plans.CrewView).seats

    seat_id = until("there is a seat", seats)[0].seat_id
    assigned = plans.AssignAnalyst(analyst_id=analyst_id, mode="remote")
    got(assign_analyst.sync(show_id, seat_id, client=analyst.scheduling, body=assigned), plans.Receipt)

    def checked_in() -> bool:
        """Refused until the window opens."""
        here = plans.Analyst(analyst_id=analyst_id)
        answer = check_in.sync(show_id, seat_id, client=analyst.scheduling, body=here)
        return isinstance(answer, plans.Receipt)

    until("coverage is open, the analyst is there", checked_in)


def prepare(customer: As, analyst: As, show_id: UUID, session: plans.SessionView) -> None:
    """The minutes before the session belong to its speakers."""
    speaker = session.speakers[0].speaker_id
    got(confirm_invitation.sync(show_id, speaker, client=customer.scheduling), plans.Receipt)

    def opened() -> bool:
        board = got(get_prep_board.sync(show_id, client=analyst.scheduling), plans.PrepBoard)
        return any(slot.opened for slot in board.slots if slot.session_id == session.session_id)

    until("the speaker's slot is open", opened)
    at = (show_id, session.session_id, speaker)
    got(start_speaker_prep.sync(*at, client=analyst.scheduling), plans.Receipt)
    done = plans.CompletePrep(screen_share_rehearsed=True)
    got(complete_speaker_prep.sync(*at, client=analyst.scheduling, body=done), plans.Receipt)


class Desk:
    """The analyst's hands on one stage, under the control lease."""

    def __init__(self, analyst: As, stage_id: UUID, session_id: UUID) -> None:
        self.client, self.stage_id, self.session_id = analyst.stage, stage_id, session_id

        def open_and_staffed() -> bool:
            seen = got(see_stage.sync(stage_id, client=self.client), acts.StageView)
            return bool(seen.coverage and seen.coverage.status == "open" and seen.analysts)

        until("the stage knows that it is covered", open_and_staffed)
        wanted = acts.AcquireLease(ttl_s=3600)
        got(acquire_lease.sync(stage_id, client=self.client, body=wanted), acts.Receipt)
        self.lease = got(self.on_air().operator, acts.LeaseView).number

    def on_air(self) -> acts.OnAir:
        return got(see_on_air.sync(self.stage_id, client=self.client), acts.OnAir)

    def reached(self, situation: str) -> None:
        until(situation, lambda: self.on_air().situation == situation)

    def ready(self, presenter: UUID, logo: UUID) -> None:
        """The session is armed, its brand is on, its presenter is checked."""
        session = acts.Session(lease=self.lease, session_id=self.session_id)
        got(arm_session.sync(self.stage_id, client=self.client, body=session), acts.Receipt)
        self.reached("ARMED")
        until("the logo is on the stage", lambda: self._brand(logo))
        at, client = (self.stage_id, presenter), self.client
        card = acts.ConnectPresenter(feed=acts.FeedKind.CARD)
        got(connect_presenter.sync(*at, client=client, body=card), acts.Publishing)
        check = acts.RecordTechCheck(light=True, video=True, audio=True)
        until(
            "the presenter is checked",
            lambda: isinstance(record_tech_check.sync(*at, client=client, body=check), acts.Receipt),
        )
        got(record_screen_share_rehearsal.sync(*at, client=client), acts.Receipt)
        got(mark_presenter_ready.sync(*at, client=client), acts.Receipt)

    def _brand(self, logo: UUID) -> bool:
        """Refused while the stage has not heard of the logo."""
        kit = acts.ApplyBrandKit(lease=self.lease, colour="#0055aa", logo=logo)
        return isinstance(apply_brand_kit.sync(self.stage_id, client=self.client, body=kit), acts.Receipt)

    def go_live(self) -> None:
        session = acts.Session(lease=self.lease, session_id=self.session_id)
        got(go_live.sync(self.stage_id, client=self.client, body=session), acts.Receipt)
        self.reached("LIVE")
        again = go_live.sync_detailed(self.stage_id, client=self.client, body=session)
        if again.status_code != 409 or "ALREADY_LIVE" not in str(again.parsed):
            raise SystemExit(f"going live twice had to be refused, and this came: {again}")

    def present(self, presenter: UUID) -> None:
        """The presenter comes on stage and into the programme."""
        leased = acts.Leased(lease=self.lease)
        got(bring_on_stage.sync(self.stage_id, presenter, client=self.client, body=leased), acts.Receipt)
        until("the presenter is on stage", lambda: self.on_air().on_stage)
        shown = acts.Shown(kind=acts.SourceKind.PRESENTER, id=presenter)
        scene = acts.PreviewScene(lease=self.lease, layout=acts.Layout.FULL, sources=[shown])
        got(preview_scene.sync(self.stage_id, client=self.client, body=scene), acts.Receipt)
        fade = acts.Take(lease=self.lease, transition=acts.Transition.FADE)
        got(take.sync(self.stage_id, client=self.client, body=fade), acts.Receipt)
        until("the presenter is in the programme", lambda: self.on_air().program)

    def end(self) -> None:
        """A dangerous command names the version it was decided on, and is decided again when that was too old (412)."""
        leased = acts.Leased(lease=self.lease)

        def ended() -> bool:
            version = latest(lambda: see_stage.sync_detailed(self.stage_id, client=self.client))
            answer = end_stream.sync_detailed(self.stage_id, client=self.client, body=leased, if_match=version)
            return answer.status_code != 412 and bool(got(answer.parsed, acts.Receipt))

        until("end of stream", ended)
        self.reached("ENDED")


def publish(customer: As, analyst: As, show_id: UUID) -> int:
    """The recording is trimmed and put on demand; answers the size of the film in bytes."""

    def finalised() -> list[films.RecordingLine]:
        which = films.ListRecordingsSituation.FINALISED
        page = list_recordings.sync(client=analyst.media, show_id=show_id, situation=which)
        return got(page, films.PageRecordingLine).items

    recording = until("the recording is finalised", finalised)[0]
    whole = films.CreateEdit(title="A short day", trim=films.Trim(start_s=0.5))
    edit = got(create_edit.sync(recording.recording_id, client=analyst.media, body=whole), films.Receipt)

    def rendered() -> bool:
        return got(see_edit.sync(UUID(edit.id), client=analyst.media), films.EditView).situation == "RENDERED"

    until("the edit is rendered", rendered)
    vod = got(upload_to_vod.sync(UUID(edit.id), client=analyst.media), films.Receipt)

    def on_demand() -> bool:
        return got(see_vod.sync(UUID(vod.id), client=customer.media), films.VodView).situation == "ON_DEMAND"

    until("the film is on demand", on_demand)
    return len(got(watch_vod.sync(UUID(vod.id), client=customer.media), File).payload.read())


def finish(analyst: As, show_id: UUID) -> str:
    """The show is over, and closed once its coverage is. Answers its state."""

    def ended() -> bool:
        version = latest(lambda: get_show.sync_detailed(show_id, client=analyst.scheduling))
        answer = end_show.sync_detailed(show_id, client=analyst.scheduling, if_match=version)
        return answer.status_code != 412 and bool(got(answer.parsed, plans.Receipt))

    def state() -> str:
        return got(get_show.sync(show_id, client=analyst.scheduling), plans.ShowView).state

    until("the show is over", ended)
    until("coverage is over", lambda: state() == "CLOSED")
    return state()


def main() -> None:
    house = json.loads(Path(sys.argv[1]).read_text())
    roles = ("customer", "integrator", "analyst", "supervisor")
    customer, integrator, analyst, supervisor = (As(house, role) for role in roles)
    entitlement_id = buy(customer, supervisor, integrator)
    show_id, first_stage = plan(integrator, entitlement_id)
    session = first_stage.sessions[0]
    presenter = session.speakers[0].speaker_id
    logo = deliver(customer, analyst, show_id)
    staff(analyst, supervisor, show_id)
    desk = Desk(analyst, first_stage.stage_id, session.session_id)
    prepare(customer, analyst, show_id, session)
    desk.ready(presenter, logo)
    desk.go_live()
    desk.present(presenter)
    time.sleep(2)
    desk.end()
    size = publish(customer, analyst, show_id)
    state = finish(analyst, show_id)
    print(json.dumps({"show_id": str(show_id), "state": state, "film_bytes": size}))


if __name__ == "__main__":
    main()
