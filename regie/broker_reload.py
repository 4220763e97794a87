"""Brokers read their configuration again while everything goes on: nobody is disconnected, and nothing is lost.

Asked over the broker's system account rather than by a signal: that reaches every node of a cluster, and each answers
whether it took what it read. Not in here: what is in the configuration (`broker_accounts`, `broker_server`).
"""

import asyncio
import json

from nats.aio.client import Client

PASSES = 2
"""A new account comes with the first reading; what it imports, it hears only from the next one on: PUBLIC stays empty, without
an error, however long one waits. All nodes read once before one of them reads again, because a node drops for ever what
another tells it of an account it does not know. Source: nats-server 2.15.1, `configureAccounts`; its issue 8560.
"""
PATIENCE_S = 10.0


class ReloadRefused(Exception):  # noqa: N818
    """A broker did not answer, did not take its configuration and goes on with the old one, or has no such account in it. The
    text says which and why.
    """


async def reload(system: Client, account: str) -> list[str]:
    """Every broker that is connected with the one we asked, as the system user, until each knows an account; their names.

    Raises ReloadRefused.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            servers = await _servers(system)
    except TimeoutError as silent:
        raise ReloadRefused(f"not every broker told its name within {PATIENCE_S:g} s") from silent
    for _ in range(PASSES):
        for ident, name in servers.items():
            await _ask(system, ident, name, "RELOAD", "keeps its old configuration")
            await _ask(system, ident, name, "ACCOUNTZ", f"has read it, and no {account} there", account=account)
    return sorted(servers.values())


async def _servers(system: Client) -> dict[str, str]:
    """Names by id. Each answers for itself and tells how many there are."""
    found: dict[str, str] = {}
    inbox = system.new_inbox()
    answers = await system.subscribe(inbox)
    await system.publish("$SYS.REQ.SERVER.PING", reply=inbox)
    async for message in answers.messages:
        about = json.loads(message.data)
        found[about["server"]["id"]] = about["server"]["name"]
        if len(found) >= about["statsz"]["active_servers"]:
            break
    await answers.unsubscribe()
    return found


async def _ask(system: Client, ident: str, name: str, what: str, otherwise: str, **options: str) -> None:
    subject, body = f"$SYS.REQ.SERVER.{ident}.{what}", json.dumps(options).encode() if options else b""
    try:
        message = await system.request(subject, body, timeout=PATIENCE_S)
    except TimeoutError as silent:
        raise ReloadRefused(f"the broker {name} did not answer within {PATIENCE_S:g} s") from silent
    if fault := json.loads(message.data).get("error"):
        raise ReloadRefused(f"the broker {name} {otherwise}: {fault['description']}")
