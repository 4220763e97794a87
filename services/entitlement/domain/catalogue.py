"""The standard terms: the numbers and the list of duties of the service description, as data.

Source: duties.md A.1 to A.4 (rows R1 to P3).
"""

from typing import Final

from contracts.entitlement import Activity, CoverageRules, Duty

STANDARD_VERSION: Final = "2026-1"
STANDARD_RULES: Final = CoverageRules()
GRANTED_MINUTES: Final = 540
"""Up to nine hours. Source: L2."""
TERM_MONTHS: Final = 12
"""Source: R7."""
INCORPORATES: Final = ("How Cisco Provides Services",)
"""Documents the terms incorporate by reference. Source: R1."""


def _duties(activity: Activity, *lines: tuple[str, str]) -> tuple[Duty, ...]:
    return tuple(Duty(code=code, title=title, activity=activity) for code, title in lines)


STANDARD_CATALOGUE: Final = (
    *_duties(
        "preparation",
        ("D1", "Present industry best practices"),
        ("D2", "Help establish the production schedule"),
        ("D3", "Configure the streaming platform with the brand assets"),
    ),
    *_duties(
        "coverage",
        ("D4", "Follow the production schedule"),
        ("D5", "Check lighting, video and audio"),
        ("D6", "Help speakers prepare, 15 minutes before the session"),
        ("D7", "Start the session to go live"),
        ("D8", "End the stream"),
        ("D9", "Bring presenters on and off stage"),
        ("D10", "Transition between presenters and presentations or videos"),
        ("D11", "Check the attendee view"),
        ("D12", "Add and remove clips or slides shared by presenters"),
        ("D13", "Monitor the speaker and moderator chat"),
        ("D14", "Add and remove overlays, backgrounds or captions"),
        ("D15", "Create RTMP destinations and coordinate their details"),
        ("D16", "Give speakers time checks on request"),
    ),
    *_duties(
        "post_production",
        ("D17", "Download and edit the recordings"),
        ("D18", "Upload the recordings to video on demand"),
    ),
    *_duties(
        "unmetered",
        ("P1", "Access to the software"),
        ("P2", "Tutorials, best-practice videos and knowledge base"),
        ("P3", "Standard support by live chat and e-mail"),
    ),
)
