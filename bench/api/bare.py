"""The least a service could be: one route, one insert. `python -m bench.api.bare SHAPE PORT`, the URL in BENCH_DATABASE_URL.

Shapes: `litestar` and `fastapi` on uvicorn, `litestar-granian`. Server settings are those of `chassis/http/server.py`.
"""

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pydantic
import uvicorn
from fastapi import FastAPI
from granian import Granian
from granian.constants import Interfaces, Loops
from litestar import Litestar, post
from litestar.datastructures import State
from litestar.params import JSONBody

from chassis.service import POOL_SIZE

INSERT = "INSERT INTO bare (stream, type, payload) VALUES ($1, 'bare.made.v1', $2)"
PADDING = b"x" * 200
"""With it a row is about as long as an event of ours."""


class Wish(msgspec.Struct, frozen=True):
    title: str
    zone: str


class Made(msgspec.Struct, frozen=True):
    id: UUID


class PydanticWish(pydantic.BaseModel):
    title: str
    zone: str


@contextlib.asynccontextmanager
async def pool(app: Any) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["BENCH_DATABASE_URL"], min_size=POOL_SIZE, max_size=POOL_SIZE
    ) as app.state.pool:
        yield


async def insert(database: asyncpg.Pool, title: str, zone: str) -> UUID:
    made = uuid4()
    await database.execute(INSERT, made, title.encode() + zone.encode() + PADDING)
    return made


@post("/shows")
async def litestar_route(data: JSONBody[Wish], state: State) -> Made:
    """Insert one row."""
    return Made(id=await insert(state.pool, data.title, data.zone))


def litestar() -> Litestar:
    return Litestar([litestar_route], lifespan=[pool], openapi_config=None, logging_config=None)


def fastapi() -> FastAPI:
    app = FastAPI(lifespan=pool, openapi_url=None)

    @app.post("/shows", status_code=201)
    async def fastapi_route(data: PydanticWish) -> dict[str, UUID]:
        return {"id": await insert(app.state.pool, data.title, data.zone)}

    return app


def serve(shape: str, port: int) -> None:
    if shape == "litestar-granian":
        Granian(
            "bench.api.bare:litestar",
            factory=True,
            port=port,
            interface=Interfaces.ASGI,
            loop=Loops.uvloop,
            log_enabled=False,
        ).serve()
        return
    app: Any = {"litestar": litestar, "fastapi": fastapi}[shape]()
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", access_log=False, log_config=None, ws="none")


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
