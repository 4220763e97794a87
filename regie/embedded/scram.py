"""A SCRAM-SHA-256 verifier, so that a role's password never reaches the server's log in a statement.

Source: RFC 5803 section 3, RFC 7677; PostgreSQL 18 `pg_authid.rolpassword`.
"""

import base64
import hashlib
import hmac
import os

ITERATIONS = 4096  # PostgreSQL's own `scram_iterations` default


def verifier(password: str) -> str:
    """What PostgreSQL stores for an ASCII password, with a fresh salt."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    client = hashlib.sha256(_mac(salted, b"Client Key")).digest()
    server = _mac(salted, b"Server Key")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(client)}:{_text(server)}"


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
