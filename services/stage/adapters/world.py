"""What the engine's verbs need and the state of a stage does not hold: secrets, texts, places on disk."""

from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.service import House
from contracts import stage as e
from contracts.envelope import Sealed
from services.stage.adapters.asks import CARD_COLOUR, Impossible, presenter_key
from services.stage.application import OVERLAY_TEXT, secret_name, unseal
from services.stage.domain.state import Destination, StageRun
from services.stage.settings import StageSettings


class Surroundings:
    """The world of one stage."""

    def __init__(self, house: House, tenant: str) -> None:
        self._house, self._tenant = house, tenant
        self._settings: StageSettings = house.settings

    async def text(self, box: Sealed) -> str:
        """Raises Impossible for somebody who was forgotten."""
        text = await unseal(self._house, self._tenant, OVERLAY_TEXT, box)
        if text is None:
            raise Impossible("The text was forgotten.")
        return text

    async def feed(self, presenter_id: UUID, feed: e.FeedKind, key: str | None, stage: StageRun) -> dict[str, str]:
        """Where the engine finds a presenter's picture, as arguments of `source.add`; `key` is a fingerprint."""
        if feed is e.FeedKind.INGEST:
            return {"url": f"unix:{ingest_folder(self._settings) / presenter_key(presenter_id)}.sock"}
        if feed is e.FeedKind.URL and key is not None:
            address = await self._house.sealed.secret(self._tenant, secret_name(presenter_id, key))
            if address is None:
                raise Impossible("The address of the feed is not in the vault.")
            return {"url": address}
        return {"color": stage.brand.colour if stage.brand is not None else CARD_COLOUR}

    async def destination(self, ident: UUID, known: Destination) -> dict[str, Any]:
        """The address with its key, as arguments of `dest.add`; it goes to the engine and nowhere else."""
        key = await self._house.sealed.secret(self._tenant, secret_name(ident, known.key_fingerprint))
        if key is None:
            raise Impossible("The stream key is not in the vault.")
        return {"id": str(ident), "url": f"{known.url.rstrip('/')}/{key}", "kind": "rtmp"}

    def file(self, asset_id: UUID, stage: StageRun) -> str:
        """Raises Impossible when the file is not there, or its name leaves the shared folder."""
        asset = stage.assets.get(asset_id)
        if asset is None or asset.file is None:
            raise Impossible("The asset has not been delivered.")
        path = (self._settings.media / asset.file).resolve()
        if not path.is_relative_to(self._settings.media.resolve()) or not path.is_file():
            raise Impossible("The asset's file is not there.")
        return str(path)

    def recording(self, name: str) -> Path:
        """Where a segment is written; its folder exists."""
        path = self._settings.media.resolve() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def ingest_folder(settings: StageSettings) -> Path:
    """Where the ingest offers each publisher's media."""
    return settings.engines.resolve() / "ingest"
