"""Receive webhooks: verify the signature, do each event once, answer quickly.

pip install standardwebhooks
python receive_webhooks.py --secret-file secret [--port 9000]
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from standardwebhooks import Webhook, WebhookVerificationError

MOST_BYTES = 1_000_000


class Receiver(BaseHTTPRequestHandler):
    """2xx says "I have it": answer so only when the event is safe with you. Anything else and it comes again."""

    webhook: Webhook
    seen: ClassVar[set[str]] = set()  # in your database, in the transaction of what you do with the event

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), MOST_BYTES))
        try:
            # Refuses a wrong signature, and a timestamp more than five minutes old: nobody can replay a recorded call.
            self.webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            self.answer(401)
            return
        event = json.loads(body)
        if self.headers["webhook-id"] not in self.seen:  # at least once means: sometimes twice
            self.seen.add(self.headers["webhook-id"])
            print(event["id"], event["type"], event.get("position", "-"), json.dumps(event["data"]), flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The events themselves are the log."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=9000)
    options = parser.parse_args()
    Receiver.webhook = Webhook(options.secret_file.read_text().strip())
    with ThreadingHTTPServer(("127.0.0.1", options.port), Receiver) as server:
        print(f"listening on {server.server_address[1]}", flush=True)
        server.serve_forever()
