"""The API over a real database: what a customer, an integrator and a supervisor may ask, and what they are refused."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from contracts.envelope import Role
from tests.integration.entitlement.conftest import SHORT_TERMS, Entitlement
from tests.support.requests import ANY_VERSION

HOUR = timedelta(hours=1)


def tomorrow(hours: int, **more: object) -> dict[str, object]:
    """A show of so many hours, a day from now."""
    starts_at = datetime.now(UTC) + timedelta(days=1)
    return {
        "show_id": str(uuid4()),
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + hours * HOUR).isoformat(),
        **more,
    }


async def test_the_standard_terms_are_there_from_the_start(entitlement: Entitlement) -> None:
    terms = await entitlement.get("/terms/2026-1")
    assert (terms["granted_minutes"], terms["term_months"], terms["rules"]["margin_before_s"]) == (540, 12, 1800)
    await entitlement.restart()
    assert [each["terms_version"] for each in (await entitlement.get("/terms"))["items"]] == ["2026-1"]
    assert {"code": "D7", "title": "Start the session to go live", "activity": "coverage"} in await entitlement.get(
        "/terms/2026-1/catalogue"
    )


async def test_terms_are_the_customers_own_and_never_change(entitlement: Entitlement) -> None:
    await entitlement.post("/terms", SHORT_TERMS, role=Role.SRE)
    await entitlement.post("/terms", SHORT_TERMS, role=Role.SRE)
    changed = await entitlement.post("/terms", {**SHORT_TERMS, "granted_minutes": 6}, 409, role=Role.SRE)
    taken = await entitlement.post("/terms", {"terms_version": "2026-1", "granted_minutes": 6}, 409, role=Role.SRE)
    assert changed["code"] == taken["code"] == "TERMS_IMMUTABLE"
    assert (await entitlement.ask("GET", "/terms/short", tenant="globex")).status_code == 404
    seen = await entitlement.ask("GET", "/terms", **{"Regie-Position": str(await entitlement.house.store.head())})
    assert [each["terms_version"] for each in seen.json()["items"]] == ["2026-1", "short"]


async def test_what_did_not_change_is_not_sent_again(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    balance = f"{add_on}/balance"
    for path in ("/terms/2026-1", "/terms/2026-1/catalogue", balance):
        tag = (await entitlement.ask("GET", path)).headers["etag"]
        again = await entitlement.ask("GET", path, **{"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    before = (await entitlement.ask("GET", balance)).headers["etag"]
    await entitlement.post(f"{add_on}/reservations", tomorrow(2))
    assert (await entitlement.ask("GET", balance, **{"If-None-Match": before})).status_code == 200


async def test_only_an_administrator_lays_down_terms(entitlement: Entitlement) -> None:
    assert (await entitlement.post("/terms", SHORT_TERMS, 403))["code"] == "FORBIDDEN"


async def test_a_purchase_answers_where_the_add_on_is(entitlement: Entitlement) -> None:
    package = await entitlement.prepare()
    answer = await entitlement.ask(
        "POST",
        "/entitlements",
        {
            "order_ref": "PO-1",
            "terms_version": "2026-1",
            "base_package_id": str(package),
            "zone": "Europe/Paris",
            "starts_on": "2028-02-29",
        },
    )
    assert answer.status_code == 201
    detail = await entitlement.get(answer.headers["location"])
    assert detail["entitlement"]["situation"] == "ACTIVE"
    assert detail["entitlement"]["term"] == {
        "starts_at": "2028-02-28T23:00:00Z",
        "ends_at": "2029-02-27T23:00:00Z",
        "zone": "Europe/Paris",
    }
    assert detail["base"] == {"package_id": str(package), "active": True, "features": ["vod"]}


async def test_the_same_order_is_one_add_on_however_often_it_is_sent(entitlement: Entitlement) -> None:
    package = await entitlement.prepare()
    first, second = [await entitlement.buy(package) for _ in range(2)]
    assert first == second
    assert await entitlement.trail(first) == ["add_on_purchased", "entitlement_activated"]


async def test_a_repeated_key_returns_the_first_answer_and_another_body_is_refused(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    body, key = tomorrow(3), {"Idempotency-Key": "reserve-1"}
    first = await entitlement.ask("POST", f"{add_on}/reservations", body, **key)
    again = await entitlement.ask("POST", f"{add_on}/reservations", body, **key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await entitlement.ask("POST", f"{add_on}/reservations", tomorrow(4), **key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await entitlement.trail(add_on)).count("coverage_reserved") == 1


async def test_a_stale_version_is_refused(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    stale = await entitlement.ask("POST", f"{add_on}/reservations", tomorrow(3), **{"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "STALE_VERSION")


async def test_refusals_are_problem_documents_that_say_what_is_missing(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    long = await entitlement.post(f"{add_on}/reservations", tomorrow(9), 409)
    assert (long["code"], long["needed_minutes"], long["available_minutes"]) == ("HOURS_EXCEEDED", 600, 540)
    await entitlement.post(f"{add_on}/reservations", tomorrow(3))
    bound = await entitlement.post(f"{add_on}/reservations", tomorrow(3), 409)
    assert bound["code"] == "GRANT_ALREADY_BOUND"


async def test_reserving_needs_the_platform(entitlement: Entitlement) -> None:
    package = uuid4()
    await entitlement.post("/customers/me/base-packages", {"package_id": str(package)})
    add_on = await entitlement.buy(package)
    refused = await entitlement.post(f"{add_on}/reservations", tomorrow(3), 403)
    assert refused["code"] == "PLATFORM_ACCESS_REQUIRED"


async def test_a_part_of_a_longer_show_may_be_covered(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    show = tomorrow(12)
    starts_at = datetime.fromisoformat(str(show["starts_at"]))
    part = {"opens_at": starts_at.isoformat(), "closes_at": (starts_at + 9 * HOUR).isoformat()}
    await entitlement.post(f"{add_on}/reservations", {**show, "covers": part})
    assert (await entitlement.get(add_on))["entitlement"]["reservation"]["partial"] is True


async def test_a_released_reservation_frees_the_hours(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    await entitlement.post(f"{add_on}/reservations", tomorrow(8))
    assert (await entitlement.ask("DELETE", f"{add_on}/reservation", **ANY_VERSION)).status_code == 200
    assert (await entitlement.get(f"{add_on}/balance"))["left_minutes"] == 540


async def test_the_past_is_as_it_was(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    bought = await entitlement.house.store.head()
    recorded_at = (await entitlement.house.store.read(bought - 1))[0].recorded_at
    await entitlement.post(f"{add_on}/reservations", tomorrow(3))
    then = await entitlement.get(f"{add_on}?as_of=@{bought}")
    assert then["entitlement"]["reservation"] is None
    at = recorded_at.isoformat().replace("+00:00", "Z")
    assert (await entitlement.get(f"{add_on}/balance?at={at}"))["hours"]["reserved_ms"] == 0
    assert (await entitlement.get(f"{add_on}/balance"))["hours"]["reserved_ms"] == 240 * 60_000
    naive = await entitlement.ask("GET", f"{add_on}/balance?at=2026-06-10T09:00:00")
    assert naive.status_code == 422


async def test_another_customers_add_on_is_not_there(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    for path in (add_on, f"{add_on}/balance", f"{add_on}/ledger", f"{add_on}/coverage"):
        answer = await entitlement.ask("GET", path, tenant="globex")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert (await entitlement.post(f"{add_on}/reservations", tomorrow(3), 404, tenant="globex"))["code"] == "NOT_FOUND"
    assert (await entitlement.get("/entitlements", tenant="globex")) == {"items": [], "next": None}


async def test_the_list_pages_through_what_was_bought(entitlement: Entitlement) -> None:
    package = await entitlement.prepare()
    bought = [await entitlement.buy(package, order=f"PO-{nr}") for nr in range(3)]
    head = {"Regie-Position": str(await entitlement.house.store.head())}
    first = await entitlement.get("/entitlements?limit=2", **head)
    rest = await entitlement.get(f"/entitlements?limit=2&cursor={first['next']}")
    listed = [f"/entitlements/{item['entitlement_id']}" for item in [*first["items"], *rest["items"]]]
    assert (listed, rest["next"]) == (bought, None)
    assert len((await entitlement.get("/entitlements?situation=RESERVED"))["items"]) == 0


async def test_the_list_and_a_single_look_agree(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    await entitlement.post(f"{add_on}/reservations", tomorrow(3))
    head = {"Regie-Position": str(await entitlement.house.store.head())}
    [listed] = (await entitlement.get("/entitlements?situation=RESERVED", **head))["items"]
    assert listed == (await entitlement.get(add_on))["entitlement"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 201, None),
        ({"duty": "D99"}, 403, "NOT_IN_SCOPE"),
        ({"duty": "P3"}, 422, "NOT_METERED"),
        ({"of_seat": False}, 422, "NOT_METERED"),
        ({"duty": "D7"}, 403, "OUTSIDE_COVERAGE"),
    ],
)
async def test_work_is_judged_by_the_catalogue(
    entitlement: Entitlement, change: dict[str, object], status: int, code: str | None
) -> None:
    add_on = await entitlement.buy(await entitlement.prepare(), terms="2026-1")
    now = datetime.now(UTC)
    work = {
        "work_id": str(uuid4()),
        "duty": "D2",
        "started_at": (now - timedelta(seconds=2)).isoformat(),
        "ended_at": (now - timedelta(seconds=1)).isoformat(),
        **change,
    }
    answer = await entitlement.post(f"{add_on}/work-logs", work, status)
    assert answer.get("code") == code


async def test_overtime_is_the_customers_to_authorise(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    body = {"minutes": 30, "reason": "encore"}
    assert (await entitlement.post(f"{add_on}/overtime", body, 403))["code"] == "CUSTOMER_DUTY"
    await entitlement.post(f"{add_on}/overtime", body, role=Role.CUSTOMER)
    assert (await entitlement.get(f"{add_on}/balance"))["left_minutes"] == 570


async def test_corrections_are_a_supervisors_and_are_in_the_ledger(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    body = {
        "correction_id": str(uuid4()),
        "source": "available",
        "target": "consumed",
        "moved_ms": 60_000,
        "reason": "a forgotten briefing",
    }
    assert (await entitlement.post(f"{add_on}/corrections", body, 403, role=Role.SRE))["code"] == "SUPERVISOR_ONLY"
    await entitlement.post(f"{add_on}/corrections", body, role=Role.SUPERVISOR)
    await entitlement.post(f"{add_on}/corrections", body, role=Role.SUPERVISOR)
    bought, corrected = (await entitlement.get(f"{add_on}/ledger"))["items"]
    assert bought["moves"] == [{"source": "purchase", "target": "available", "ms": 540 * 60_000}]
    assert (corrected["by"], corrected["hours"]["consumed_ms"]) == ("supervisor@acme", 60_000)


async def test_an_administrator_suspends_reinstates_and_revokes(entitlement: Entitlement) -> None:
    add_on = await entitlement.buy(await entitlement.prepare())
    await entitlement.post(f"{add_on}/suspend", {"reason": "unpaid"}, 200, role=Role.SRE)
    assert (await entitlement.post(f"{add_on}/reservations", tomorrow(3), 409))["code"] == "ENTITLEMENT_SUSPENDED"
    await entitlement.post(f"{add_on}/reinstate", None, 200, role=Role.SRE)
    twice = await entitlement.post(f"{add_on}/reinstate", None, 409, role=Role.SRE)
    assert (twice["code"], twice["state"]) == ("WRONG_STATE", "ACTIVE")
    await entitlement.post(f"{add_on}/revoke", {"reason": "fraud"}, 200, role=Role.SRE, **ANY_VERSION)
    assert (await entitlement.get(add_on))["entitlement"]["hours"]["forfeited_ms"] == 540 * 60_000


async def test_the_access_card_shows_what_is_never_metered(entitlement: Entitlement) -> None:
    package = await entitlement.prepare()
    await entitlement.post("/customers/me/standard-support", {"channels": ["chat", "email"]})
    await entitlement.post("/customers/me/resources", {"title": "Close a session", "url": "https://learn.example/1"})
    await entitlement.post(
        "/customers/me/platform-access/revocation", {"reason": "agreement ended"}, 200, **ANY_VERSION
    )
    card = await entitlement.get("/customers/me/access")
    assert (card["platform"], card["standard_support"]) == (None, ["chat", "email"])
    assert [resource["title"] for resource in card["resources"]] == ["Close a session"]
    assert card["base_packages"] == [{"package_id": str(package), "features": ["vod"], "active": True}]


async def test_a_verdict_needs_no_add_on(entitlement: Entitlement) -> None:
    times = "starts_at=2026-10-24T22:00:00%2B02:00&ends_at=2026-10-25T05:01:00%2B01:00"
    verdict = await entitlement.get(f"/coverage-verdict?{times}")
    assert (verdict["verdict"], verdict["needed_minutes"], verdict["seats_needed"]) == ("partial", 541, 2)
    assert (await entitlement.get(f"/coverage-verdict?{times}&seats=2"))["verdict"] == "split"
    unknown = await entitlement.ask("GET", f"/coverage-verdict?{times}&terms_version=1999")
    assert unknown.json()["code"] == "TERMS_UNKNOWN"


async def test_a_malformed_request_names_each_field(entitlement: Entitlement) -> None:
    answer = await entitlement.post("/entitlements", {"order_ref": "", "zone": "Europe/Paris", "colour": 1}, 422)
    assert answer["code"] == "INVALID"
    lost = await entitlement.post(
        "/entitlements",
        {"order_ref": "1", "terms_version": "2026-1", "base_package_id": str(uuid4()), "zone": "Europe/Lutetia"},
        422,
    )
    assert lost["code"] == "ZONE_UNKNOWN"
