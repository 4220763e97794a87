"""Assets and the rights of a show, in sentences: what must come before what, and who may say so."""

from uuid import UUID

import pytest

from contracts.envelope import Role
from contracts.media import AssetKind
from contracts.problems import WrongState
from services.media import commands as c
from services.media.domain import ASSET, RIGHTS
from services.media.domain.refusals import AssetMissing, AssetNotShared, CustomerDuty, OriginalImmutable
from tests.unit.media.story import ASSET as ASSET_ID
from tests.unit.media.story import OTHER_SESSION, OTHER_SHA, PRESENTER, SESSION, SHA, SHOW, STAGE, Story, at

SHARE = c.ShareAsset(at=at(), shared_by_presenter=PRESENTER)
APPROVE = c.ApproveAsset(at=at())
REJECT = c.RejectAsset(at=at(), reason="too small")


def register(kind: AssetKind = AssetKind.CLIP) -> c.RegisterAsset:
    return c.RegisterAsset(at=at(), show_id=SHOW, asset_id=ASSET_ID, kind=kind, name="opening")


def deliver(sha256: str = SHA) -> c.DeliverAsset:
    return c.DeliverAsset(at=at(), file="assets/1.mp4", sha256=sha256, media_type="video/mp4", size_bytes=5)


def told(*commands: c.Command) -> Story:
    story = Story(ASSET)
    for command in commands:
        story.when(command)
    return story


@pytest.mark.parametrize("command", [SHARE, APPROVE, REJECT])
def test_without_a_file_an_asset_is_missing(command):
    told(register()).refused(command, AssetMissing)


@pytest.mark.parametrize("command", [SHARE, APPROVE, REJECT, deliver()])
def test_an_asset_nobody_announced_has_to_be_announced(command):
    assert told().refused(command, WrongState).facts["allowed"] == ["RegisterAsset"]


@pytest.mark.parametrize("kind", [AssetKind.CLIP, AssetKind.SLIDES])
def test_clips_and_slides_are_approved_once_their_presenter_shared_them(kind):
    story = told(register(kind), deliver())
    story.refused(APPROVE, AssetNotShared)
    assert story.names(SHARE) == ["AssetShared"]
    assert story.names(APPROVE) == ["AssetApproved"]


@pytest.mark.parametrize("kind", [k for k in AssetKind if k not in (AssetKind.CLIP, AssetKind.SLIDES)])
def test_what_is_the_customers_own_needs_no_presenter(kind):
    assert told(register(kind), deliver()).names(APPROVE) == ["AssetApproved"]


def test_saying_it_again_changes_nothing():
    story = told(register(), deliver(), SHARE)
    for command in (SHARE, APPROVE, APPROVE, SHARE):
        story.when(command)
    assert [type(event).__name__ for event in story.events[3:]] == ["AssetApproved"]


def test_a_delivered_file_is_not_replaced():
    story = told(register(), deliver())
    assert story.when(deliver()) == []
    assert story.refused(deliver(OTHER_SHA), OriginalImmutable).facts["kept"] == SHA
    story.when(SHARE)
    story.refused(deliver(OTHER_SHA), OriginalImmutable)


def test_after_a_rejection_another_file_starts_from_the_beginning():
    story = told(register(), deliver(), SHARE, REJECT)
    story.refused(APPROVE, WrongState)
    assert story.names(deliver(OTHER_SHA)) == ["AssetDelivered"]
    story.refused(APPROVE, AssetNotShared)


def test_what_is_approved_is_not_rejected_any_more():
    told(register(), deliver(), SHARE, APPROVE).refused(REJECT, WrongState)


def test_another_presenter_cannot_share_what_one_has_shared():
    story = told(register(), deliver(), SHARE)
    story.refused(c.ShareAsset(at=at(), shared_by_presenter=UUID(int=99)), WrongState)


def test_an_asset_is_announced_once():
    told(register()).refused(register(), WrongState)


# --- rights


def rules(*forbidden: UUID, stage: UUID = STAGE) -> c.NoteRecordingRules:
    titles = {SESSION: "Opening", OTHER_SESSION: "Panel"}
    return c.NoteRecordingRules(at=at(), show_id=SHOW, stage_id=stage, titles=titles, do_not_record=forbidden)


def entitled(yes: bool) -> c.NoteVodRight:
    return c.NoteVodRight(at=at(), show_id=SHOW, entitled=yes)


def opt_out(role: Role) -> c.OptOutOfVod:
    return c.OptOutOfVod(at=at(), show_id=SHOW, role=role, reason="internal")


def test_while_nobody_has_said_anything_nothing_goes_on_demand():
    story = Story(RIGHTS)
    assert story.state.obstacle(SESSION) == "vod_not_entitled"
    story.when(entitled(True))
    assert story.state.obstacle(SESSION) is None
    story.when(entitled(False))
    assert story.state.obstacle(SESSION) == "vod_not_entitled"


def test_do_not_record_wins_over_everything_and_holds_for_its_session_alone():
    story = Story(RIGHTS)
    for command in (entitled(True), opt_out(Role.CUSTOMER), rules(SESSION)):
        story.when(command)
    assert story.state.obstacle(SESSION) == "recording_forbidden"
    assert story.state.obstacle(OTHER_SESSION) == "opted_out: internal"


def test_the_rules_of_one_stage_do_not_replace_those_of_another():
    story = Story(RIGHTS)
    story.when(rules(SESSION))
    story.when(rules(stage=UUID(int=77)))
    assert story.state.forbids(SESSION)
    story.when(rules())
    assert not story.state.forbids(SESSION)
    assert story.state.title(SESSION) == "Opening"


def test_what_is_known_is_not_said_again():
    story = Story(RIGHTS)
    for command in (entitled(True), opt_out(Role.CUSTOMER), rules(SESSION)):
        assert len(story.when(command)) == 1
        assert story.when(command) == []


@pytest.mark.parametrize("role", [Role.ANALYST, Role.SUPERVISOR, Role.PARTNER, Role.SRE])
def test_only_the_customer_keeps_a_show_off_demand(role):
    Story(RIGHTS).refused(opt_out(role), CustomerDuty)


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.INTEGRATOR])
def test_the_customer_or_their_own_platform_keeps_a_show_off_demand(role):
    assert Story(RIGHTS).names(opt_out(role)) == ["VodOptedOut"]
