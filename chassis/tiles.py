"""The signed log as static tiles over HTTP, as existing transparency-log tools read one: checkpoint and hashes.

Source: C2SP tlog-tiles. Entries are not served, since the events of all tenants stand side by side in one log; hashes tell
nothing about an event to whoever does not have it. See `docs/decisions/0014-the-log-as-tiles-without-entries.md`.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, PathParameter

from chassis import merkle
from chassis.audit import AuditLog
from chassis.http import refuses
from contracts.problems import NotFound

DEEPEST: Final = 63
IMMUTABLE: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
NEWEST: Final = {"Cache-Control": "private, max-age=1"}
_TILE: Final = re.compile(r"/?((?:x\d{3}/){0,5})(\d{3})(?:\.p/([1-9]\d{0,2}))?\Z")

Level = Annotated[
    int, PathParameter(ge=0, le=DEEPEST, description="0 for leaf hashes; a hash of the next level is over a full tile.")
]
Tile = Annotated[
    str,
    PathParameter(
        description="The tile's number, three digits to a path element, all but the last behind an `x` (`x001/x234/067`);"
        " `.p/<width>` behind it for the first hashes of a tile that is not full yet (`000.p/17`).",
        schema_extra={"pattern": r"^(x[0-9]{3}/){0,5}[0-9]{3}(\.p/[1-9][0-9]{0,2})?$"},
    ),
]


def tile_handlers(scopes: Sequence[str]) -> Sequence[HTTPRouteHandler]:
    @get(
        "/audit/tlog/checkpoint",
        operation_id="readTlogCheckpoint",
        scopes=scopes,
        tags=["Audit trail"],
        media_type="text/plain",
        responses=refuses(NotFound),
    )
    async def read_tlog_checkpoint(audit: NamedDependency[AuditLog]) -> Response[str]:
        """Read the newest signed checkpoint as text, for tools that read C2SP tlog-tiles; `/audit/tlog` is the log's prefix."""
        note = await audit.note()
        if note is None:
            raise NotFound
        return Response(note, media_type="text/plain", headers=NEWEST)

    @get(
        "/audit/tlog/tile/{level:int}/{tile:path}",
        operation_id="readTlogTile",
        scopes=scopes,
        tags=["Audit trail"],
        media_type="application/octet-stream",
        responses=refuses(NotFound),
    )
    async def read_tlog_tile(
        audit: NamedDependency[AuditLog], level: FromPath[Level], tile: FromPath[Tile]
    ) -> Response[bytes]:
        """Read a tile of the signed log's tree: up to 256 SHA-256 hashes behind one another.

        By C2SP tlog-tiles, from which any proof can be computed. A tile never changes, and its beginning can be read for
        ever. There are no tiles of entries.
        """
        number, width = numbered(tile)
        found = await audit.tile(level, number)
        if width == 0 or len(found) < width * merkle.HASH:
            raise NotFound
        return Response(found[: width * merkle.HASH], media_type="application/octet-stream", headers=IMMUTABLE)

    return [read_tlog_checkpoint, read_tlog_tile]


def numbered(path: str) -> tuple[int, int]:
    """Number and width of the tile of a path; width 0 for what is no tile's path: each tile has one."""
    found = _TILE.match(path)
    if found is None or found[1].startswith("x000/"):
        return 0, 0
    width = int(found[3] or merkle.TILE_WIDTH)
    if width > merkle.TILE_WIDTH - bool(found[3]):
        return 0, 0
    return int(found[1].replace("x", "").replace("/", "") + found[2]), width
