"""Service terms, a customer's access, and the verdict on a show's length."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from chassis.clock import LocalTimeAmbiguous, LocalTimeNonexistent, ZoneUnknown, instant
from contracts.entitlement import CoverageRules
from services.entitlement import commands as c
from services.entitlement.domain import catalogue
from services.entitlement.domain.access import CUSTOMER_ACCESS, CustomerAccess
from services.entitlement.domain.refusals import (
    BasePackageUnknown,
    OneDayOnly,
    TermInvalid,
    TermsImmutable,
    WindowInvalid,
)
from services.entitlement.domain.terms import SERVICE_TERMS
from services.entitlement.domain.window import coverage_window, service_term, verdict
from tests.unit.entitlement.story import BASE, EARLIER, MINUTE, names, paris

STANDARD = c.RegisterTerms(
    at=EARLIER,
    terms_version=catalogue.STANDARD_VERSION,
    granted_minutes=catalogue.GRANTED_MINUTES,
    term_months=catalogue.TERM_MONTHS,
    rules=catalogue.STANDARD_RULES,
    incorporates=catalogue.INCORPORATES,
    catalogue=catalogue.STANDARD_CATALOGUE,
)
GOLDEN = [
    ("2026-06-10 09:00", "2026-06-10 17:00", "Europe/Paris", 540, "covered"),
    ("2026-06-10 09:00", "2026-06-10 17:01", "Europe/Paris", 541, "partial"),
    ("2026-06-10 20:00", "2026-06-11 02:00", "Europe/Paris", 420, "covered"),
    ("2026-10-24 22:00", "2026-10-25 05:00", "Europe/Paris", 540, "covered"),
    ("2026-10-24 22:00", "2026-10-25 05:01", "Europe/Paris", 541, "partial"),
    ("2026-03-28 22:00", "2026-03-29 07:00", "Europe/Paris", 540, "covered"),
    ("2026-03-28 22:00", "2026-03-29 07:01", "Europe/Paris", 541, "partial"),
    ("2026-03-07 20:00", "2026-03-08 05:00", "America/New_York", 540, "covered"),
    ("2026-11-01 00:30", "2026-11-01 07:30", "America/New_York", 540, "covered"),
]
"""domain.md section 7."""


def local(text: str, zone: str, fold: int | None = None) -> datetime:
    return instant(datetime.fromisoformat(text), ZoneInfo(zone), fold)


# --- terms


def test_a_version_of_the_terms_never_changes():
    [event] = SERVICE_TERMS.decide(STANDARD, SERVICE_TERMS.initial)
    state = SERVICE_TERMS.fold([event])
    assert SERVICE_TERMS.decide(msgspec.structs.replace(STANDARD, at=paris("12:00")), state) == []
    with pytest.raises(TermsImmutable) as refused:
        SERVICE_TERMS.decide(msgspec.structs.replace(STANDARD, granted_minutes=600), state)
    assert refused.value.facts == {"sha256": event.sha256}


def test_the_standard_terms_are_the_service_description():
    [event] = SERVICE_TERMS.decide(STANDARD, SERVICE_TERMS.initial)
    assert (event.granted_minutes, event.margin_before_s, event.margin_after_s, event.prep_s) == (540, 1800, 1800, 900)
    assert (event.back_to_back_s, event.term_months, event.no_show_grace_s) == (900, 12, 300)
    assert [duty.code for duty in event.catalogue if duty.code[0] == "D"] == [f"D{nr}" for nr in range(1, 19)]


def test_every_parameter_of_the_terms_is_in_their_hash():
    [event] = SERVICE_TERMS.decide(STANDARD, SERVICE_TERMS.initial)
    for change in (
        {"term_months": 13},
        {"rules": CoverageRules(prep_s=901)},
        {"incorporates": ()},
        {"catalogue": STANDARD.catalogue[1:]},
        {"terms_version": "2026-2"},
    ):
        [other] = SERVICE_TERMS.decide(msgspec.structs.replace(STANDARD, **change), SERVICE_TERMS.initial)
        assert other.sha256 != event.sha256


# --- access


@dataclass
class Customer:
    state: CustomerAccess = CUSTOMER_ACCESS.initial

    def when(self, command):
        events = CUSTOMER_ACCESS.decide(command, self.state)
        self.state = CUSTOMER_ACCESS.fold(events, self.state)
        return events


def test_a_base_package_is_active_until_it_lapses():
    customer = Customer()
    customer.when(c.LinkBasePackage(at=EARLIER, package_id=BASE, features=("vod", "chat", "vod")))
    assert customer.state.has_package(BASE)
    assert customer.state.features(BASE) == ("chat", "vod")
    customer.when(c.LapseBasePackage(at=EARLIER, package_id=BASE, reason="cancelled"))
    assert not customer.state.has_package(BASE)
    assert customer.state.features(BASE) == ()


def test_what_is_already_so_is_not_recorded_again():
    customer = Customer()
    link = c.LinkBasePackage(at=EARLIER, package_id=BASE, features=("vod",))
    assert names(customer.when(link)) == ["BasePackageLinked"]
    assert customer.when(link) == []
    lapse = c.LapseBasePackage(at=EARLIER, package_id=BASE, reason="cancelled")
    assert names(customer.when(lapse)) == ["BasePackageLapsed"]
    assert customer.when(lapse) == []
    assert customer.when(c.RevokePlatformAccess(at=EARLIER, reason="ended")) == []


def test_a_package_the_customer_does_not_hold_cannot_lapse():
    with pytest.raises(BasePackageUnknown):
        Customer().when(c.LapseBasePackage(at=EARLIER, package_id=BASE, reason="cancelled"))


def test_the_platform_may_be_used_for_the_term_of_the_master_agreement():
    customer = Customer()
    assert not customer.state.may_use_platform(EARLIER)
    customer.when(c.RecordPlatformAccess(at=EARLIER, starts_at=EARLIER, ends_at=paris("09:00")))
    assert customer.state.may_use_platform(EARLIER)
    assert not customer.state.may_use_platform(paris("09:00"))
    customer.when(c.RecordPlatformAccess(at=EARLIER, starts_at=EARLIER, ends_at=None))
    assert customer.state.may_use_platform(paris("09:00"))
    customer.when(c.RevokePlatformAccess(at=EARLIER, reason="ended"))
    assert not customer.state.may_use_platform(EARLIER)


def test_an_agreement_must_end_after_it_starts():
    with pytest.raises(TermInvalid):
        Customer().when(c.RecordPlatformAccess(at=EARLIER, starts_at=EARLIER, ends_at=EARLIER))


def test_support_and_resources_are_on_the_access_card():
    customer = Customer()
    customer.when(c.ConfirmStandardSupport(at=EARLIER, channels=("chat", "email")))
    for title in ("How to close a session", "How to close a session, revised"):
        customer.when(c.ShareResource(at=EARLIER, resource_id=UUID(int=1), title=title, url="https://learn.example/1"))
    assert customer.state.support == ("chat", "email")
    assert [resource.title for resource in customer.state.resources] == ["How to close a session, revised"]


def test_a_refusal_is_told_to_the_customer_every_time():
    refuse = c.RefuseReservation(at=EARLIER, entitlement_id=BASE, show_id=BASE, code="NOT_FOUND", detail="no")
    customer = Customer()
    assert names([*customer.when(refuse), *customer.when(refuse)]) == ["ReservationRefused"] * 2


# --- the verdict


@pytest.mark.parametrize(("start", "end", "zone", "minutes", "expected"), GOLDEN)
def test_coverage_counts_elapsed_minutes_across_clock_changes(start, end, zone, minutes, expected):
    found = verdict(CoverageRules(), 540, local(start, zone), local(end, zone))
    assert (found.needed_minutes, found.verdict) == (minutes, expected)


@pytest.mark.parametrize(("start", "end", "zone", "minutes", "expected"), GOLDEN)
def test_the_verdict_and_the_reservation_agree(start, end, zone, minutes, expected):
    window = coverage_window(CoverageRules(), local(start, zone), local(end, zone))
    assert (window.ms <= 540 * 60_000) == (expected == "covered")


def test_a_local_time_that_does_not_exist_is_refused():
    with pytest.raises(LocalTimeNonexistent):
        local("2026-03-29 02:30", "Europe/Paris")


def test_a_local_time_that_exists_twice_needs_a_choice():
    with pytest.raises(LocalTimeAmbiguous):
        local("2026-10-25 02:30", "Europe/Paris")
    assert local("2026-10-25 02:30", "Europe/Paris", 1) - local("2026-10-25 02:30", "Europe/Paris", 0) == 60 * MINUTE


def test_a_show_that_does_not_fit_names_the_parts_to_choose_from():
    found = verdict(CoverageRules(), 540, paris("08:00"), paris("20:00"))
    assert (found.verdict, found.seats_needed, found.left_minutes) == ("partial", 2, 0)
    assert (found.earliest.opens_at, found.latest.closes_at) == (paris("07:30"), paris("20:30"))
    assert found.earliest.ms == found.latest.ms == 540 * 60_000


def test_enough_seats_cover_a_long_show_in_sequence():
    found = verdict(CoverageRules(), 540, paris("08:00"), paris("20:00"), seats=2)
    assert found.verdict == "split"
    assert [(window.opens_at, window.closes_at) for window in found.windows] == [
        (paris("07:30"), paris("16:30")),
        (paris("16:30"), paris("20:30")),
    ]


def test_the_verdict_says_what_is_left_for_editing():
    assert verdict(CoverageRules(), 540, paris("09:00"), paris("16:00")).left_minutes == 60


def test_there_is_no_verdict_on_a_show_without_length():
    with pytest.raises(WindowInvalid):
        verdict(CoverageRules(), 540, paris("09:00"), paris("09:00"))


def test_one_day_is_at_most_twenty_four_hours():
    starts = paris("09:00")
    assert coverage_window(CoverageRules(), starts, starts + timedelta(hours=23)).ms == 24 * 60 * 60_000
    with pytest.raises(OneDayOnly):
        coverage_window(CoverageRules(), starts, starts + timedelta(hours=23, milliseconds=1))


def test_a_term_needs_a_zone_that_exists():
    with pytest.raises(ZoneUnknown):
        service_term(EARLIER.date(), 12, "Europe/Lutetia")
