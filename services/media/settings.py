"""What the media service needs to know beside what all services need. Each field is `REGIE_MEDIA_<NAME>`."""

from pathlib import Path

from chassis.settings import ChassisSettings


class MediaSettings(ChassisSettings, frozen=True, kw_only=True):
    """`store_url` is where originals and edits lie for good, `vod_url` where video on demand is served from.

    Both take whatever obstore does (`file://`, `s3://`, `gs://`, `az://`) and stand for folders below `home` where they
    are absent; credentials come from the environment. `vod_part_bytes` is how much of an upload may be repeated after a
    crash. `attempts` is how often work that fails is tried before it is given up.
    """

    port: int = 8404
    store_url: str | None = None
    vod_url: str | None = None
    vod_part_bytes: int = 8 * 1024 * 1024
    attempts: int = 5
    retry_s: float = 2.0

    @property
    def media(self) -> Path:
        """The folder that stage and media share; names in events are relative to it."""
        return self.home / "media"

    @property
    def workplace(self) -> Path:
        """Where films are made; whatever lies there can be made again."""
        return self.home / "media" / "work"

    @property
    def store(self) -> str:
        """The URL of originals and edits."""
        return self.store_url or (self.media / "store").absolute().as_uri()

    @property
    def vod(self) -> str:
        """The URL of video on demand."""
        return self.vod_url or (self.media / "vod").absolute().as_uri()
