"""The ingest presenters publish to: a program of its own, started here, that asks us who may."""

import os
import signal
from contextlib import suppress

from chassis import observe
from chassis.service import House
from services.stage.adapters.world import ingest_folder
from services.stage.ingest.client import Authorizer, IngestClient, IngestGone, launch
from services.stage.settings import StageSettings

log = observe.logger("regie.stage.ingest")


async def keep(house: House, authorizer: Authorizer) -> None:
    """Run the ingest and answer who may publish, until it is lost; then the caller starts over.

    It ends with this service: presenters' programs publish again by themselves. Raises IngestGone when it does not come.
    """
    settings: StageSettings = house.settings
    folder = ingest_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    control = settings.engines.resolve() / "ingest.control"
    hello = await launch(settings.ingest_port, folder, control, settings.engines / "ingest.log")
    client = await IngestClient.connect(control, authorizer)
    log.info("ingest_up", port=hello.port, pid=hello.pid)
    try:
        async for event in client.events():
            log.info("publisher", source=event.source_id, state=event.state)
    finally:
        await client.close()
        with suppress(ProcessLookupError):
            os.kill(hello.pid, signal.SIGTERM)
    raise IngestGone("the ingest hung up")
