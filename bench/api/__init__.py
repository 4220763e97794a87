"""How fast one service process answers over HTTP, beside the least one could do: `make bench-api`.

Commands are durable (answered after the commit), with everything on: token, strict decoding, event store, relay to the
broker, read models. The references do one insert with asyncpg behind a bare route, and pgbench's single insert.
"""
