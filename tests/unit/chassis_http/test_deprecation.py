"""An operation that goes away says so on every answer and in its contract."""

import json
from datetime import UTC, datetime

import httpx
from litestar import get

from chassis.http.deprecation import Deprecation
from tests.unit.chassis_http import toy

GOING = Deprecation(
    since=datetime(2030, 1, 1, tzinfo=UTC), sunset=datetime(2030, 7, 1, 12, tzinfo=UTC), see="/docs#new-way"
)


@get("/old", operation_id="oldWay", scopes=["toy:read"], deprecation=GOING)
async def old_way() -> str:
    """Do it the old way."""
    return "done"


async def test_answers_name_the_dates_and_the_page() -> None:
    app = toy.app(handlers=[*toy.HANDLERS, old_way])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy") as client:
        good = await client.get("/old", headers={"Authorization": f"Bearer {toy.token()}"})
        refused = await client.get("/old")
        other = await client.get("/shows", headers={"Authorization": f"Bearer {toy.token()}"})
    for answer in (good, refused):
        assert answer.headers["deprecation"] == "@1893456000"
        assert answer.headers["sunset"] == "Mon, 01 Jul 2030 12:00:00 GMT"
        assert answer.headers["link"] == '</docs#new-way>; rel="deprecation"; type="text/html"'
    assert (good.status_code, refused.status_code) == (200, 401)
    assert "deprecation" not in other.headers


def test_the_contract_marks_it() -> None:
    document = json.loads(toy.app(handlers=[*toy.HANDLERS, old_way]).state.openapi())
    old = document["paths"]["/old"]["get"]
    assert old["deprecated"] is True
    assert {"Deprecation", "Sunset", "Link"} <= old["responses"]["200"]["headers"].keys()
    assert "deprecated" not in document["paths"]["/shows"]["get"]
