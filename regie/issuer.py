"""The local token issuer of `make run`: an ES256 key made at the first start, its public half as a JWKS, and tokens.

A laptop's stand-in for the identity provider of production; services find its keys as they find anybody's.
Source: RFC 7519, RFC 7517, RFC 7638 (key id); design.md section 5.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.settings import LOCAL_ISSUER
from contracts.envelope import Role
from contracts.roles import TOKEN_ROLES, scopes_of
from regie.broker_accounts import check_tenant
from regie.home import Home, home_from, write_private

AUDIENCE = "regie"
TTL_S = 12 * 3600  # a working day; `make run` prints fresh ones


class Issuer:
    """Signs tokens with the key of one home."""

    def __init__(self, home: Home) -> None:
        self.jwks = home.create().run / "jwks.json"
        self._named = home.run / "issuer"
        self.name = self._named.read_text() if self._named.exists() else LOCAL_ISSUER
        self._key = ECKey.import_key(json.loads(home.secret("issuer.jwk", _new_key)))
        self._kid = self._key.thumbprint()

    def publish(self, url: str | None = None) -> Path:
        """Write the public key into a file; its path. With `url` tokens are from then on of the issuer found there."""
        if url is not None:
            self.name = url
            write_private(self._named, url)
        write_private(self.jwks, json.dumps(self.keys(), indent=2))
        return self.jwks

    def keys(self) -> dict[str, Any]:
        """The public key, as a JWKS."""
        public = {**self._key.as_dict(private=False), "kid": self._kid, "alg": "ES256", "use": "sig"}
        return {"keys": [public]}

    def metadata(self) -> dict[str, Any]:
        """What is found at the issuer's well-known address."""
        return {
            "issuer": self.name,
            "jwks_uri": f"{self.name}/jwks.json",
            "scopes_supported": sorted(scopes_of(*TOKEN_ROLES)),
            "response_types_supported": [],
            "grant_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def token(self, roles: Sequence[Role], tenant: str, *, subject: str | None = None, ttl_s: int = TTL_S) -> str:
        """A token that carries these roles and their scopes, for one tenant.

        Raises ValueError for a tenant that cannot be a subject token, KeyError for a role that gets no token.
        """
        check_tenant(tenant)
        now = int(time.time())
        claims = {
            "iss": self.name,
            "aud": AUDIENCE,
            "sub": subject or f"{roles[0]}@{tenant}",
            "tenant": tenant,
            "roles": [str(role) for role in roles],
            "scope": " ".join(sorted(scopes_of(*roles))),
            "iat": now,
            "exp": now + ttl_s,
            "jti": str(uuid4()),
        }
        return jwt.encode({"alg": "ES256", "kid": self._kid, "typ": "JWT"}, claims, self._key)


def _new_key() -> str:
    return json.dumps(ECKey.generate_key("P-256").as_dict(private=True))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", action="append", required=True, choices=[str(role) for role in TOKEN_ROLES])
    parser.add_argument("--tenant", default="acme")
    parser.add_argument("--subject", help="who it is; <role>@<tenant> if absent")
    parser.add_argument("--ttl", type=int, default=TTL_S, metavar="SECONDS")


def run(args: argparse.Namespace) -> int:
    """Print a token for the house in REGIE_HOME."""
    issuer = Issuer(home_from())
    issuer.publish()
    print(issuer.token([Role(role) for role in args.role], args.tenant, subject=args.subject, ttl_s=args.ttl))
    return 0
