"""The library's own repository replaying its own aggregates, as a contestant in a process of its own."""

import time
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from bench.store.library import recorder
from bench.store.sample import SHOW, own_seconds, task, tell

STREAMS = 100


class Room(Aggregate):
    @event("Opened")
    def __init__(self, number: int) -> None:
        self.number, self.present = number, 0

    @staticmethod
    def create_id(number: int) -> UUID:
        return uuid5(NAMESPACE_URL, f"/rooms/{number}")

    @event("PresenterJoined")
    def join(self, show_id: str, presenter: str) -> None:
        self.present += 1

    @event("PresenterLeft")
    def leave(self, show_id: str, presenter: str) -> None:
        self.present -= 1


def fill(application: Application[UUID], count: int) -> None:
    for number in range(STREAMS):
        room = Room(number)
        for nr in range(count // STREAMS - 1):
            (room.leave if nr % 2 else room.join)(str(SHOW), f"presenter-{nr % 97}")
        application.save(room)


def main() -> None:
    asked = task()
    recorder(asked, 1).datastore.close()
    application = Application[UUID](
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": asked["database"],
            "POSTGRES_HOST": asked["host"],
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": asked["user"],
            "POSTGRES_PASSWORD": asked["password"],
        }
    )
    if asked["fill"]:
        fill(application, asked["events"])
    own, started = own_seconds(), time.perf_counter()
    versions = sum(application.repository.get(Room.create_id(number)).version for number in range(STREAMS))
    took = time.perf_counter() - started
    assert versions == asked["events"] // STREAMS * STREAMS
    tell({"rate": versions / took, "per_core": versions / (own_seconds() - own)})
    application.close()


if __name__ == "__main__":
    main()
