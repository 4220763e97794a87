"""How events of retired versions are read for ever: one table per service. Data and pure functions only.

When an event changes its meaning it gets a new version, `<service>.<event>.v<n+1>`; its class takes the new tag, and
here a function turns the payload of the old tag into the new one's. Chains are followed: v1 to v2 to v3. Stored events,
golden messages and what partners have received stay as they are. A field with a default needs no new version.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

Upcaster = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]
"""From the payload of one version, as builtins, to the tag and payload of a newer one."""
Upcasters = Mapping[str, Upcaster]
"""By the retired tag."""

UPCASTERS: Final[Mapping[str, Upcasters]] = {
    "entitlement": {},
    "scheduling": {},
    "stage": {},
    "media": {},
}
"""By service. Empty tables: every event ever released is still at its first version."""


def base_of(tag: str) -> str:
    """A tag without its version: what all versions of one event have in common."""
    return tag.rpartition(".v")[0] or tag
