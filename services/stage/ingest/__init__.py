"""RTMP ingest: takes presenters' streams in and hands each to the engine over a Unix socket.

The embedded default; in production MediaMTX stands here. Only `protocol.py` and `client.py` are for the stage service.
"""
