"""What proves that a webhook's message is ours. Source: the Standard Webhooks specification, standardwebhooks.com."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

PREFIX: Final = "whsec_"
KEY_BYTES: Final = 32


def new_secret() -> str:
    """Between 24 and 64 random bytes, says the specification."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def signed_headers(message_id: str, at_s: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The three headers; with several keys, during a rotation, there is a signature of each."""
    signed = f"{message_id}.{at_s}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in keys),
    }


def _signature(key: str, signed: bytes) -> str:
    return base64.b64encode(hmac.new(base64.b64decode(key.removeprefix(PREFIX)), signed, sha256).digest()).decode()
