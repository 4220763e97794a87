"""The event store against its peers and against PostgreSQL's own limits, on one embedded server, interleaved."""
