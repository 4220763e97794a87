"""The program engine: one process per live stage that mixes the programme, pushes it to destinations and records it.

Only `protocol.py` and `client.py` are for the stage service; everything else runs inside the engine's own process.
"""
