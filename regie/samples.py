"""A sample of any event: every field filled, the same on every run.

For golden messages of events no show has brought about yet: what matters there is that each field is present and that
the message is read for ever after. Values are plausible, never personal (`chassis/http/examples.py`).
"""

import msgspec

from chassis.http.examples import example_of
from chassis.http.schemas import schemas_of
from contracts.envelope import Event


def sample(event: type[Event]) -> Event:
    """One such event. Raises NoExample for a kind of field no event has had so far."""
    (schema,), components = schemas_of([event], "#/$defs/{name}")
    return msgspec.convert(example_of(schema, components), event)
