"""What the acts of the demo share: who plays, what has been made so far, and how to wait for a fact."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.roles import TOKEN_ROLES
from regie.demo.client import Api, StepFailed, until
from regie.demo.story import Story
from regie.demo.trail import Inbox, trail_in
from regie.rtmp_receiver import RtmpReceiver

STREAM_KEY = "demo-" + "k3y" * 5
"""The key of the demo's destination; a test looks for it wherever it must not be."""


@dataclass
class Show:
    """Filled in act by act."""

    story: Story
    endpoints: Mapping[str, Any]
    apis: Mapping[str, Api]
    folder: Path
    schedule: Path
    stack: AsyncExitStack
    """What has to be stopped when the demo ends: cameras, the destination."""
    entitlement_id: str = ""
    show_id: str = ""
    stage_id: str = ""
    analyst_id: str = ""
    seat_id: str = ""
    sessions: list[dict[str, Any]] = field(default_factory=list)
    starts_at: datetime | None = None
    lease: int = 0
    receiver: RtmpReceiver | None = None
    assets: dict[str, str] = field(default_factory=dict)
    recording_id: str = ""
    partner: Inbox | None = None
    instants: dict[str, str] = field(default_factory=dict)
    """Chosen moments by name, for the replay at the end."""

    @property
    def inbox(self) -> Inbox:
        """What the partner received. Raises StepFailed where nobody listens."""
        if self.partner is None:
            raise StepFailed("no partner takes part in this show")
        return self.partner

    @property
    def customer(self) -> Api:
        return self.apis["customer"]

    @property
    def integrator(self) -> Api:
        return self.apis["integrator"]

    @property
    def analyst(self) -> Api:
        return self.apis["analyst"]

    @property
    def supervisor(self) -> Api:
        return self.apis["supervisor"]

    @property
    def sre(self) -> Api:
        return self.apis["sre"]

    @property
    def session_id(self) -> str:
        return str(self.sessions[0]["session_id"])

    @property
    def speakers(self) -> list[str]:
        """The speakers of the session that goes live."""
        return [str(speaker) for speaker in self.sessions[0]["speaker_ids"]]

    def stage(self, path: str) -> str:
        return f"/stages/{self.stage_id}{path}"

    async def on_air(self, as_of: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = await self.analyst.get("stage", self.stage("/on-air"), as_of=as_of)
        return found

    async def trail(self, service: str) -> list[dict[str, Any]]:
        """Every event of this show in one service, by position."""
        return await trail_in(self.sre, service, self.show_id)

    async def events(self, service: str, tag: str, **matching: Any) -> list[dict[str, Any]]:
        """Events of this show with this type whose data hold these values."""
        return [
            entry
            for entry in await self.trail(service)
            if entry["type"] == tag and all(entry["data"].get(name) == value for name, value in matching.items())
        ]

    async def fact(self, service: str, tag: str, within_s: float = 30.0, **matching: Any) -> dict[str, Any]:
        """Waits for such an event. Raises StepFailed when it does not come."""
        found = await until(tag, lambda: self.events(service, tag, **matching), within_s)
        return dict(found[-1])


@contextlib.asynccontextmanager
async def players(endpoints: Mapping[str, Any]) -> AsyncIterator[dict[str, Api]]:
    """The APIs as each role sees them."""
    apis = {str(role): Api(endpoints, str(role)) for role in TOKEN_ROLES}
    try:
        yield apis
    finally:
        for api in apis.values():
            await api.close()
