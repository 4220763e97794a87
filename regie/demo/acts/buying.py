"""First act, buying: terms, the base package, the add-on and its nine hours."""

from typing import Any
from uuid import uuid4

from regie.demo.client import expect, until
from regie.demo.context import Show

SHORT = {"margin_before_s": 40, "margin_after_s": 4, "prep_s": 30, "thresholds_minutes": []}
"""The demo's clock is real, but short: its terms say 40 s and 4 s where the standard terms say 30 minutes."""


async def buy(show: Show) -> None:
    with show.story.step("The standard terms are there: 540 min, 30 min before and after") as told:
        terms = await until("the standard terms", lambda: show.customer.get("entitlement", "/terms/2026-1"))
        rules = terms["rules"]
        expect(
            (terms["granted_minutes"], rules["margin_before_s"], rules["margin_after_s"]) == (540, 1800, 1800),
            "the standard terms",
            terms,
        )
        told(f"sha256 {terms['sha256'][:12]}")
    with show.story.step("Terms for a short demonstration are laid down") as told:
        version = f"demo-{uuid4().hex[:8]}"
        await show.supervisor.post("entitlement", "/terms", {"terms_version": version, "rules": SHORT})
        told(f"{version}: coverage opens {SHORT['margin_before_s']} s before the show")
    package = str(uuid4())
    with show.story.step("The add-on without its base package stays pending") as told:
        order = {
            "order_ref": f"order-{uuid4().hex[:8]}",
            "terms_version": version,
            "base_package_id": package,
            "zone": "Europe/Paris",
        }
        bought = await show.integrator.post("entitlement", "/entitlements", order)
        show.entitlement_id = bought["id"]
        told((await card(show))["situation"])
        expect((await card(show))["situation"] == "PENDING", "the add-on waits for its base package")
    with show.story.step("The base production package is bought: nine hours are there") as told:
        await show.integrator.post(
            "entitlement", "/customers/me/platform-access", {"starts_at": "2026-01-01T00:00:00Z"}
        )
        await show.integrator.post(
            "entitlement", "/customers/me/base-packages", {"package_id": package, "features": ["vod"]}
        )
        await until("the add-on is active", lambda: _is(show, "ACTIVE"))
        hours = (await card(show))["hours"]
        expect(hours["available_minutes"] == 540, "540 minutes are available", hours)
        told(f"{hours['available_minutes']} min available, active until {(await card(show))['term']['ends_at'][:10]}")


async def card(show: Show) -> dict[str, Any]:
    found = await show.customer.get("entitlement", f"/entitlements/{show.entitlement_id}")
    return dict(found["entitlement"])


async def _is(show: Show, situation: str) -> bool:
    return bool((await card(show))["situation"] == situation)
