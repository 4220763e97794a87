"""Last act, looking back: what a partner received, the audit trail as one timeline, and the show at chosen instants."""

from collections.abc import Mapping
from typing import Any

from contracts.envelope import Recorded
from contracts.roles import SERVICES
from regie.demo.client import expect, until
from regie.demo.context import Show
from regie.demo.trail import timeline, trail_of

SHOWN = 60


async def partner(show: Show) -> None:
    with show.story.step("The partner has received every event of the show, in order") as told:
        trail = await trail_of(show.sre, show.show_id)
        wanted = {service: len(trail[service]) for service in SERVICES}
        received = await until("the partner's stream", lambda: _received(show, wanted), 30)
        count = show.inbox.check(received, await trail_of(show.sre, show.show_id))
        told(f"{count} events: " + ", ".join(f"{service} {len(received[service])}" for service in SERVICES))


async def _received(show: Show, wanted: Mapping[str, int]) -> dict[str, list[Recorded]] | None:
    """What the partner has, once it is at least as much of every service as was recorded before."""
    received = show.inbox.of_show(show.show_id)
    return received if all(len(received[service]) >= wanted[service] for service in SERVICES) else None


async def audit_trail(show: Show) -> None:
    merged = timeline(await trail_of(show.sre, show.show_id))
    with show.story.step("The audit trail is whole: four services, one timeline") as told:
        ids = [entry["id"] for _, entry in merged]
        expect(len(ids) == len(set(ids)), "every event stands once in the trail")
        told(f"{len(merged)} events of {len({entry['actor']['id'] for _, entry in merged})} actors")
    for service, entry in merged:
        actor = f"{entry['actor']['role']}:{entry['actor']['id']}"
        show.story.console.print(
            f"     {entry['recorded_at'][11:23]} {service:<12}{entry['type'].split('.', 1)[1]:<36}[dim]{actor}[/]",
            soft_wrap=True,
        )


async def replay(show: Show) -> None:
    for name, position in show.instants.items():
        with show.story.step(f"Replayed to “{name}” ({position})") as told:
            then = await show.on_air(as_of=position)
            told(_seen(then))
            expect(then["situation"] == "LIVE", "the show was live then", then["situation"])
            _check(name, then, show)
    with show.story.step("The log is signed, and holds this show's last event") as told:
        last = (await show.trail("stage"))[-1]["position"]
        proof = await until("a checkpoint", lambda: _proof(show, last), 15)
        told(f"checkpoint over {proof['size']} events, {len(proof['proof'])} hashes prove position {last}")


def _check(name: str, then: dict[str, Any], show: Show) -> None:
    on_stage = {each["presenter_id"] for each in then["on_stage"]}
    sources = [(source["kind"], source.get("id")) for source in (then["program"] or {}).get("sources", [])]
    match name:
        case "speaker on stage":
            expect(on_stage == {show.speakers[0]}, "the first speaker was on stage", on_stage)
            expect(sources == [("presenter", show.speakers[0])], "the first speaker was in the programme", sources)
            expect(len(then["overlays"]) == 1, "the lower third was shown", then["overlays"])
        case "clip on air":
            expect([kind for kind, _ in sources] == ["clip"], "the clip was in the programme", sources)
        case "both on stage":
            expect(on_stage == set(show.speakers[:2]), "both speakers were on stage", on_stage)
        case _:
            expect(not on_stage, "nobody was on stage any more", on_stage)


def _seen(then: dict[str, Any]) -> str:
    people = ", ".join(each["name"] or each["presenter_id"][:8] for each in then["on_stage"]) or "nobody"
    program = then["program"] or {"layout": "slate", "sources": []}
    overlays = ", ".join(overlay["text"] or overlay["kind"] for overlay in then["overlays"]) or "none"
    return f"on stage: {people}; programme: {program['layout']} of {len(program['sources'])}; overlays: {overlays}"


async def _proof(show: Show, position: int) -> Any:
    checkpoint = await show.sre.get("stage", "/audit/checkpoint")
    if int(checkpoint["note"].splitlines()[1]) < position:
        return None
    return await show.sre.get("stage", "/audit/inclusion", position=position)
