"""The API as a state machine: people buy, plan, publish, confirm, staff, go live and end in any order, over REST.

After every step the model is compared with what the services say: each resource with its ETag, the lists, and the
events of every show. A refused command must leave no event behind, in any service.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4, uuid5

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.roles import SERVICES
from tests.contract.machine.model import ACCEPTED, COMMANDS, CONFIRMED, Hours, Show, happened, possible, verdict
from tests.contract.machine.rest import Caller, Command, until
from tests.support.early import EARLY, order

SHOWN_S = 1.0
"""How long a stream lasts at least, so that there is something to cut."""


class World:
    """A customer with a base package, of whom nobody else knows anything; and a stranger."""

    def __init__(self, services: dict[str, Any], token: str, stranger: str) -> None:
        self.me, self.stranger = Caller(services, token), Caller(services, stranger)
        self.package, self.terms = str(uuid4()), f"early-{uuid4().hex[:8]}"
        self.listed = 0
        """How many shows the machines have left so far."""
        self._asked("entitlement", "/terms", {"terms_version": self.terms, "rules": EARLY})
        self._asked("entitlement", "/customers/me/platform-access", {"starts_at": "2026-01-01T00:00:00Z"})
        self._asked("entitlement", "/customers/me/base-packages", {"package_id": self.package, "features": ["vod"]})

    def _asked(self, service: str, path: str, body: Any) -> Any:
        answer = self.me.send(service, "POST", path, body).answer
        assert answer.is_success, answer.text
        return answer.json()

    def bought(self) -> str:
        """A new add-on, active at once."""
        return str(self._asked("entitlement", "/entitlements", order(self.terms, self.package))["id"])

    def analyst(self) -> str:
        return str(self._asked("scheduling", "/team/analysts", {"name": "Camille Régis"})["id"])

    def close(self) -> None:
        self.me.close()
        self.stranger.close()


class Machine(RuleBasedStateMachine):
    """Rules are what people do; `world` is set by the test."""

    world: ClassVar[World]

    @initialize()
    def start(self) -> None:
        self.shows: list[Show] = []
        self.hours: list[Hours] = []
        self.last: Command | None = None
        self.refused: list[tuple[Show, Command]] = []
        self.caused: dict[str, list[str]] = {}
        self.versions: dict[str, int] = {}

    # --- what people do

    @rule(today=st.booleans())
    @precondition(lambda self: len(self.shows) < 3)
    def draft(self, today: bool) -> None:
        made = self.world.me.send("scheduling", "POST", "/shows", {"title": "A show", "zone": "Europe/Paris"})
        assert made.answer.status_code == httpx.codes.CREATED, made.answer.text
        show = Show(made.answer.json()["id"], today)
        self.shows.append(show)
        self._keep(show, made)

    @rule(nr=st.integers(0, 2))
    @precondition(lambda self: self.shows)
    def go_on(self, nr: int) -> None:
        """What comes next on the way to the end of the show."""
        show = self.shows[nr % len(self.shows)]
        if show.next is not None:
            self._ask(show.next, show)

    @rule(nr=st.integers(0, 2), command=st.sampled_from(COMMANDS))
    @precondition(lambda self: self.shows)
    def out_of_turn(self, nr: int, command: str) -> None:
        """Anything at any time, be it accepted or refused."""
        show = self.shows[nr % len(self.shows)]
        if possible(command, show):
            self._ask(command, show)

    @rule()
    @precondition(lambda self: self.last is not None)
    def repeat(self) -> None:
        """The last accepted command under its key: the same answer, and nothing happens."""
        assert self.last is not None
        again = self.world.me.repeat(self.last).answer
        assert (again.status_code, again.json()) == (self.last.answer.status_code, self.last.answer.json())
        assert again.headers["Idempotency-Replayed"] == "true"

    @rule(nr=st.integers(0, 2))
    @precondition(lambda self: self.shows)
    def decide_on_an_old_version(self, nr: int) -> None:
        show = self.shows[nr % len(self.shows)]
        version = self.versions[show.ident] + 1000
        asked = self._post(show, "cancel", {"reason": "by mistake"}, If_Match=f'"{version}"')
        assert (asked.answer.status_code, asked.answer.json()["code"]) == (412, "STALE_VERSION")
        self.refused.append((show, asked))

    @rule(nr=st.integers(0, 2))
    @precondition(lambda self: self.shows)
    def a_stranger_asks(self, nr: int) -> None:
        show = self.shows[nr % len(self.shows)]
        assert self.world.stranger.see("scheduling", f"/shows/{show.ident}").status_code == httpx.codes.NOT_FOUND
        assert not self.world.stranger.trail("scheduling", show.ident)

    # --- asking

    def _ask(self, command: str, show: Show) -> None:
        hours = self._hours_for(show)
        wanted = verdict(command, show, hours)
        asked = getattr(self, f"_{command}")(show, hours)
        if wanted is not ACCEPTED:
            assert not asked.answer.is_success, f"{command} of {show}: accepted, not refused with {wanted}"
            assert asked.answer.json()["code"] == wanted, f"{command} of {show}: {asked.answer.text}"
            self.refused.append((show, asked))
            return
        assert asked.answer.is_success, f"{command} of {show}: {asked.answer.text}"
        self.last = asked
        self._keep(show, asked)
        happened(command, show, hours)
        until(f"{command} of {show}", lambda: self._as_the_model_says(show))

    def _keep(self, show: Show, asked: Command) -> None:
        told = self.caused.setdefault(f"{asked.service} {show.ident}", [])
        told += [each["id"] for each in asked.answer.json()["events"]]

    def _hours_for(self, show: Show) -> Hours:
        """Those it has, those nobody has, or newly bought ones."""
        free = [each for each in self.hours if each.situation == "ACTIVE"]
        if show.hours is not None or free:
            return show.hours or free[0]
        self.hours.append(Hours(self.world.bought()))
        return self.hours[-1]

    def _post(self, show: Show, what: str, body: Any = None, **headers: str) -> Command:
        return self.world.me.send("scheduling", "POST", f"/shows/{show.ident}/{what}", body, **headers)

    def _plan(self, show: Show, _: Hours) -> Command:
        starts = datetime.now(UTC) + timedelta(minutes=1, days=0 if show.today else 30)
        ends = starts + timedelta(minutes=30)
        times = {"starts_at": starts.isoformat(), "ends_at": ends.isoformat()}
        body = {"title": "Opening", "stage": "Main", **times}
        path = f"/shows/{show.ident}/sessions/{uuid5(UUID(show.ident), 'opening')}"
        asked = self.world.me.send("scheduling", "PUT", path, body)
        if asked.answer.is_success:
            self.world.me.send("scheduling", "POST", f"{path}/speakers", {"name": "Zoé Lefèvre"})
        return asked

    def _publish(self, show: Show, _: Hours) -> Command:
        return self._post(show, "rundown/publish")

    def _confirm(self, show: Show, hours: Hours) -> Command:
        return self._post(show, "confirm", {"entitlement_id": hours.ident})

    def _assign(self, show: Show, _: Hours) -> Command:
        body = {"analyst_id": self.world.analyst(), "mode": "remote"}
        return self._post(show, f"seats/{self._seat(show)['seat_id']}/assign", body)

    def _check_in(self, show: Show, _: Hours) -> Command:
        seat = self._seat(show)
        body = {"analyst_id": seat["analysts"][0]["analyst_id"]}
        return self._post(show, f"seats/{seat['seat_id']}/check-in", body)

    def _seat(self, show: Show) -> Any:
        path = f"/shows/{show.ident}/crew"
        return until("the seat", lambda: self.world.me.get("scheduling", path)["seats"])[0]

    def _cancel(self, show: Show, _: Hours) -> Command:
        return self._decided(show, "cancel", {"reason": "nobody comes"})

    def _abandon(self, show: Show, _: Hours) -> Command:
        return self._decided(show, "abandon", {"reason": "nobody came"})

    def _end_show(self, show: Show, _: Hours) -> Command:
        return self._decided(show, "end")

    def _decided(self, show: Show, what: str, body: Any = None) -> Command:
        """With the version seen; read again where something else of the show changed it in between."""
        while True:
            etag = self.world.me.see("scheduling", f"/shows/{show.ident}").headers["etag"]
            asked = self._post(show, what, body, If_Match=etag)
            if asked.answer.status_code != httpx.codes.PRECONDITION_FAILED:
                return asked

    def _arm(self, show: Show, _: Hours) -> Command:
        stage, lease = self._command_of(show)
        body = {"lease": lease, "session_id": str(uuid5(UUID(show.ident), "opening"))}
        return self.world.me.send("stage", "POST", f"{stage}/arming", body)

    def _go_live(self, show: Show, _: Hours) -> Command:
        stage, lease = self._command_of(show)
        self.world.me.send("stage", "POST", f"{stage}/readiness-waiver", {"lease": lease, "reason": "a short show"})
        body = {"lease": lease, "session_id": str(uuid5(UUID(show.ident), "opening"))}
        return self.world.me.send("stage", "POST", f"{stage}/go-live", body)

    def _end_stream(self, show: Show, _: Hours) -> Command:
        stage, lease = self._command_of(show)
        time.sleep(SHOWN_S)
        while True:
            etag = self.world.me.see("stage", stage).headers["etag"]
            asked = self.world.me.send("stage", "POST", f"{stage}/end-stream", {"lease": lease}, If_Match=etag)
            if asked.answer.status_code != httpx.codes.PRECONDITION_FAILED:
                return asked

    def _put_on_demand(self, show: Show, _: Hours) -> Command:
        """The whole recording as one film."""
        data = until("the recording", lambda: self._told("media", show, "media.recording_finalised.v1"))[0]["data"]
        made = self.world.me.send("media", "POST", f"/recordings/{data['recording_id']}/edits", {}).answer
        assert made.is_success, made.text
        edit = f"/edits/{made.json()['id']}"
        until("the film", lambda: self.world.me.get("media", edit)["situation"] == "RENDERED")
        return self.world.me.send("media", "POST", f"{edit}/vod")

    def _told(self, service: str, show: Show, tag: str) -> list[Any]:
        return [entry for entry in self.world.me.trail(service, show.ident) if entry["type"] == tag]

    def _command_of(self, show: Show) -> tuple[str, int]:
        """The path of the show's stage and the number of our lease of it, taken when it is not held."""
        found = self.world.me.get("scheduling", f"/shows/{show.ident}/run-of-show")["stages"][0]
        stage = f"/stages/{found['stage_id']}"
        if self._on_air(stage)["operator"] is None:
            taken = self.world.me.send("stage", "POST", f"{stage}/lease", {"ttl_s": 3600}).answer
            assert taken.is_success, taken.text
        return stage, int(self._on_air(stage)["operator"]["number"])

    def _on_air(self, stage: str) -> Any:
        return self.world.me.get("stage", f"{stage}/on-air")

    # --- looking

    def _as_the_model_says(self, show: Show) -> bool:
        """Whether what follows in other services has come, too."""
        seen = self.world.me.get("scheduling", f"/shows/{show.ident}")
        if seen["state"] != show.state and not (show.confirmed and seen["state"] in CONFIRMED):
            return False
        if show.hours is not None and self._situation(show.hours) != show.hours.situation:
            return False
        if len(self._told("media", show, "media.vod_upload_completed.v1")) < show.films:
            return False
        if show.confirmed and not self.world.me.get("scheduling", f"/shows/{show.ident}/crew")["seats"]:
            return False
        return not (show.on_duty and show.state not in ("CANCELLED", "ABANDONED")) or self._picture_is(show)

    def _picture_is(self, show: Show) -> bool:
        found = self.world.me.get("scheduling", f"/shows/{show.ident}/run-of-show")["stages"][0]
        answer = self.world.me.see("stage", f"/stages/{found['stage_id']}")
        if not answer.is_success:
            return False
        stage = answer.json()
        covered = stage["coverage"] is not None and stage["coverage"]["status"] == (
            "open" if show.today else "reserved"
        )
        return (
            covered
            and bool(stage["analysts"])
            and bool(self._on_air(f"/stages/{found['stage_id']}")["situation"] == show.picture)
        )

    def _situation(self, hours: Hours) -> str:
        return str(self.world.me.get("entitlement", f"/entitlements/{hours.ident}")["entitlement"]["situation"])

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        for show in getattr(self, "shows", ()):
            self._check_show(show)
        for hours in getattr(self, "hours", ()):
            self._check_hours(hours)
        if getattr(self, "shows", ()):
            self._check_lists()

    def _check_show(self, show: Show) -> None:
        answer = self.world.me.see("scheduling", f"/shows/{show.ident}")
        seen = answer.json()
        assert seen["state"] in (CONFIRMED if show.confirmed else (show.state,)), (show, seen)
        assert answer.headers["etag"] == f'"{seen["version"]}"'
        assert seen["version"] >= self.versions.get(show.ident, 1)
        self.versions[show.ident] = seen["version"]
        bound = seen["hours"]["entitlement_id"] if seen["hours"] else None
        assert bound == (show.hours.ident if show.hours and show.state != "CANCELLED" else None), (show, seen)
        self._check_trails(show)

    def _check_trails(self, show: Show) -> None:
        """In order and without gaps within each stream; all that was told, in that order; nothing of what was refused."""
        refused = {asked.correlation for other, asked in self.refused if other is show}
        for service in SERVICES:
            trail = self.world.me.trail(service, show.ident)
            positions = [entry["position"] for entry in trail]
            assert positions == sorted(set(positions))
            assert not refused & {entry["correlation"] for entry in trail}, (show, "a refused command left an event")
            told = self.caused.get(f"{service} {show.ident}", [])
            assert [entry["id"] for entry in trail if entry["id"] in set(told)] == told
        self.refused = [each for each in self.refused if each[0] is not show]

    def _check_hours(self, hours: Hours) -> None:
        answer = self.world.me.see("entitlement", f"/entitlements/{hours.ident}")
        card = answer.json()["entitlement"]
        assert card["situation"] == hours.situation, (hours, card)
        assert card["show_id"] == hours.show, (hours, card)
        amounts = card["hours"]
        accounts = ("available_ms", "reserved_ms", "consumed_ms", "forfeited_ms")
        assert sum(amounts[name] for name in accounts) == amounts["granted_ms"], amounts

    def _check_lists(self) -> None:
        limit = min(200, 7 + self.world.listed // 5)  # a few pages, however many shows there are by now
        lines = {line["show_id"]: line for line in self.world.me.every("scheduling", "/shows", limit=limit)}
        self.world.listed = len(lines)
        for show in self.shows:
            assert lines[show.ident]["state"] in (CONFIRMED if show.confirmed else (show.state,)), lines[show.ident]
        cards = self.world.me.every("entitlement", "/entitlements", limit=limit)
        assert len({card["entitlement_id"] for card in cards}) == len(cards)
        found = {card["entitlement_id"]: card["situation"] for card in cards}
        assert {each.ident: found.get(each.ident) for each in self.hours} == {
            each.ident: each.situation for each in self.hours
        }

    def teardown(self) -> None:
        """Nothing stays on air."""
        for show in getattr(self, "shows", ()):
            if show.picture == "LIVE":
                self._ask("end_stream", show)
