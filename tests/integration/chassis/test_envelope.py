"""What travels with an event, read by others: a CloudEvents library, a plain client in another language, two services."""

import re
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary_event
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from chassis.broker import StreamSource, connect
from chassis.handle import Cause, Do
from chassis.http import Answer, Api, receipt
from chassis.inbox import Inbox, Policy
from chassis.relay import Relay
from contracts.envelope import Recorded
from regie.broker_accounts import durable_of
from regie.exchange import partner_connection
from tests.integration.chassis.test_exchange import running, until
from tests.support import node
from tests.support.toy import COUNTER, Raise, Raised
from tests.unit.chassis_http.toy import token, verifier

TRACE = "0af7651916cd43dd8448eb211c80319c"
NAME = 'Zoë "100 %" 東京'


class RaiseIt(msgspec.Struct, forbid_unknown_fields=True):
    by: Annotated[int, msgspec.Meta(ge=1, le=1000)]


async def raised_over_http(handler: Any) -> httpx.Response:
    """One real request of a caller with a name no header can carry, inside a trace of its own."""

    @post("/raise", operation_id="raiseIt", scopes=["toy:write"])
    async def raise_it(data: JSONBody[RaiseIt], cause: NamedDependency[Cause]) -> Answer:
        """Raise a counter."""
        return receipt(await handler.run(COUNTER, ident := uuid4(), Raise(by=data.by), cause), ident)

    app = Api(
        service="toy", title="Toy", version="1", description="Counts.", handlers=[raise_it], verifier=verifier()
    ).build()
    headers = {"authorization": f"Bearer {token(sub=NAME)}", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy") as client:
        return await client.post("/raise", json={"by": 3}, headers=headers)


async def mirror_it(event: Raised, about: Recorded) -> list[Do]:
    return [Do(decider=COUNTER, ident=uuid4(), command=Raise(by=event.by))]


@pytest.fixture
async def exchanged(two_services, make_broker):
    """An event of `stage` asked for over HTTP, and the event of `media` its policy led to, both on the exchange."""
    (store, handler), (sink_store, sink) = two_services
    broker = await make_broker()
    stage = await connect(broker.url, "stage", broker.seed_file("stage"))
    media = await connect(broker.url, "media", broker.seed_file("media"))
    relays = [Relay("stage", store, stage), Relay("media", sink_store, media)]
    inbox = Inbox("stage", StreamSource(media, "stage", [Raised.tag()]), sink_store, sink, [Policy(Raised, mirror_it)])
    async with running(*(relay.run() for relay in relays), inbox.run()):
        answer = await raised_over_http(handler)
        assert answer.status_code == 201, answer.text

        async def both_are_out() -> bool:
            return all(relay.published == 1 for relay in relays)

        await until(both_are_out)
        [cause], [effect] = await store.read(0), await sink_store.read(0)
        yield broker, answer, cause, effect
    await stage.close()
    await media.close()


async def test_a_trace_runs_from_the_request_to_the_event_another_service_records(exchanged) -> None:
    _, answer, cause, effect = exchanged
    assert answer.headers["traceparent"].split("-")[1] == TRACE
    assert cause.metadata.traceparent == effect.metadata.traceparent == answer.headers["traceparent"]
    assert cause.metadata.correlation == effect.metadata.correlation == UUID(hex=TRACE)
    assert effect.metadata.causation == cause.metadata.id
    assert (cause.metadata.actor.id, effect.metadata.actor.id) == (NAME, "policy:mirror_it")


async def test_a_cloudevents_library_and_a_plain_client_in_node_read_what_we_send(exchanged) -> None:
    broker, _, cause, effect = exchanged
    seed = broker.seed_file("partner-acme")
    async with partner_connection(broker.url, seed, "acme") as partner:
        messages = []
        while len(messages) < 2:
            messages += await partner.fetch(2 - len(messages))
        by_library = [
            from_binary_event(HTTPMessage(headers=dict(message.headers), body=message.data)) for message in messages
        ]
        await partner.replay_from(1)
    in_node = await node.run_json("read_events.mjs", broker.url, str(seed), "acme", durable_of("acme"), "2")
    for name, record in (("stage", cause), ("media", effect)):
        [event] = [each for each in by_library if each.get_source() == f"/{name}"]
        assert str(event.get_id()) == str(record.metadata.id)
        assert event.get_time() == record.recorded_at
        assert event.get_data() == {"type": "toy.raised.v1", "at": "2026-06-10T09:00:00Z", "by": 3, "show_id": None}
        found = {key: value for key, value in event.get_attributes().items() if key != "time"}
        [plain] = [each for each in in_node if each["source"] == f"/{name}"]
        for attributes in (found, {**plain}):
            check_attributes(attributes, name, record)
        assert plain["data"] == event.get_data()


def check_attributes(event: dict[str, Any], service: str, record: Recorded) -> None:
    """What the specification and our own documents promise of each message."""
    meta = record.metadata
    assert UUID(event["id"]).version == 7
    assert event["type"] == f"regie.{record.type}"
    assert (event["specversion"], event["source"]) == ("1.0", f"/{service}")
    assert (event["subject"], event["datacontenttype"]) == (record.stream, "application/json")
    assert (event["tenant"], event["mode"], event["command"]) == ("acme", "live", "Raise")
    assert (event["position"], event["streamversion"]) == ("1", "1")
    assert (event["actor"], event["actorrole"]) == (meta.actor.id, meta.actor.role)
    assert (event["correlationid"], event["causationid"]) == (str(meta.correlation), str(meta.causation))
    assert event["traceparent"] == meta.traceparent
    for name in event:
        assert re.fullmatch("[a-z0-9]{1,20}", name), (
            f"{name}: a CloudEvents attribute is short, lower case, alphanumeric"
        )
