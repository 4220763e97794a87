"""Relays and inboxes as processes of their own that tests may kill at any moment, started by forking a warm one.

`python -m tests.support.exchange_parts` reads a wish a line (JSON: role, database, broker, seed), forks a process that
fulfils it for ever, and answers its pid. Forking costs milliseconds where a new interpreter costs a second, so that
hundreds of kills fit into a test.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from chassis import tenancy
from chassis.broker import StreamSource, connect
from chassis.decider import Codec
from chassis.faults import Unreachable
from chassis.handle import Do, Handler
from chassis.inbox import Inbox, Policy
from chassis.relay import Relay
from chassis.store import open_store
from tests.support.toy import AT, COUNTER, EVENTS, Raise, Raised

SOURCE, READER = "stage", "media"


async def note_where_it_stood(_: Raised, about) -> list[Do]:
    """One effect for each event, named after its position: the reader's log is then a list of what it handled, in order."""
    return [Do(decider=COUNTER, ident=f"of-{about.position}", command=Raise(by=1, at=AT))]


async def fulfil(wish: dict[str, str]) -> None:
    url = wish["database"]
    tenancy.sees_all_from_here()
    async with tenancy.open_pool(url, min_size=0, max_size=3) as pool, open_store(url, pool) as store:
        while True:
            try:
                broker = await connect(wish["broker"], wish["user"], Path(wish["seed"]))
                break
            except Unreachable:
                await asyncio.sleep(0.1)
        if wish["role"] == "relay":
            await Relay(SOURCE, store, broker).run()
        policies = [Policy(Raised, note_where_it_stood)]
        await Inbox(
            SOURCE, StreamSource(broker, SOURCE, [Raised.tag()]), store, Handler(store, Codec(EVENTS)), policies
        ).run()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            sys.stdin.close()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            asyncio.run(fulfil(json.loads(line)))
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
