"""The rules of media, purely: assets, the rights of a show, recordings, edits, video on demand."""

from typing import Final

from services.media.domain.assets import ASSET
from services.media.domain.edits import EDIT
from services.media.domain.recording import RECORDING
from services.media.domain.rights import RIGHTS
from services.media.domain.vod import VOD

EVENTS: Final = {**ASSET.events, **RIGHTS.events, **RECORDING.events, **EDIT.events, **VOD.events}

__all__ = ["ASSET", "EDIT", "EVENTS", "RECORDING", "RIGHTS", "VOD"]
