"""`python -m regie up`: the whole house on one machine, until Ctrl-C; tells people and programs where everything is."""

import argparse
import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nats.errors import Error as NatsError

from chassis.broker import servers_of
from chassis.settings import SettingsError
from contracts.roles import TOKEN_ROLES
from regie.broker_accounts import durable_of
from regie.embedded.process import ProgramFailed
from regie.exchange import DOMAIN, PUBLIC, NoAccount
from regie.home import AlreadyRunning, write_private
from regie.issuer import Issuer
from regie.plan import Plan, PortTaken, plan_from
from regie.show import Show
from regie.supervisor import Supervisor

EXPECTED = (AlreadyRunning, NoAccount, PortTaken, ProgramFailed, SettingsError, NatsError, OSError)
"""What a person can do something about: shown as text, not as a traceback."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ready-file", type=Path, help="written with the endpoints (JSON) when everything answers")
    parser.add_argument(
        "--ready-fd", type=int, help="the endpoints (JSON) are written to this descriptor, then it closes"
    )


def run(args: argparse.Namespace, make_plan: Callable[[], Plan] = plan_from) -> int:
    """Exit status 0 after a wished stop, 1 when something did not start."""
    show = Show()
    try:
        return asyncio.run(_up(args, show, make_plan()))
    except EXPECTED as error:
        show.fail(_text(error))
    except BaseExceptionGroup as group:
        expected, rest = group.split(EXPECTED)
        if expected is None or rest is not None:
            raise
        show.fail("\n".join(_text(leaf) for leaf in _leaves(expected)))
    return 1


async def _up(args: argparse.Namespace, show: Show, plan: Plan) -> int:
    begun = time.monotonic()
    supervisor = Supervisor(plan, show)
    house = asyncio.create_task(_live(supervisor, args, begun))
    _on_stop(house, show)
    try:
        await house
    except asyncio.CancelledError:
        show.say("Everything is stopped; the data stays in " + str(supervisor.plan.home.path))
    return 0


async def _live(supervisor: Supervisor, args: argparse.Namespace, begun: float) -> None:
    plan, show = supervisor.plan, supervisor.show
    show.console.print(f"[bold]Regie[/] starts in {plan.home.path}", soft_wrap=True)
    async with supervisor.running():
        found = endpoints(supervisor)
        text = json.dumps(found, indent=2)
        write_private(plan.home.endpoints, text)
        announce(show, found, plan.home.endpoints, time.monotonic() - begun)
        tell(args, text)
        await supervisor.keep()


def _on_stop(house: "asyncio.Task[None]", show: Show) -> None:
    """The first Ctrl-C or SIGTERM ends the house in order; later ones change nothing."""

    def stop() -> None:
        if not house.cancelling():
            show.say("Stopping ...")
            house.cancel()

    loop = asyncio.get_running_loop()
    for wish in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(wish, stop)


def tell(args: argparse.Namespace, text: str) -> None:
    """Let a program that waits for us know that everything answers, and where."""
    if args.ready_file is not None:
        write_private(args.ready_file, text)
    if args.ready_fd is not None:
        with os.fdopen(args.ready_fd, "w") as pipe:
            pipe.write(text + "\n")


def endpoints(supervisor: Supervisor) -> dict[str, Any]:
    """Everything another program needs to use this house. It holds tokens: keep it private."""
    plan = supervisor.plan
    tenant = plan.tenants[0]
    found: dict[str, Any] = {
        "home": str(plan.home.path),
        "pid": os.getpid(),
        "tenant": tenant,
        "tenants": supervisor.broker.tenants if supervisor.broker else plan.tenants,
        "services": {
            service: {
                "url": plan.url(service),
                "docs": f"{plan.url(service)}/docs",
                "openapi": f"{plan.url(service)}/openapi.json",
                "log": str(plan.home.logs / f"{service}.log"),
            }
            for service in plan.services
        },
        "tokens": {},
        "rtmp_ingest": f"rtmp://127.0.0.1:{plan.port('rtmp ingest')}",
        "nats": {"url": supervisor.broker.url if supervisor.broker else servers_of(plan.nats_url or "")[0]},
    }
    if plan.nats_ca_file:
        found["nats"]["ca_file"] = str(plan.nats_ca_file)
    if plan.own_issuer:
        issuer = Issuer(plan.home)
        found["tokens"] = {str(role): issuer.token([role], tenant) for role in TOKEN_ROLES}
    if supervisor.broker is not None:
        found["nats"]["partner"] = partner_access(tenant, supervisor.broker.seed_file(f"partner-{tenant}"))
    return found


def partner_access(tenant: str, seed_file: Path | None = None) -> dict[str, str]:
    """What a partner of this tenant needs to read the stream; beside its seed where that is not ours to give."""
    return {
        "tenant": tenant,
        **({"seed_file": str(seed_file.absolute())} if seed_file else {}),
        "stream": PUBLIC,
        "durable": durable_of(tenant),
        "domain": DOMAIN,
        "inbox_prefix": f"_INBOX_{tenant}",
    }


def announce(show: Show, found: Mapping[str, Any], path: Path, took_s: float) -> None:
    """Print the addresses and tokens for people."""
    show.console.print(f"\n[bold green]Regie is ready[/] after {took_s:.1f} s. Ctrl-C stops it.\n")
    for service, where in found["services"].items():
        show.say(f"[bold]{service:<12}[/] {where['url']}   docs {where['docs']}")
    nats = found["nats"]
    show.say(f"[bold]{'events':<12}[/] {nats['url']}")
    if "partner" in nats:
        partner = nats["partner"]
        show.say(f"{'':<12} partner {partner['tenant']}: durable {partner['durable']} on {partner['stream']}, "
                 f"key {partner['seed_file']}")  # fmt: skip
    show.say(f"[bold]{'RTMP ingest':<12}[/] {found['rtmp_ingest']}")
    if found["tokens"]:
        show.say(f"\n  Tokens for tenant {found['tenant']}, valid for twelve hours (`regie token` makes more):")
    for role, token in found["tokens"].items():
        show.say(f"[bold]{role:<12}[/] {token}")
    show.say(f"\n  All of this as JSON: {path}\n")


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]
