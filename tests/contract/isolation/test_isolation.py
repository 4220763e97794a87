"""Proof of isolation, generated from the contracts: every operation of every service, asked in every wrong way.

Whoever asks without the right is answered 401, 403 or 404; the answers about another tenant's resource and about one that
never was are the same, byte for byte; and nothing is left behind but the denials.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis import tenancy
from chassis.migrate import VAULT_SQL, migrate
from chassis.settings import LOCAL_ISSUER
from contracts.roles import SCOPES, SERVICES
from regie.home import Home
from regie.issuer import AUDIENCE
from tests.contract.isolation.asking import Operation, made_up, operations
from tests.contract.isolation.houses import Opened, opened_service

GENERATED = Path(__file__).parents[3] / "contracts" / "generated" / "openapi"
PUBLIC = {"healthLive", "healthReady"}
EMPTY_LISTS: dict[str, set[str]] = {
    "entitlement": {"listShowEvents"},
    "scheduling": {"listShowEvents"},
    "stage": {"listShowEvents", "seeAsRun"},
    "media": {"listShowEvents", "listAssets"},
}
"""Lists that answer an unknown parent with an empty page, by service; the page is compared like a refusal."""
WISHES_FULFILLED = {"leaveTeam"}
"""Answered kindly where there was nothing to do, whoever was meant; nothing is recorded."""
CHOSEN_BY_THE_CALLER = {"planSession"}
"""Parts whose id the caller chooses, within what is its own."""

OF_NOBODY = {"level", "tile"}
"""Path parameters that name no tenant's own: a piece of the whole log's tree, which is hashes alone."""

EVERY_SCOPE = " ".join(sorted(frozenset[str]().union(*SCOPES.values())))


def contract(service: str) -> list[Operation]:
    return list(operations(json.loads((GENERATED / f"{service}.json").read_text())))


def holes_of(service: str) -> set[str]:
    """Every path parameter of a service: each has to be tried with what another tenant really owns."""
    return {hole for operation in contract(service) for hole in operation.holes}


class Forger:
    """Tokens of every wrong kind, signed with the house's own key where the fault is another."""

    def __init__(self, opened: Opened) -> None:
        self.key, self.kid = opened.issuer._key, opened.issuer._kid
        self.other = ECKey.generate_key("P-256")

    def token(self, tenant: str = "globex", *, key: ECKey | None = None, ttl_s: int = 3600, **claims: Any) -> str:
        now = int(time.time())
        about = {
            "iss": LOCAL_ISSUER, "aud": AUDIENCE, "sub": "eve", "tenant": tenant, "roles": ["customer", "supervisor"],
            "scope": EVERY_SCOPE, "iat": now - 7200, "exp": now + ttl_s, **claims,
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": self.kid, "typ": "JWT"}, about, key or self.key)

    def unsigned(self) -> str:
        return f"eyJhbGciOiJub25lIiwia2lkIjoiayJ9.{self.token().split('.')[1]}."

    def wrong(self) -> dict[str, dict[str, str]]:
        """Headers by what is wrong with them."""
        tokens = {
            "expired": self.token(ttl_s=-60),
            "wrong audience": self.token(aud="another"),
            "for another service": self.token(aud=f"{AUDIENCE}/none"),
            "alg none": self.unsigned(),
            "wrong key": self.token(key=self.other),
        }
        return {"no token": {}, **{fault: {"authorization": f"Bearer {token}"} for fault, token in tokens.items()}}


@pytest.fixture
def open_service(make_database: Any, home: Home) -> Callable[[str], Any]:
    async def open_one(name: str) -> Any:
        own, vault = await make_database(name), await make_database("vault", migrated=False)
        await migrate(vault.owner_url, urlsplit(vault.service_url).username, [VAULT_SQL], log=False)
        return opened_service(name, own.service_url, vault.service_url, home)

    return open_one


def comparable(answer: httpx.Response, ids: dict[str, str]) -> tuple[Any, ...]:
    """What two answers must have in common: all but the trace id and the path that was asked for."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("traceparent", "content-length")}
    body = answer.text
    for trace in (answer.headers["traceparent"].split("-")[1], *sorted(ids.values(), key=len, reverse=True)):
        body = body.replace(trace, "*")
    return answer.status_code, headers, body


async def recorded(opened: Opened) -> dict[str, Any]:
    """Everything the databases of a service hold, table by table, but for the denials."""
    found = {}
    with tenancy.seeing_all():
        for pool in (opened.house.db, opened.house.vault._pool if opened.house.vault else None):
            if pool is None:
                continue
            tables = await pool.fetch(
                "SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind = 'r' AND n.nspname IN ('log', 'public') AND has_table_privilege(c.oid, 'SELECT')"
            )
            for table in tables:
                if table["name"] != "log.denials":
                    query = f"SELECT count(*), md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {table['name']} t"
                    found[pool, table["name"]] = tuple(await pool.fetchrow(query))
    return found


async def quiet(opened: Opened) -> None:
    """Until every read model's cursor is where the log ends: behind what does not concern it, it is moved a little later."""
    behind = "SELECT count(*) FROM public.projections WHERE position < (SELECT position FROM log.head)"
    with tenancy.seeing_all():
        async with asyncio.timeout(20):
            while await opened.house.db.fetchval(behind):  # noqa: ASYNC110 - moved by another connection
                await asyncio.sleep(0.05)


async def denied(opened: Opened) -> int:
    with tenancy.seeing_all():
        await opened.house.denials.write()
        return int(await opened.house.db.fetchval("SELECT coalesce(sum(attempts), 0) FROM log.denials"))


def test_every_operation_names_its_scopes_or_is_known_to_be_public() -> None:
    for service in SERVICES:
        for operation in contract(service):
            assert bool(operation.scopes) != (operation.id in PUBLIC), (service, operation.id)
            assert all(scope.startswith(f"{service}:") for scope in operation.scopes)


def test_no_operation_lets_anybody_name_a_tenant() -> None:
    """The tenant comes from the token, and there is no other place to put one."""
    for service in SERVICES:
        document = json.loads((GENERATED / f"{service}.json").read_text())
        inputs = [about for path in document["paths"].values() for about in path.values()]
        named = {
            parameter["name"].lower()
            for about in inputs
            for parameter in about.get("parameters", [])
            if "name" in parameter
        }
        assert not any("tenant" in name for name in named)
        for operation in contract(service):
            assert b"tenant" not in (operation.body or b"")


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_gets_in_or_learns_anything_without_the_right(open_service: Any, service: str) -> None:
    async with await open_service(service) as opened:
        for tenant in ("acme", "globex"):
            await opened.furnish(tenant)
            assert holes_of(service) - OF_NOBODY == opened.ids[tenant].keys()
        await quiet(opened)
        before, denied_before = await recorded(opened), await denied(opened)
        asked = Asked(opened)
        await asked.without_a_good_token()
        await asked.without_the_scope()
        await asked.of_another_tenant()
        assert not asked.faults, "\n".join(asked.faults)
        tally = asked.tally
        assert await recorded(opened) == before
        assert await denied(opened) - denied_before == tally[401] + tally[403] + tally[404]
        assert tally[401] > 100
        assert tally[404] > 20


class Asked:
    """Asks one service, counts what it was answered, and collects what should not have been."""

    def __init__(self, opened: Opened) -> None:
        self.opened, self.forger = opened, Forger(opened)
        self.acme, self.globex = opened.ids["acme"], opened.ids["globex"]
        self.tally = Counter[int]()
        self.faults: list[str] = []
        self.operations = [one for one in contract(opened.name) if one.id not in PUBLIC]

    async def ask(self, operation: Operation, ids: dict[str, str], headers: dict[str, str]) -> httpx.Response:
        """Whoever is let in by mistake does not get a stream for ever."""
        async with asyncio.timeout(30):
            answer = await self.opened.http.request(
                operation.method,
                operation.fill(ids),
                params=operation.params,
                headers={**operation.headers, **headers},
                content=operation.body,
            )
        self.tally[answer.status_code] += 1
        return answer

    def expect(self, holds: bool, *about: Any) -> None:
        if not holds:
            self.faults.append(" ".join(map(str, about)))

    async def without_a_good_token(self) -> None:
        wrong = self.forger.wrong()
        for operation in self.operations:
            for fault, headers in wrong.items():
                answer = await self.ask(operation, self.acme, headers)
                challenged = answer.headers.get("www-authenticate", "").startswith('Bearer realm="regie"')
                self.expect(answer.status_code == 401 and challenged, operation.id, fault, answer.status_code)

    async def without_the_scope(self) -> None:
        for operation in self.operations:
            scope = " ".join(sorted(set(EVERY_SCOPE.split()) - operation.scopes))
            headers = {"authorization": f"Bearer {self.forger.token('acme', scope=scope)}"}
            answer = await self.ask(operation, self.acme, headers)
            self.expect(answer.status_code == 403, operation.id, "without its scope", answer.status_code)

    async def of_another_tenant(self) -> None:
        """Globex asks for what is acme's, and for what never was; and puts acme's parts under its own wholes."""
        bearer = {"authorization": f"Bearer {self.forger.token('globex')}"}
        empty = EMPTY_LISTS.get(self.opened.name, set())
        for operation in self.operations:
            if not operation.holes:
                continue
            for extra in ({}, {"If-Match": '"1"'}, {"If-None-Match": "*"}, {"Idempotency-Key": f'"{uuid4()}"'}):
                if extra.keys() & {"Idempotency-Key"} and operation.id in WISHES_FULFILLED:
                    continue  # an accepted request is remembered under its key, for its own tenant
                found = await self.same(operation, self.acme, {}, {**bearer, **extra})
                allowed = {200, 202} if operation.id in empty | WISHES_FULFILLED else {403, 404}
                if operation.path.startswith("/customers/me/"):
                    allowed |= {412}  # the whole is the caller's own, and the version named is not its
                self.expect(found.status_code in allowed, operation.id, "of another tenant", extra, found.text[:300])
                leaks = [ident for ident in self.acme.values() if ident in comparable(found, {})[2]]
                self.expect(found.status_code != 200 or not leaks, operation.id, "shows", leaks)
            whole, *parts = operation.holes
            if parts and whole in self.globex and operation.id not in CHOSEN_BY_THE_CALLER:
                own = {whole: self.globex[whole]}
                found = await self.same(operation, {**self.acme, **own}, own, bearer)
                self.expect(400 <= found.status_code < 500, operation.id, "part of another tenant", found.text[:300])

    async def same(
        self, operation: Operation, theirs: dict[str, str], nobodys: dict[str, str], headers: dict[str, str]
    ) -> httpx.Response:
        """Asks for both and insists that the answers are the same; what is not given is made up."""
        found = []
        for ids in (theirs, nobodys):
            filled = {hole: ids.get(hole) or made_up(hole) for hole in operation.holes}
            found.append((await self.ask(operation, filled, headers), filled))
        first, second = (comparable(answer, filled) for answer, filled in found)
        self.expect(first == second, operation.id, "tells", headers.keys(), first, second)
        return found[0][0]
