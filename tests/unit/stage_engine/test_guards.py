import io
import json

import pytest

from services.stage.engine import protocol
from services.stage.engine.encoder import Unit
from services.stage.engine.feeds import Refused, check
from services.stage.engine.log import Log
from services.stage.engine.outlet import Outlet
from services.stage.engine.redact import Redactor

KEY = "abcd-SECRET-1234"


@pytest.mark.parametrize(
    "url",
    [
        f"rtmp://host/live/{KEY}",
        f"rtmps://host:443/app/{KEY}?auth={KEY}",
        f"rtmp://user:{KEY}@host/live/other",
        f"rtmp://host/a/b/{KEY}",
        f"rtmp://host/live/x?a=1&token={KEY}",
    ],
)
def test_no_part_of_a_url_that_may_be_a_key_is_told(url: str) -> None:
    redactor = Redactor()
    redactor.learn(url)
    out = io.StringIO()
    log = Log(redactor, out)
    log.say(f"cannot open {url}", reason=f"key {KEY} refused", nested=[url])
    log.fault("failed", OSError(5, "I/O error", url))
    assert KEY not in out.getvalue()
    assert [json.loads(line)["what"] for line in out.getvalue().splitlines()] == ["cannot open [url]", "failed"]


def test_an_unknown_url_is_not_told_either() -> None:
    assert (
        Redactor().clean(f"Error opening output rtmp://h/live/{KEY}: refused") == "Error opening output [url] refused"
    )


def test_requests_that_hold_urls_do_not_show_them_when_printed() -> None:
    url = f"rtmp://host/live/{KEY}"
    assert KEY not in repr(protocol.DestAdd(cid="1", id="d", url=url)) + repr(
        protocol.SourceAdd(cid="1", id="s", url=url)
    )


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "concat:a|b", "data:x", "udp://x", "srt://x", "lavfi:x", "HTTP://x"]
)
def test_sources_reach_nothing_but_media_feeds(url: str) -> None:
    with pytest.raises(Refused):
        check(url)


def unit(position: int, *, key: bool = False, video: bool = True) -> Unit:
    return Unit(video=video, key=key, position=position, data=b"")


def test_a_sink_begins_at_a_key_frame() -> None:
    outlet = Outlet(10)
    outlet.offer(unit(0, key=True))
    outlet.begin()
    for each in (unit(1), unit(1, video=False), unit(2, key=True), unit(3)):
        outlet.offer(each)
    assert [taken.position for taken in iter(lambda: outlet.take(0), None)] == [2, 3]


def test_a_sink_that_is_too_slow_is_closed_and_never_waited_for() -> None:
    outlet = Outlet(3)
    outlet.begin()
    for number in range(10):
        outlet.offer(unit(number, key=True))
    assert outlet.overflowed
    assert len(outlet) == 3
    outlet.begin()
    assert not outlet.overflowed
    assert len(outlet) == 0


def test_what_was_queued_before_the_end_is_still_given_out() -> None:
    outlet = Outlet(3)
    outlet.begin()
    outlet.offer(unit(0, key=True))
    outlet.end()
    outlet.offer(unit(1, key=True))
    assert not outlet.exhausted
    assert outlet.take(0) == unit(0, key=True)
    assert outlet.exhausted


def test_every_request_and_event_survives_the_wire() -> None:
    request = protocol.SceneTake(
        cid="1", scene=protocol.Scene(layout="pip", sources=("a", "b")), transition="fade", frames=9
    )
    event = protocol.DestState(id="d", state="down", attempt=2, frame=7, reason="stalled")
    assert protocol.REQUESTS.decode(protocol.ENCODER.encode(request)) == request
    assert protocol.EVENTS.decode(protocol.ENCODER.encode(event)) == event
    assert json.loads(protocol.ENCODER.encode(request))["verb"] == "scene.take" == protocol.verb_of(request)


def test_the_protocol_and_the_clients_need_no_media_library() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import services.stage.engine.client, services.stage.ingest.client;"
        "sys.exit(bool({'av', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
