"""RTMP on the wire, without sockets: AMF0 values, chunks and the publisher's dialogue; FLV tags for both ends.

Own code and not `pyrtmp`, whose reader drops the time step of type-3 chunks that begin a message (libav sends them
when two steps and sizes are equal, so sound drifts) and loses the stream after 4 h 39 min, when timestamps become
extended. `pyrtmp` stands at the other end in the tests instead, as an independent reader.
"""
