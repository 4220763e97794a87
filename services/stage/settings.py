"""What the stage service needs to know beside what all services need. Each field is `REGIE_STAGE_<NAME>`."""

from pathlib import Path

from chassis.settings import ChassisSettings


class StageSettings(ChassisSettings, frozen=True, kw_only=True):
    """`picture` is WIDTHxHEIGHT of every stage's programme. `ingest_url` is where presenters publish, when it is not
    the ingest that this service starts itself on `ingest_port`.
    """

    port: int = 8403
    picture: str = "640x360"
    frames_per_s: int = 25
    ingest_port: int = 8405
    ingest_url: str | None = None
    view_check_grace_s: int = 300
    engine_timeout_s: float = 10.0

    @property
    def engines(self) -> Path:
        """Sockets, process ids and logs of the engines."""
        return self.home / "run" / "engines"

    @property
    def media(self) -> Path:
        """The folder that stage and media share; names in events are relative to it."""
        return self.home / "media"
