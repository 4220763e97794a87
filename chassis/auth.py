"""Who is calling: bearer tokens (JWT, ES256) verified against a JWKS, and the caller they name.

Not in here: who may do what (`contracts/roles.py` and the scopes each operation names) and issuing tokens
(`regie/issuer.py`). Source: RFC 7519, RFC 7517, RFC 8725 (pinned algorithm); measured.md part D section 5.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chassis.discovery import TIMEOUT_S, fetched, keys_by_metadata
from chassis.faults import Unreachable
from chassis.observe import logger
from contracts.envelope import Actor, Role
from contracts.problems import Unauthenticated

ALGORITHM: Final = "ES256"
MAX_TOKEN_CHARACTERS: Final = 8192
TYPES: Final = {"", "jwt", "at+jwt", "application/at+jwt"}
"""What a token may call itself: nothing, or an access token. Source: RFC 9068 section 4, RFC 8725 section 3.11."""
PATIENCE_S: Final = 0.25
"""How long a request with a known key waits for newer keys."""
_TENANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
"""A tenant is a token of a NATS subject, so dots, blanks and wildcards are not in it."""

EMPTY_COOLDOWN_S: Final = 1.0
"""How long a service without any key waits before it asks again."""

log = logger("regie.auth")

Fetch = Callable[[], Awaitable[bytes]]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The person or system behind a verified token. The tenant comes from the token and from nowhere else."""

    subject: str
    tenant: str
    roles: tuple[Role, ...]
    scopes: frozenset[str]

    def actor(self) -> Actor:
        """How this caller stands in an event's metadata: under the first role of the token."""
        return Actor(id=self.subject, role=self.roles[0])

    def may(self, *scopes: str) -> bool:
        return self.scopes.issuperset(scopes)


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    tenant: str
    roles: tuple[Role, ...]
    exp: float
    scope: str = ""
    nbf: float = 0.0


class _PublicKey(msgspec.Struct, frozen=True):
    kty: str = ""
    crv: str = ""
    use: str = "sig"
    kid: str = ""
    x: str = ""
    y: str = ""


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[_PublicKey]


class _Known(msgspec.Struct, frozen=True):
    caller: Caller
    expires: float
    key: str


class Verifier:
    """Turns a bearer token into a `Caller`, or raises `Unauthenticated` with a `reason` from a closed list of codes.

    A token is for us when its audience is one of `audiences`. `jwks` is a file path or an http(s) URL; without it the
    issuer's metadata says where the keys are. Keys are fetched again when older than `max_age_s`, and at most once per
    `cooldown_s` when a token names an unknown key, so rotation needs no restart and strangers cannot cause a storm of
    fetches. A withdrawn key ends the tokens it signed, cached ones included. Verified tokens are cached until they
    expire: a cached look-up costs about 1 us against about 90 us for an ES256 check (measured.md part D section 5).
    """

    def __init__(
        self,
        *,
        jwks: str,
        issuer: str,
        audiences: Sequence[str],
        cooldown_s: float = 10.0,
        max_age_s: float = 300.0,
        leeway_s: int = 5,
        cache_size: int = 10_000,
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch or (fetcher(jwks) if jwks else partial(keys_by_metadata, issuer))
        self._issuer, self._audiences = issuer, list(audiences)
        self._cooldown_s, self._max_age_s, self._leeway_s = cooldown_s, max_age_s, leeway_s
        self._cache_size, self._clock = cache_size, clock
        self._keys: dict[str, ECKey] = {}
        self._prints: dict[str, str] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._known: dict[str, _Known] = {}
        self._lock = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    def cached(self, token: str) -> Caller | None:
        """The caller of a token verified before, as long as token and keys are fresh."""
        known = self._known.get(token)
        if known is None:
            return None
        now = self._clock()
        if now >= known.expires or now - self._fetched_at > self._max_age_s:
            return None
        return known.caller

    async def verify(self, token: str) -> Caller:
        """Raises Unauthenticated with the reason, or Unreachable when there are no keys to verify with."""
        caller = self.cached(token)
        if caller is not None:
            return caller
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated("The token is too long.", reason="TOO_LONG")
        kid = self._kid(token)
        key = await self._key(kid)
        claims = self._claims(token, key)
        caller = self._caller(claims)
        self._remember(token, _Known(caller=caller, expires=claims.exp, key=kid))
        return caller

    def _kid(self, token: str) -> str:
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError) as error:
            raise Unauthenticated("The token is not a signed JWT.", reason="NOT_A_TOKEN") from error
        if header.get("alg") != ALGORITHM:
            raise Unauthenticated(f"The token must be signed with {ALGORITHM}.", reason="WRONG_ALGORITHM")
        if str(header.get("typ", "")).lower() not in TYPES:
            raise Unauthenticated("The token is not an access token.", reason="WRONG_TYPE")
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise Unauthenticated("The token does not name its key.", reason="NO_KEY")
        return kid

    async def _key(self, kid: str) -> ECKey:
        if kid not in self._keys:
            await self._refresh()
        elif self._clock() - self._fetched_at > self._max_age_s:
            await self._refresh_briefly()
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise Unreachable("the token issuer's key set")
        raise Unauthenticated("The token is signed with a key this service does not know.", reason="UNKNOWN_KEY")

    async def _refresh_briefly(self) -> None:
        """Look for newer keys without waiting for a silent issuer: live control must not hang on it."""
        if not self._lock.locked():
            self._refreshing = asyncio.create_task(self._refresh())
            await asyncio.wait({self._refreshing}, timeout=PATIENCE_S)

    async def _refresh(self) -> None:
        """Fetch the key set, unless that was tried within the cool-down. Known keys survive a failed fetch."""
        async with self._lock:
            now = self._clock()
            pause_s = self._cooldown_s if self._keys else min(self._cooldown_s, EMPTY_COOLDOWN_S)
            if now - self._tried_at < pause_s:
                return
            self._tried_at = now
            try:
                keys = keys_of(await self._fetch())
            except (OSError, httpx.HTTPError, ValueError) as error:
                log.warning("no key set", reason=f"{type(error).__name__}: {error}")
                return
            self._replace(keys, now)

    def _replace(self, keys: dict[str, ECKey], now: float) -> None:
        prints = {kid: key.thumbprint() for kid, key in keys.items()}
        gone = {kid for kid, thumb in self._prints.items() if prints.get(kid) != thumb}
        self._keys, self._prints, self._fetched_at = keys, prints, now
        if gone:
            self._known = {token: known for token, known in self._known.items() if known.key not in gone}

    def _claims(self, token: str, key: ECKey) -> _Claims:
        try:
            decoded = jwt.decode(token, key, algorithms=[ALGORITHM])
            self._registry().validate(decoded.claims)
            return msgspec.convert(decoded.claims, _Claims)
        except msgspec.ValidationError as error:
            raise Unauthenticated(f"The token's claims are not usable: {error}.", reason="UNUSABLE_CLAIMS") from error
        except (JoseError, ValueError) as error:
            words = _reason(error)
            raise Unauthenticated(f"The token is not valid: {words}.", reason=_code(words)) from error

    def named(self, token: str) -> tuple[str, str]:
        """Tenant and subject of a token that was refused, if its signature is good (an expired one); else empty."""
        try:
            key = self._keys.get(self._kid(token))
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims if key is not None else {}
        except (Unauthenticated, JoseError, ValueError):
            return "", ""
        tenant, subject = claims.get("tenant"), claims.get("sub")
        if not isinstance(tenant, str) or not _TENANT.match(tenant) or not isinstance(subject, str):
            return "", ""
        return tenant, subject

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=self._leeway_s,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "values": self._audiences},
            exp={"essential": True},
            sub={"essential": True},
        )

    def _caller(self, claims: _Claims) -> Caller:
        if not _TENANT.match(claims.tenant):
            raise Unauthenticated("The token's tenant is not a plain name.", reason="UNUSABLE_CLAIMS")
        if not claims.sub or not claims.roles or Role.SYSTEM in claims.roles:
            raise Unauthenticated("The token names no role that people or systems may have.", reason="NO_ROLE")
        scopes = frozenset(claims.scope.split())
        return Caller(subject=claims.sub, tenant=claims.tenant, roles=claims.roles, scopes=scopes)

    def _remember(self, token: str, known: _Known) -> None:
        if len(self._known) >= self._cache_size:
            self._known.pop(next(iter(self._known)))
        self._known[token] = known


def keys_of(document: bytes) -> dict[str, ECKey]:
    """The P-256 signing keys of a JWKS by key id; keys of other kinds are left out, so they can verify nothing.

    Raises ValueError when the document is not a JWKS.
    """
    try:
        found = msgspec.json.decode(document, type=_KeySet).keys
        usable = [key for key in found if (key.kty, key.crv, key.use) == ("EC", "P-256", "sig")]
        return {key.kid: ECKey.import_key({"kty": "EC", "crv": "P-256", "x": key.x, "y": key.y}) for key in usable}
    except (msgspec.DecodeError, UnicodeDecodeError, JoseError, ValueError) as error:
        raise ValueError(f"not a JWKS: {error}") from error


def fetcher(source: str) -> Fetch:
    """Reads the JWKS from an http(s) URL, or else from a file."""
    if source.startswith(("http://", "https://")):

        async def from_url() -> bytes:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                return await fetched(client, source)

        return from_url

    async def from_file() -> bytes:
        return await asyncio.to_thread(Path(source).read_bytes)

    return from_file


def _reason(error: Exception) -> str:
    """The library's reason without what it quotes of the token."""
    words = str(getattr(error, "error", None) or type(error).__name__).replace("_", " ")
    claim = getattr(error, "claim", None)
    return f"{words} {claim}" if claim in ("iss", "aud", "sub", "nbf", "iat") else words


def _code(words: str) -> str:
    return words.upper().replace(" ", "_")
