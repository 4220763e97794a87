"""Follow one service's events over plain HTTP: server-sent events, resumed where you were.

    pip install httpx
    python follow_events.py --url http://127.0.0.1:8403 --token-file token --cursor cursor.txt [--count 10]

The cursor is the position of the last event you have dealt with. Keep it beside what you did with the event.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


def follow(url: str, token: str, after: int) -> Iterator[tuple[int, Any]]:
    """Position and event, in order, without gaps, until the server ends the stream (it does, now and then)."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream", "Last-Event-ID": str(after)}
    # The server says something every 15 seconds, so a longer silence is a lost connection.
    with httpx.stream("GET", f"{url}/events", headers=headers, timeout=httpx.Timeout(10, read=30)) as answer:
        answer.raise_for_status()
        position = after
        for line in answer.iter_lines():
            if line.startswith("id: "):
                position = int(line[4:])
            elif line.startswith("data: "):
                yield position, json.loads(line[6:])


def run(url: str, token: str, cursor: Path, count: int) -> None:
    done = 0
    while True:
        after = int(cursor.read_text()) if cursor.exists() else 0
        try:
            for position, event in follow(url, token, after):
                print(position, event["id"], event["type"], json.dumps(event["data"]), flush=True)
                cursor.write_text(str(position))
                done += 1
                if done == count:
                    return
        except httpx.TransportError as lost:
            print(f"connection lost ({type(lost).__name__}), going on from the cursor", flush=True)
        time.sleep(2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="a service, from endpoints.json")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--cursor", type=Path, default=Path("cursor.txt"))
    parser.add_argument("--count", type=int, default=0)
    options = parser.parse_args()
    run(options.url, options.token_file.read_text().strip(), options.cursor, options.count)
