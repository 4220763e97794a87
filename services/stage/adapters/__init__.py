"""Real things: the programme engine and the ingest, each a program of its own."""
