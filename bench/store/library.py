"""eventsourcing's own PostgreSQL recorder (psycopg, threads), as a contestant in a process of its own."""

import threading
import time
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from bench.store.sample import METADATA, PAYLOAD, TYPE, Stopwatch, task, tell

STATE = PAYLOAD + METADATA


def recorder(asked: dict[str, Any], connections: int) -> PostgresApplicationRecorder:
    store = PostgresDatastore(
        dbname=asked["database"],
        host=asked["host"],
        port="5432",
        user=asked["user"],
        password=asked["password"],
        pool_size=connections,
        enable_db_functions=asked["database"] == "library_fast",
    )
    made = PostgresApplicationRecorder(store)
    made.create_table()
    return made


class Writer(threading.Thread):
    """Appends to one stream until the time is over; the library counts versions from 1 here as well."""

    def __init__(self, store: PostgresApplicationRecorder, stream: UUID, end: float) -> None:
        super().__init__()
        self._store, self._stream, self._end = store, stream, end
        self._known = 0
        self.latencies: list[float] = []

    def run(self) -> None:
        while (at := time.perf_counter()) < self._end:
            self._one()
            self.latencies.append(time.perf_counter() - at)

    def _one(self) -> None:
        while True:
            event = StoredEvent(originator_id=self._stream, originator_version=self._known + 1, topic=TYPE, state=STATE)
            try:
                self._store.insert_events([event])
            except IntegrityError:  # it does not say what it found, so ask
                newest = self._store.select_events(self._stream, desc=True, limit=1)
                self._known = newest[0].originator_version if newest else 0
            else:
                self._known += 1
                return


def main() -> None:
    asked = task()
    store = recorder(asked, asked["writers"])
    shared = uuid4()
    watch = Stopwatch(asked["postmaster"])
    end = watch.started + asked["seconds"]
    streams = [shared if asked["scene"] == "racing" else uuid4() for _ in range(asked["writers"])]
    writers = [Writer(store, stream, end) for stream in streams]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    watch.latencies = [latency for writer in writers for latency in writer.latencies]
    tell(watch.figures())
    store.datastore.close()


if __name__ == "__main__":
    main()
