"""Ids that follow from other ids, so that the same file, show or pair gives the same id every time (UUIDv5)."""

from uuid import UUID, uuid5


def stage_id_of(show_id: UUID, name: str) -> UUID:
    return uuid5(show_id, f"stage:{name}")


def session_id_of(show_id: UUID, source: str) -> UUID:
    return uuid5(show_id, f"session:{source}")


def speaker_id_of(show_id: UUID, source: str) -> UUID:
    return uuid5(show_id, f"speaker:{source}")


def seat_id_of(show_id: UUID, entitlement_id: UUID) -> UUID:
    """One add-on is one seat (R2, Q18)."""
    return uuid5(show_id, f"seat:{entitlement_id}")


def training_id_of(show_id: UUID, first: UUID, second: UUID) -> UUID:
    return uuid5(show_id, f"training:{first}:{second}")


def rota_id_of(tenant: str, analyst_id: UUID) -> UUID:
    """An analyst's rota for one customer: a stream belongs to one tenant."""
    return uuid5(analyst_id, f"rota:{tenant}")
