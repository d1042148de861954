"""What the API is compared with: a FastAPI route that inserts what it gets and commits.

No tokens, no checks, no quarantine, no marking of days: the least that stores a point before it
answers. It takes the same bodies, on the same kind of database with the same settings.
"""

import asyncio
import datetime as dt
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import psycopg
import uvicorn
from fastapi import FastAPI, Request, Response

CONNECTIONS = 8

INSERT = "INSERT INTO bare_points VALUES ({}) ON CONFLICT DO NOTHING"
TABLE = """CREATE TABLE IF NOT EXISTS bare_points (
    device_id text NOT NULL, recorded_at {} NOT NULL, longitude double precision NOT NULL,
    latitude double precision NOT NULL, accuracy_m double precision,
    PRIMARY KEY (device_id, recorded_at))"""


def rows_of(body: bytes) -> list[tuple[Any, ...]]:
    """The points of an OwnTracks message or of an Overland batch."""
    value = orjson.loads(body)
    if "locations" not in value:
        return [(value["topic"], value["tst"], value["lon"], value["lat"], value["acc"])]
    return [
        (
            feature["properties"]["device_id"],
            int(dt.datetime.fromisoformat(feature["properties"]["timestamp"]).timestamp()),
            *feature["geometry"]["coordinates"],
            feature["properties"]["horizontal_accuracy"],
        )
        for feature in value["locations"]
    ]


def sqlite_app(file: Path) -> FastAPI:
    """On a SQLite file, with the settings that trackflow has."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(TABLE.format("integer"))
    insert = INSERT.format("?,?,?,?,?")
    app = FastAPI(openapi_url=None)

    @app.post("/")
    async def store(request: Request) -> Response:
        rows = rows_of(await request.body())
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(insert, rows)
        connection.execute("COMMIT")
        return Response(b"[]", media_type="application/json")

    return app


def postgresql_app(url: str) -> FastAPI:
    """On a PostgreSQL server, with a few connections."""
    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()

    @asynccontextmanager
    async def connected(_: FastAPI) -> AsyncIterator[None]:
        opened = [await psycopg.AsyncConnection.connect(url) for _ in range(CONNECTIONS)]
        async with opened[0].transaction():
            await opened[0].execute(TABLE.format("bigint").encode())
        for connection in opened:
            free.put_nowait(connection)
        yield
        for connection in opened:
            await connection.close()

    insert = INSERT.format("%s,%s,%s,%s,%s").encode()
    app = FastAPI(openapi_url=None, lifespan=connected)

    @app.post("/")
    async def store(request: Request) -> Response:
        rows = rows_of(await request.body())
        connection = await free.get()
        try:
            if len(rows) == 1:
                await connection.execute(insert, rows[0])
            else:
                async with connection.cursor() as cursor:
                    await cursor.executemany(insert, rows)
            await connection.commit()
        finally:
            free.put_nowait(connection)
        return Response(b"[]", media_type="application/json")

    return app


if __name__ == "__main__":
    where, port = sys.argv[1], int(sys.argv[2])
    served = postgresql_app(where) if where.startswith("postgresql") else sqlite_app(Path(where))
    uvicorn.run(served, host="127.0.0.1", port=port, log_level="error", access_log=False)
