"""What every command carries."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class Command(Struct, frozen=True, kw_only=True):
    """`at` is when it is asked: aware UTC, our clock (Q27)."""

    at: datetime


class OfShow(Command, frozen=True, kw_only=True):
    show_id: UUID
