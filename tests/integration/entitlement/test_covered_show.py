"""A show from its confirmation to its settled hours: events of scheduling, timers and a restart, over a real database."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from contracts.envelope import Recorded, Role
from tests.integration.entitlement.conftest import SHORT_TERMS, Entitlement, Show
from tests.support.requests import ANY_VERSION


async def short_add_on(entitlement: Entitlement) -> str:
    """An add-on of five minutes with margins of a second, so that its real clock is short."""
    await entitlement.post("/terms", SHORT_TERMS, role=Role.SRE)
    return await entitlement.buy(await entitlement.prepare(), terms="short")


async def test_a_confirmed_show_is_covered_and_settled(entitlement: Entitlement) -> None:
    add_on = await short_add_on(entitlement)
    show = Show(add_on)
    entitlement.scheduling.say(show.confirmation())
    await entitlement.until_trail(add_on, "coverage_reserved")
    checked_in = entitlement.scheduling.say(show.check_in())
    await entitlement.until_trail(add_on, "coverage_started")
    right = await entitlement.get(f"{add_on}/coverage")
    assert (right["allowed"], right["reason"], right["show_id"]) == (True, "COVERED", str(show.show_id))
    entitlement.scheduling.say(show.ended())
    names = await entitlement.until_trail(add_on, "hours_forfeited")
    assert names[-4:] == ["coverage_window_closing", "coverage_ended", "hours_consumed", "hours_forfeited"]
    hours = (await entitlement.get(add_on))["entitlement"]["hours"]
    assert hours["granted_ms"] == hours["consumed_ms"] + hours["forfeited_ms"] == 300_000
    [consumed] = [
        row for row in (await entitlement.get(f"{add_on}/ledger"))["items"] if row["type"].endswith("hours_consumed.v1")
    ]
    assert str(checked_in) in {evidence["caused_by"] for evidence in consumed["evidence"]}
    assert consumed["worked"] is not None


async def test_a_restart_in_the_middle_loses_neither_timers_nor_the_meter(entitlement: Entitlement) -> None:
    add_on = await short_add_on(entitlement)
    show = Show(add_on, ahead_s=2.5, length_s=30)
    entitlement.scheduling.say(show.confirmation())
    await entitlement.until_trail(add_on, "coverage_reserved")
    entitlement.scheduling.say(show.check_in())
    await entitlement.until_trail(add_on, "early_check_in_noted")
    await entitlement.restart()
    await entitlement.until_trail(add_on, "coverage_started")
    await entitlement.stop()
    entitlement.scheduling.say(show.ended())
    await entitlement.start()
    names = await entitlement.until_trail(add_on, "hours_forfeited")
    assert (
        names.count("coverage_window_opened") == names.count("coverage_started") == names.count("coverage_ended") == 1
    )
    balance = await entitlement.get(f"{add_on}/balance")
    hours = balance["hours"]
    assert hours["consumed_ms"] + hours["forfeited_ms"] == hours["granted_ms"]
    assert (balance["situation"], balance["running_ms"]) == ("SETTLED", 0)


async def test_the_clock_tells_the_last_minutes_while_the_meter_runs(entitlement: Entitlement) -> None:
    """The threshold is a minute away, so the timers are looked at; the one that has just fired may still be there."""
    add_on = await short_add_on(entitlement)
    show = Show(add_on)
    entitlement.scheduling.say(show.confirmation())
    entitlement.scheduling.say(show.check_in())
    await entitlement.until_trail(add_on, "coverage_started")
    await entitlement.house.projector.wait(await entitlement.house.store.head())
    kinds = [row["id"].partition(":")[2] for row in await entitlement.house.db.fetch("SELECT id FROM public.timers")]
    assert set(kinds) - {"opening"} == {"ending", "left-4", "left-0", "expire", "warn-90", "warn-30", "warn-7"}


async def test_a_show_too_long_is_told_to_scheduling(entitlement: Entitlement) -> None:
    add_on = await short_add_on(entitlement)
    show = Show(add_on, length_s=600)
    entitlement.scheduling.say(show.confirmation())
    assert (await entitlement.until_trail(add_on, "reservation_refused"))[-1] == "reservation_refused"
    [told] = await entitlement.house.store.of_show(show.show_id, tenant="acme")
    assert b"HOURS_EXCEEDED" in told.payload


async def test_a_show_with_hours_the_customer_does_not_have_is_told_to_scheduling(entitlement: Entitlement) -> None:
    mine = await short_add_on(entitlement)
    for add_on, tenant in ((f"/entitlements/{uuid4()}", "acme"), (mine, "globex")):
        show = Show(add_on)
        entitlement.scheduling.say(show.confirmation(), tenant)
        [told] = await _of_show(entitlement, show.show_id, tenant)
        assert (told.type, told.metadata.tenant) == ("entitlement.reservation_refused.v1", tenant)
        assert b"NOT_FOUND" in told.payload
    assert "coverage_reserved" not in await entitlement.trail(mine)


async def _of_show(entitlement: Entitlement, show_id: UUID, tenant: str) -> list[Recorded]:
    """What the log says of a show, as soon as it says anything."""
    store = entitlement.house.store
    async with asyncio.timeout(20):
        while not (found := await store.of_show(show_id, tenant=tenant)):
            await store.wait_beyond(await store.head(), patience_s=0.2)
    return found


async def test_a_moved_show_takes_its_hours_along_or_hears_why_not(entitlement: Entitlement) -> None:
    add_on = await short_add_on(entitlement)
    show = Show(add_on, ahead_s=3600)
    entitlement.scheduling.say(show.confirmation())
    entitlement.scheduling.say(show.retimed(timedelta(hours=1)))
    await entitlement.until_trail(add_on, "coverage_retimed")
    reservation = (await entitlement.get(add_on))["entitlement"]["reservation"]
    assert reservation["starts_at"].startswith((show.starts_at + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"))
    entitlement.scheduling.say(show.retimed(timedelta(days=800)))
    assert (await entitlement.until_trail(add_on, "retiming_refused"))[-1] == "retiming_refused"


async def test_a_cancelled_show_gives_its_hours_back(entitlement: Entitlement) -> None:
    add_on = await short_add_on(entitlement)
    show = Show(add_on, ahead_s=3600)
    entitlement.scheduling.say(show.confirmation())
    entitlement.scheduling.say(show.cancelled())
    await entitlement.until_trail(add_on, "coverage_released")
    assert (await entitlement.get(add_on))["entitlement"]["hours"]["available_ms"] == 300_000


async def test_a_check_out_ends_the_consumption(entitlement: Entitlement) -> None:
    add_on = await short_add_on(entitlement)
    show = Show(add_on)
    entitlement.scheduling.say(show.confirmation())
    entitlement.scheduling.say(show.check_in())
    await entitlement.until_trail(add_on, "coverage_started")
    entitlement.scheduling.say(show.check_out())
    assert (await entitlement.until_trail(add_on, "hours_forfeited"))[-3] == "coverage_ended"


async def test_a_lapsed_base_package_suspends_and_its_return_reinstates(entitlement: Entitlement) -> None:
    package = await entitlement.prepare()
    add_on = await entitlement.buy(package)
    show = Show(add_on, ahead_s=86_400)
    entitlement.scheduling.say(show.confirmation())
    await entitlement.until_trail(add_on, "coverage_reserved")
    lapsed = await entitlement.ask("DELETE", f"/customers/me/base-packages/{package}", **ANY_VERSION)
    assert lapsed.status_code == 200
    await entitlement.until_trail(add_on, "entitlement_suspended")
    assert (await entitlement.get(add_on))["base"]["active"] is False
    await entitlement.post("/customers/me/base-packages", {"package_id": str(package), "features": []})
    await entitlement.until_trail(add_on, "entitlement_reinstated")
    assert (await entitlement.get(add_on))["entitlement"]["situation"] == "RESERVED"


async def test_an_add_on_waits_for_its_base_package(entitlement: Entitlement) -> None:
    package = uuid4()
    add_on = await entitlement.buy(package)
    assert (await entitlement.get(add_on))["entitlement"]["situation"] == "PENDING"
    await entitlement.post("/customers/me/base-packages", {"package_id": str(package)})
    await entitlement.until_trail(add_on, "entitlement_activated")


async def test_every_seat_of_a_show_follows_it(entitlement: Entitlement) -> None:
    """Two add-ons are two seats (Q18): the one scheduling names, and one reserved directly."""
    package = await entitlement.prepare()
    named, direct = [await entitlement.buy(package, order=order) for order in ("PO-1", "PO-2")]
    show = Show(named, ahead_s=86_400)
    times = {"starts_at": show.starts_at.isoformat(), "ends_at": show.ends_at.isoformat()}
    entitlement.scheduling.say(show.confirmation())
    await entitlement.until_trail(named, "coverage_reserved")
    await entitlement.post(f"{direct}/reservations", {"show_id": str(show.show_id), **times})
    entitlement.scheduling.say(show.retimed(timedelta(hours=2)))
    for add_on in (named, direct):
        await entitlement.until_trail(add_on, "coverage_retimed")
    entitlement.scheduling.say(show.cancelled())
    for add_on in (named, direct):
        await entitlement.until_trail(add_on, "coverage_released")


async def test_a_show_confirmed_again_with_hours_it_has_already_is_told_so(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    show = Show(add_on, ahead_s=86_400)
    times = {"starts_at": show.starts_at.isoformat(), "ends_at": show.ends_at.isoformat()}
    await entitlement.post(f"{add_on}/reservations", {"show_id": str(show.show_id), **times})
    entitlement.scheduling.say(show.confirmation())
    async with asyncio.timeout(20):
        while (await entitlement.trail(add_on)).count("coverage_reserved") < 2:
            await entitlement.house.store.wait_beyond(await entitlement.house.store.head(), patience_s=0.2)
    assert (await entitlement.get(f"{add_on}/balance"))["hours"]["reserved_ms"] == 61 * 60_000


async def test_a_check_in_for_no_coverage_is_parked_and_seen(entitlement: Entitlement) -> None:
    add_on = await short_add_on(entitlement)
    entitlement.scheduling.say(Show(add_on).check_in())
    async with asyncio.timeout(20):
        while not (parked := await entitlement.house.store.parked()):  # noqa: ASYNC110 - parking moves no head
            await asyncio.sleep(0.05)
    [message] = parked
    assert message["policy"] == "start_the_meter_when_the_analyst_checks_in"
    assert message["error"].startswith("OUTSIDE_COVERAGE")
