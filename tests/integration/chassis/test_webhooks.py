"""Webhooks over a real database, a real vault and real receivers that verify with the specification's library."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest

from chassis import tenancy
from chassis.migrate import VAULT_SQL, migrate
from chassis.outbound import Outbound
from chassis.service import Definition, House, api, open_house
from chassis.settings import ChassisSettings
from chassis.webhooks.post import Attempt, Post
from contracts.envelope import Role
from regie.issuer import Issuer
from tests.support.dns import name_server
from tests.support.receiver import Receiver, receiving
from tests.support.toy import COUNTER, EVENTS, Empty, Raise, cause

DEFINITION = Definition(name="scheduling", title="Toy", summary="A toy.", events=EVENTS)
PAUSES = "0.05,0.05,0.05"


class Toy:
    """A service with webhooks; its courier runs until `stop`, as a process does."""

    def __init__(self, house: House, issuer: Issuer, databases: dict[str, str]) -> None:
        self.house, self.issuer, self.databases = house, issuer, databases
        transport = httpx.ASGITransport(app=api(DEFINITION, house))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://toy", timeout=30)
        self.courier: asyncio.Task[None] | None = None
        self.start()

    def start(self) -> None:
        assert self.house.courier is not None
        with tenancy.seeing_all():
            self.courier = asyncio.create_task(self.house.courier.run())

    async def stop(self) -> None:
        assert self.courier is not None
        self.courier.cancel()
        await asyncio.gather(self.courier, return_exceptions=True)

    async def record(self, count: int = 1, tenant: str = "acme", **more: Any) -> None:
        for _ in range(count):
            await self.house.handler.run(COUNTER, uuid4(), Raise(by=1, **more), cause(tenant))

    async def ask(
        self, method: str, path: str, status: int = 200, /, role: Role = Role.PARTNER, tenant: str = "acme", **how: Any
    ) -> Any:
        headers = {"authorization": f"Bearer {self.issuer.token([role], tenant)}", **how.pop("headers", {})}
        answer = await self.http.request(method, path, headers=headers, **how)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def hook(self, receiver: Receiver, **more: Any) -> str:
        """Registers the receiver, which then knows the secret."""
        made = await self.ask("POST", "/webhooks", 201, json={"url": receiver.url, **more})
        receiver.secrets.append(made["secret"])
        return str(made["webhook"]["id"])

    async def until(self, hook: str, holds: Callable[[Any], bool]) -> Any:
        seen: Any = None
        try:
            async with asyncio.timeout(20):
                while not holds(seen := await self.ask("GET", f"/webhooks/{hook}")):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(seen) from None
        return seen

    async def deliveries(self, hook: str) -> list[Any]:
        return list((await self.ask("GET", f"/webhooks/{hook}/deliveries", params={"limit": 200}))["items"])


@pytest.fixture
async def toy(toy_urls: tuple[str, str], make_database: Callable[..., Awaitable[Any]], home: Any) -> AsyncIterator[Toy]:
    vault = await make_database("vault", migrated=False)
    await migrate(vault.owner_url, str(urlsplit(vault.service_url).username), [VAULT_SQL], log=False)
    issuer = Issuer(home)
    issuer.publish()
    (home.secrets / "vault.key").write_text("11" * 32)
    settings = ChassisSettings(
        database_url=toy_urls[1],
        vault_database_url=vault.service_url,
        vault_key_file=home.secrets / "vault.key",
        jwks=str(issuer.jwks),
        outbound_allow="127.0.0.0/8",
        webhook_pauses_s=PAUSES,
        home=home.path,
    )
    async with open_house(DEFINITION, settings) as house:
        running = Toy(house, issuer, {"own": toy_urls[1], "vault": vault.service_url})
        yield running
        await running.stop()
        await running.http.aclose()


async def test_events_arrive_signed_in_order_and_once_each_as_cloudevents(toy: Toy) -> None:
    await toy.record(2)  # before the webhook: not wanted
    async with receiving() as receiver:
        hook = await toy.hook(receiver)
        await toy.record(1, "globex")
        await toy.record(30)
        told = await receiver.until(30)
        assert [message.event["position"] for message in told] == [str(position) for position in range(4, 34)]
        events = (await toy.ask("GET", "/events", params={"after": 3}))["entries"]
        assert [message.ident for message in told] == [entry["id"] for entry in events]
        first = told[0].event
        assert first["data"] == events[0]["data"]
        assert (first["specversion"], first["id"], first["source"]) == ("1.0", told[0].ident, "/scheduling")
        assert (first["type"], first["tenant"]) == ("regie.toy.raised.v1", "acme")
        assert told[0].headers["content-type"] == "application/cloudevents+json"
        await toy.until(hook, lambda seen: seen["after"] == 33)
        assert len(receiver.got) == receiver.tries == 30
        log = await toy.deliveries(hook)
        assert [(line["position"], line["status"], line["error"]) for line in log[:1]] == [(33, 200, "")]
        assert len(log) == 30


async def test_only_wanted_types_and_shows_are_told_from_the_position_asked_for(toy: Toy) -> None:
    show = uuid4()
    await toy.record(3)
    async with receiving() as shows, receiving() as emptied, receiving() as everything:
        await toy.hook(shows, show=str(show), after=0)
        await toy.hook(emptied, types=["toy.emptied.v1"], after=0)
        await toy.hook(everything, after=1)
        await toy.record(1, show_id=show)
        counter = uuid4()
        for command in (Raise(by=1), Empty()):
            await toy.house.handler.run(COUNTER, counter, command, cause())
        assert [m.event["position"] for m in await shows.until(1)] == ["4"]
        assert [m.event["type"] for m in await emptied.until(1)] == ["regie.toy.emptied.v1"]
        assert [m.event["position"] for m in await everything.until(5)] == ["2", "3", "4", "5", "6"]
        refused = await toy.ask("POST", "/webhooks", 422, json={"url": shows.url, "types": ["toy.no_such.v1"]})
        assert refused["errors"][0]["field"].startswith("/types")
        assert (await toy.ask("POST", "/webhooks", 409, json={"url": shows.url, "after": 99}))["end"] == 6


async def test_failures_are_tried_again_under_the_same_id_and_hold_back_what_follows(toy: Toy) -> None:
    async with receiving(plan=[500, "hang up", 302]) as receiver:
        receiver.answer_headers["location"] = receiver.url  # a redirect is an answer, not a way
        hook = await toy.hook(receiver)
        await toy.record(2)
        told = await receiver.until(2)
        assert [message.event["position"] for message in told] == ["1", "2"]
        log = list(reversed(await toy.deliveries(hook)))
        await toy.until(hook, lambda seen: seen["after"] == 2 and seen["failures"] == 0)
        log = list(reversed(await toy.deliveries(hook)))
        assert [(line["position"], line["status"]) for line in log] == [
            (1, 500),
            (1, None),
            (1, 302),
            (1, 200),
            (2, 200),
        ]
        assert len({line["message"] for line in log[:4]}) == 1
        assert log[1]["error"]


@pytest.mark.parametrize(("plan", "why"), [([410], "410 Gone"), ([503] * 4, "4 attempts failed")])
async def test_a_receiver_that_is_gone_is_given_up_and_loses_nothing_when_it_comes_back(
    toy: Toy, plan: list[int | str], why: str
) -> None:
    async with receiving(plan=plan) as receiver:
        hook = await toy.hook(receiver)
        await toy.record(3)
        seen = await toy.until(hook, lambda seen: seen["state"] == "disabled")
        assert why in seen["reason"]
        assert (seen["after"], receiver.got) == (0, [])
        actions = (await toy.ask("GET", "/webhook-actions"))["items"]
        assert (actions[0]["action"], actions[0]["actor"]) == ("disabled", "webhooks")
        await toy.ask("POST", f"/webhooks/{hook}/resume")
        assert [message.event["position"] for message in await receiver.until(3)] == ["1", "2", "3"]


async def test_a_webhook_is_paused_resumed_replayed_and_deleted(toy: Toy) -> None:
    async with receiving() as receiver:
        hook = await toy.hook(receiver)
        await toy.record(2)
        await receiver.until(2)
        assert (await toy.ask("POST", f"/webhooks/{hook}/pause"))["state"] == "paused"
        assert (await toy.ask("POST", f"/webhooks/{hook}/pause", 409))["code"] == "WRONG_STATE"
        await toy.record(2)
        await asyncio.sleep(0.3)
        assert len(receiver.got) == 2
        await toy.ask("POST", f"/webhooks/{hook}/resume")
        await receiver.until(4)
        await toy.until(hook, lambda seen: seen["after"] == 4)
        await toy.ask("POST", f"/webhooks/{hook}/replay", json={"after": 1})
        told = await receiver.until(7)
        assert [message.event["position"] for message in told] == ["1", "2", "3", "4", "2", "3", "4"]
        assert told[1].ident == told[4].ident
        await toy.ask("POST", f"/webhooks/{hook}/replay", 409, json={"after": 99})
        await toy.ask("DELETE", f"/webhooks/{hook}", 204)
        await toy.ask("GET", f"/webhooks/{hook}", 404)
        await toy.record(1)
        await asyncio.sleep(0.3)
        assert len(receiver.got) == 7
        done = [line["action"] for line in reversed((await toy.ask("GET", "/webhook-actions"))["items"])]
        assert done == ["registered", "paused", "resumed", "replayed", "deleted"]
        vault = await asyncpg.connect(toy.databases["vault"], server_settings={"regie.tenant": "*"})
        assert await vault.fetchval("SELECT count(*) FROM public.secrets") == 0
        await vault.close()


async def test_while_a_secret_is_rotated_both_verify_and_afterwards_only_the_new_one(toy: Toy) -> None:
    async with receiving() as old, receiving() as new:
        hook = await toy.hook(old)
        rotated = await toy.ask("POST", f"/webhooks/{hook}/secret")
        assert rotated["secret"] not in old.secrets
        await toy.record(1)
        (message,) = await old.until(1)
        assert len(message.headers["webhook-signature"].split()) == 2
        new.secrets.append(rotated["secret"])
        assert new.judge(message.headers, message.body) == 200
        own = await asyncpg.connect(toy.databases["own"], server_settings={"regie.tenant": "*"})
        await own.execute("UPDATE public.webhooks SET old_secret_until = now() - interval '1 second'")
        await own.close()
        await toy.until(hook, lambda seen: seen["after"] == 1)
        await toy.record(1)
        await toy.until(hook, lambda seen: seen["failures"] > 0 or seen["state"] == "disabled")
        assert old.unsigned > 0


async def test_a_ping_is_answered_with_what_came_of_it_and_moves_nothing(toy: Toy) -> None:
    async with receiving() as receiver:
        hook = await toy.hook(receiver)
        result = await toy.ask("POST", f"/webhooks/{hook}/ping")
        assert (result["taken"], result["status"], result["error"]) == (True, 200, "")
        assert receiver.got[0].event["type"] == "regie.webhook.ping"
        receiver.plan = [418]
        result = await toy.ask("POST", f"/webhooks/{hook}/ping")
        assert (result["taken"], result["status"]) == (False, 418)
        assert (await toy.ask("GET", f"/webhooks/{hook}"))["failures"] == 0


async def test_a_repeated_registration_is_the_first_one(toy: Toy) -> None:
    async with receiving() as receiver:
        key = {"Idempotency-Key": "order-7"}
        body = {"url": receiver.url}
        first = await toy.ask("POST", "/webhooks", 201, json=body, headers=key)
        again = await toy.ask("POST", "/webhooks", 201, json=body, headers=key)
        assert (first["secret"], first["webhook"]["id"]) == (again["secret"], again["webhook"]["id"])
        other = await toy.ask("POST", "/webhooks", 422, json={**body, "after": 0}, headers=key)
        assert other["code"] == "IDEMPOTENCY_KEY_REUSED"
        assert len((await toy.ask("GET", "/webhooks"))["items"]) == 1


async def test_webhooks_are_their_tenants_alone_and_not_everybodys_who_may_read(toy: Toy) -> None:
    async with receiving() as receiver:
        hook = await toy.hook(receiver)
        for method, path in (
            ("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/ping"), ("POST", "/secret"),
            ("POST", "/pause"), ("POST", "/resume"),
        ):  # fmt: skip
            await toy.ask(method, f"/webhooks/{hook}{path}", 404, tenant="globex")
            await toy.ask(method, f"/webhooks/{hook}{path}", 403, role=Role.ANALYST)
        await toy.ask("POST", f"/webhooks/{hook}/replay", 404, tenant="globex", json={"after": 0})
        assert (await toy.ask("GET", "/webhooks", tenant="globex"))["items"] == []
        assert (await toy.ask("GET", "/webhook-actions", tenant="globex"))["items"] == []
        assert receiver.tries == 0
        await toy.ask("GET", "/webhooks", 404, params={"cursor": "WyJ4Il0"})


async def test_the_secret_is_shown_once_and_stands_in_no_table_of_the_service(toy: Toy) -> None:
    async with receiving() as receiver:
        hook = await toy.hook(receiver)
        secret = receiver.secrets[0].removeprefix("whsec_")
        for path in (f"/webhooks/{hook}", "/webhooks", "/webhook-actions", f"/webhooks/{hook}/deliveries"):
            assert secret not in str(await toy.ask("GET", path))
        seen = 0
        for database in toy.databases.values():
            connection = await asyncpg.connect(database, server_settings={"regie.tenant": "*"})
            tables = await connection.fetch(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'log')"
                " AND tablename <> 'migrations'"
            )
            for table in tables:
                rows = await connection.fetch(f'SELECT t::text FROM "{table[0]}"."{table[1]}" t')
                seen += len(rows)
                assert not any(secret in row[0] for row in rows)
            await connection.close()
        assert seen > 3


async def test_what_was_done_cannot_be_changed_by_the_services_role(toy: Toy) -> None:
    async with receiving() as receiver:
        await toy.hook(receiver)
    connection = await asyncpg.connect(toy.databases["own"])
    for attack in ("UPDATE log.webhook_actions SET actor = 'x'", "DELETE FROM log.webhook_actions"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(attack)
    await connection.close()


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/x", "https://169.254.169.254/latest", "http://[::1]/x", "http://8.8.8.8/x", "https://a@8.8.8.8/"],
)
async def test_an_address_that_leads_inside_is_refused(toy: Toy, url: str) -> None:
    refused = await toy.ask("POST", "/webhooks", 403, json={"url": url})
    assert refused["code"] == "ADDRESS_NOT_ALLOWED"
    assert (await toy.ask("GET", "/webhooks"))["items"] == []


async def test_a_name_that_leads_inside_later_reaches_nobody() -> None:
    """DNS rebinding: what the name answered when it was checked does not help it at the next connection."""
    loopback = Outbound.allowing("127.0.0.1/32").allow
    async with receiving(secrets=["whsec_" + "A" * 32]) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        for answers, reached in ((("127.0.0.1",), 1), (("127.0.0.2", "127.0.0.1"), 1), (("10.0.0.9",), 1)):
            with name_server(*answers) as names:
                async with Post(Outbound(loopback, names.resolve)) as post:
                    attempt = await post.send(f"http://hook.example:{port}/hook", {}, b"{}")
                assert names.asked == ["hook.example"]
            assert receiver.tries == reached
        assert attempt == Attempt(
            status=None, took_ms=attempt.took_ms, error="the host is, or resolves to, an address that is not public"
        )


async def test_a_receiver_without_end_or_without_sense_is_left(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.webhooks.post.ANSWER_S", 0.5)

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await writer.drain()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def strange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-secret-banner\r\n")
        writer.close()

    found = []
    async with Post(Outbound.allowing("127.0.0.0/8")) as post:
        for behaviour in (endless, silent, strange):
            server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            found.append(await post.send(f"http://127.0.0.1:{port}/", {}, b"{}"))
            server.close()
    assert [(attempt.status, attempt.error) for attempt in found] == [
        (200, ""), (None, "no answer in time"), (None, "the answer is not HTTP"),
    ]  # fmt: skip


async def test_couriers_that_are_stopped_in_the_middle_lose_nothing_and_keep_the_order(toy: Toy) -> None:
    """Stopped at random moments while events are recorded and told; at least once each, first tellings in order."""
    async with receiving() as receiver:
        hook = await toy.hook(receiver)
        for _ in range(8):
            await toy.record(10)
            await asyncio.sleep(0.02)
            await toy.stop()
            toy.start()
        await toy.until(hook, lambda seen: seen["after"] == 80)
        positions = [int(message.event["position"]) for message in receiver.got]
        assert list(dict.fromkeys(positions)) == list(range(1, 81))
        assert len(positions) <= 80 + 8


async def test_two_couriers_of_one_service_do_not_tell_twice(toy: Toy) -> None:
    settings = toy.house.settings
    async with open_house(DEFINITION, settings) as second, receiving() as receiver:
        assert second.courier is not None
        with tenancy.seeing_all():
            other = asyncio.create_task(second.courier.run())
        hook = await toy.hook(receiver)
        await toy.record(20)
        await toy.until(hook, lambda seen: seen["after"] == 20)
        assert receiver.tries == 20
        await toy.stop()
        await toy.record(5)
        await receiver.until(25)
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        toy.start()
