"""The control lease: one operator commands a stage, and every change of hands raises the number. Source: domain.md I10."""

from datetime import timedelta
from typing import TypeAlias, assert_never

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain.refusals import LeaseHeld
from services.stage.domain.state import Lease, StageRun
from services.stage.domain.telling import tell

Asked: TypeAlias = c.AcquireLease | c.RenewLease | c.ReleaseLease | c.HandOver
Told: TypeAlias = e.LeaseGranted | e.LeaseRenewed | e.LeaseReleased | e.LeaseHandedOver


def decide(command: Asked, stage: StageRun) -> list[Event]:
    """The holder was checked before, except for an acquisition, which anybody may try."""
    number = stage.lease_number
    match command:
        case c.AcquireLease():
            held = stage.lease
            if held is not None and held.holder != command.by and held.expires_at > command.at:
                raise LeaseHeld(holder=held.holder, expires_at=held.expires_at)
            ends = command.at + timedelta(seconds=command.ttl_s)
            return [tell(e.LeaseGranted, command, stage, number=number + 1, holder=command.by, expires_at=ends)]
        case c.RenewLease():
            ends = command.at + timedelta(seconds=command.ttl_s)
            return [tell(e.LeaseRenewed, command, stage, number=number, holder=command.by, expires_at=ends)]
        case c.ReleaseLease():
            return [tell(e.LeaseReleased, command, stage, number=number, holder=command.by)]
        case c.HandOver():
            ends = command.at + timedelta(seconds=command.ttl_s)
            fields = {"number": number + 1, "giver": command.by, "holder": command.to, "expires_at": ends}
            return [tell(e.LeaseHandedOver, command, stage, **fields)]
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.LeaseGranted() | e.LeaseRenewed() | e.LeaseHandedOver():
            lease = Lease(number=event.number, holder=event.holder, expires_at=event.expires_at)
            return replace(stage, lease=lease, lease_number=event.number)
        case e.LeaseReleased():
            return replace(stage, lease=None)
        case _:
            assert_never(event)
