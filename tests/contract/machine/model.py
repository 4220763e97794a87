"""What a show and its hours must be after each command, in a page: the model the four services are compared with.

Every situation is the one a client reads: of the show from scheduling, of the hours from entitlement, of the picture
from the stage. Not in here: asking (`machine.py`).
"""

from dataclasses import dataclass
from typing import Final

ACCEPTED: Final = ""
OVER: Final = ("CANCELLED", "ABANDONED", "WRAPPING")
CONFIRMED: Final = ("CONFIRMED", "READY")
"""Readiness follows a checklist of its own, which the model leaves out."""
COMMANDS: Final = (
    *("plan", "publish", "confirm", "assign", "check_in", "arm", "go_live", "end_stream", "end_show"),
    *("cancel", "abandon", "put_on_demand"),
)


@dataclass
class Hours:
    """An entitlement. `show` is what it is bound to."""

    ident: str
    situation: str = "ACTIVE"
    show: str | None = None


@dataclass
class Show:
    """`today`: its coverage opens as soon as it is reserved, and it can go live; otherwise it is a month away."""

    ident: str
    today: bool
    state: str = "DRAFT"
    planned: bool = False
    published: bool = False
    staffed: bool = False
    on_duty: bool = False
    picture: str = "PREPARED"
    films: int = 0
    hours: Hours | None = None

    @property
    def confirmed(self) -> bool:
        return self.state in CONFIRMED

    @property
    def next(self) -> str | None:
        """The next command on the way from a draft to the end of the show; None at its end."""
        done = {
            "plan": self.planned,
            "publish": self.published,
            "confirm": self.state != "DRAFT",
            "assign": self.staffed,
            "check_in": self.on_duty,
            "arm": self.picture != "PREPARED",
            "go_live": self.picture not in ("PREPARED", "ARMED"),
            "end_stream": self.picture == "ENDED",
            "put_on_demand": self.films > 0,
            "end_show": self.state in OVER,
        }
        wanted = [command for command, is_done in done.items() if not is_done]
        if self.state in OVER or not wanted or (not self.today and wanted[0] in ("check_in", "arm")):
            return None
        return wanted[0]


def verdict(command: str, show: Show, hours: Hours) -> str:
    """The code of the refusal, or `ACCEPTED`."""
    match command:
        case "plan":
            return "SHOW_OVER" if show.state in OVER else ACCEPTED
        case "publish":
            if not show.planned:
                return "RUNDOWN_NOT_PUBLISHED"
            return "SHOW_OVER" if show.state in OVER else ACCEPTED
        case "confirm":
            if show.state != "DRAFT":
                return "WRONG_STATE"
            return ACCEPTED if show.published else "SHOW_NOT_TIMED"
        case "cancel":
            return ACCEPTED if show.state in ("DRAFT", *CONFIRMED, "CANCELLED") else "WRONG_STATE"
        case "abandon":
            return ACCEPTED if show.state in (*CONFIRMED, "ABANDONED") else "WRONG_STATE"
        case "end_show":
            if show.state == "RUNNING":
                return "STAGE_STILL_LIVE" if show.picture == "LIVE" else ACCEPTED
            return ACCEPTED if show.state == "WRAPPING" else "WRONG_STATE"
        case _:
            return _on_the_day(command, show)


def _on_the_day(command: str, show: Show) -> str:
    match command:
        case "assign":
            return "SEAT_ALREADY_STAFFED" if show.staffed else ACCEPTED
        case "check_in":
            return ACCEPTED
        case "arm" | "go_live" if not show.today:
            return "OUTSIDE_COVERAGE"
        case "arm" | "go_live" if show.picture == "LIVE":
            return "ALREADY_LIVE"
        case "arm":
            return ACCEPTED
        case "go_live":
            return ACCEPTED if show.picture == "ARMED" else "WRONG_STATE"
        case "end_stream":
            return ACCEPTED if show.picture == "LIVE" else "NOT_LIVE"
        case "put_on_demand":
            return ACCEPTED
        case _:
            raise AssertionError(command)


def possible(command: str, show: Show) -> bool:
    """Whether the resource a command is about exists: a seat once confirmed, a stage once somebody is on it.

    What is in force is not planned anew: the change of times that would follow has a story of its own.
    """
    if command == "plan":
        return not show.published or show.state in OVER
    if command == "assign":
        return show.confirmed
    if command == "check_in":
        return show.staffed and show.confirmed
    if command == "put_on_demand":
        return show.picture == "ENDED"
    if command in ("arm", "go_live", "end_stream"):
        return show.on_duty and show.state in (*CONFIRMED, "RUNNING")
    return True


def happened(command: str, show: Show, hours: Hours) -> None:
    """What an accepted command leads to, here and in the other services."""
    match command:
        case "plan":
            show.planned = True
        case "publish":
            show.published = True
        case "confirm" if hours.situation == "ACTIVE":
            show.state, show.hours = "CONFIRMED", hours
            hours.situation, hours.show = ("OPEN" if show.today else "RESERVED"), show.ident
        case "assign":
            show.staffed = True
        case "check_in":
            show.on_duty = True
            assert show.hours is not None
            if show.today:  # who is early is noted: hours run from the opening on
                show.hours.situation = "COVERING"
        case "arm":
            show.picture = "ARMED"
        case "go_live":
            show.picture, show.state = "LIVE", "RUNNING"
        case "end_stream":
            show.picture = "ENDED"
        case "put_on_demand":
            show.films += 1
        case "end_show":
            show.state = "WRAPPING"
        case "cancel" | "abandon":
            _off(show, "CANCELLED" if command == "cancel" else "ABANDONED")


def _off(show: Show, state: str) -> None:
    """Before coverage opens the hours come back; after that the day is spent."""
    if show.hours is not None and show.state not in OVER:
        back = show.hours.situation == "RESERVED"
        show.hours.situation, show.hours.show = ("ACTIVE", None) if back else ("SETTLED", show.ident)
    show.state = state
