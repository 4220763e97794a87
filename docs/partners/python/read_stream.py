"""Read your events from the stream: a durable of your own on NATS JetStream, in order, acknowledged one by one.

pip install nats-py[nkeys]
python read_stream.py --endpoints .regie/run/endpoints.json [--count 10] [--replay-from 1]
"""

import argparse
import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import nats
import nats.errors


async def read(where: dict[str, Any], count: int, replay_from: int) -> None:
    """Prints events until `count` are acknowledged (0: for ever)."""
    partner = where["partner"]
    # Your inboxes carry your tenant's name, and your view of JetStream has a domain of its own.
    connection = await nats.connect(
        where["url"], nkeys_seed=partner["seed_file"], inbox_prefix=partner["inbox_prefix"].encode(), **tls(where)
    )
    try:
        jetstream = connection.jetstream(domain=partner["domain"])
        if replay_from:
            await jetstream.reset_consumer(partner["stream"], partner["durable"], replay_from)
        subscription = await jetstream.pull_subscribe_bind(partner["durable"], stream=partner["stream"])
        done = 0
        while count == 0 or done < count:
            try:
                messages = await subscription.fetch(min(100, count - done) if count else 100, timeout=5)
            except (TimeoutError, nats.errors.TimeoutError):
                continue  # nothing new; the durable remembers where we are
            for message in messages:
                show(dict(message.headers or {}), message.data, message.metadata.sequence.stream)
                await message.ack()  # not acknowledged within 30 s, it comes again: be idempotent by ce-id
                done += 1
    finally:
        await connection.drain()


def tls(where: dict[str, Any]) -> dict[str, Any]:
    """With tls:// the handshake comes first: the library would otherwise go on in plaintext if told there is no TLS."""
    if not where["url"].startswith("tls://"):
        return {}
    return {"tls": ssl.create_default_context(cafile=where.get("ca_file")), "tls_handshake_first": True}


def show(headers: dict[str, str], data: bytes, sequence: int) -> None:
    """CloudEvents in binary mode: who, what and when in headers, the event itself as JSON."""
    print(sequence, headers["ce-id"], headers["ce-type"], headers["ce-time"], json.dumps(json.loads(data)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=Path, default=Path(".regie/run/endpoints.json"))
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--replay-from", type=int, default=0, help="a sequence of the stream; 1 is everything")
    options = parser.parse_args()
    where = json.loads(options.endpoints.read_text())["nats"]
    asyncio.run(read(where, options.count, options.replay_from))
