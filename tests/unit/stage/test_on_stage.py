"""Presenters, the picture, overlays and clips."""

from contracts import stage as e
from contracts.envelope import Sealed
from contracts.problems import WrongState
from services.stage import commands as c
from services.stage.domain import refusals
from services.stage.domain.presenters import STAGE_CAPACITY
from services.stage.domain.state import PresenterStatus
from tests.unit.stage.story import ADA, BOB, BOTH, NOON, SCENE, SHOW, Story, ident, kinds, rundown

CLIP, ASSET, OVERLAY = ident("clip"), ident("asset"), ident("overlay")
CLIP_SCENE = e.Scene(layout=e.Layout.FULL, sources=(e.Source(kind=e.SourceKind.CLIP, id=CLIP),))
TEXT = Sealed(subject="speaker", box="Ada")
CUT = {"transition": e.Transition.CUT, "transition_frames": 0}


def admit(story: Story, *, approved: bool = True, shared: bool = True) -> None:
    asset = e.Asset(asset_id=ASSET, kind="clip", file="assets/a.mp4", approved=approved, shared=shared)
    story.now(c.AdmitAsset(at=NOON, show_id=SHOW, asset=asset))


def source(presenter: object) -> e.Source:
    return e.Source(kind=e.SourceKind.PRESENTER, id=presenter)  # type: ignore[arg-type]


# --- presenters


def test_a_presenter_without_a_check_does_not_go_on_stage() -> None:
    story = Story().live()
    story.ask(c.ConnectPresenter, presenter_id=ADA, feed=e.FeedKind.CARD, key_fingerprint=None)
    story.settle()
    story.now(c.ReportSource(at=NOON, source=source(ADA), live=True))
    story.refused(refusals.TechCheckRequired, c.BringOnStage, presenter_id=ADA)
    story.refused(refusals.TechCheckRequired, c.MarkPresenterReady, presenter_id=ADA)


def test_a_waived_check_is_as_good_as_a_passed_one() -> None:
    story = Story().live()
    story.ask(c.ConnectPresenter, presenter_id=ADA, feed=e.FeedKind.CARD, key_fingerprint=None)
    story.settle()
    story.now(c.ReportSource(at=NOON, source=source(ADA), live=True))
    story.ask(c.WaiveTechCheck, presenter_id=ADA, reason="late")
    story.ask(c.MarkPresenterReady, presenter_id=ADA)
    assert story.ask(c.BringOnStage, presenter_id=ADA)


def test_a_failed_check_names_what_is_wrong_and_takes_readiness_back() -> None:
    story = Story().live().ready(ADA)
    told = story.ask(c.RecordTechCheck, presenter_id=ADA, light=False, video=True, audio=False)
    assert [event.failed for event in told if isinstance(event, e.TechCheckFailed)] == [("light", "audio")]
    story.refused(refusals.TechCheckRequired, c.BringOnStage, presenter_id=ADA)


def test_a_presenter_who_is_not_there_cannot_be_checked_or_brought() -> None:
    story = Story().live()
    story.refused(refusals.PresenterNotReady, c.RecordTechCheck, presenter_id=ADA, light=True, video=True, audio=True)
    story.refused(refusals.PresenterNotReady, c.BringOnStage, presenter_id=ADA)


def test_a_checked_presenter_who_is_not_marked_ready_waits() -> None:
    story = Story().live().ready(ADA)
    story.ask(c.ConnectPresenter, presenter_id=BOB, feed=e.FeedKind.CARD, key_fingerprint=None)
    story.settle()
    story.now(c.ReportSource(at=NOON, source=source(BOB), live=True))
    story.ask(c.RecordTechCheck, presenter_id=BOB, light=True, video=True, audio=True)
    assert story.refused(refusals.PresenterNotReady, c.BringOnStage, presenter_id=BOB).facts["presenter"] == "CHECKED"


def test_a_stranger_is_no_presenter() -> None:
    Story().live().refused(refusals.UnknownPresenter, c.BringOnStage, presenter_id=ident("stranger"))


def test_a_presenter_is_on_stage_when_the_engine_says_so() -> None:
    story = Story().live().ready(ADA)
    story.ask(c.BringOnStage, presenter_id=ADA)
    assert story.stage.presenters[ADA].status is PresenterStatus.READY
    assert story.ask(c.BringOnStage, presenter_id=ADA) == []
    assert kinds(story.settle(7)) == [e.PresenterBroughtOnStage]
    assert story.stage.on_stage() == (ADA,)


def test_a_full_stage_takes_nobody_more() -> None:
    crowd = [ident(f"presenter {number}") for number in range(STAGE_CAPACITY + 1)]
    story = Story().live()
    plan = rundown(2)
    story.now(
        type(plan)(
            **{**{f: getattr(plan, f) for f in plan.__struct_fields__}, "presenters": dict.fromkeys(crowd, TEXT)}
        )
    )
    story.on_stage(*crowd[:-1]).ready(crowd[-1])
    assert story.refused(refusals.StageFull, c.BringOnStage, presenter_id=crowd[-1]).facts == {
        "capacity": STAGE_CAPACITY
    }


def test_a_dropped_presenter_returns_to_where_they_were() -> None:
    story = Story().live().on_stage(ADA)
    story.now(c.ReportSource(at=NOON, source=source(ADA), live=False, reason="stalled"))
    assert story.stage.presenters[ADA].status is PresenterStatus.DROPPED
    assert story.stage.on_stage() == (ADA,)
    story.now(c.ReportSource(at=NOON, source=source(ADA), live=True))
    assert story.stage.presenters[ADA].status is PresenterStatus.ON_STAGE


def test_taking_somebody_off_stage_takes_them_out_of_the_picture() -> None:
    story = Story().live().on_stage(ADA, BOB)
    story.ask(c.PreviewScene, scene=BOTH)
    story.ask(c.Take, **CUT)
    story.settle()
    story.ask(c.PreviewScene, scene=SCENE)
    story.ask(c.TakeOffStage, presenter_id=ADA)
    told = story.settle(9)
    assert kinds(told) == [e.PresenterTakenOffStage, e.ProgramTaken]
    assert story.stage.program.scene == e.Scene(layout=e.Layout.FULL, sources=(source(BOB),))
    assert story.stage.preview == e.Scene(layout=e.Layout.SLATE)


def test_nobody_is_taken_off_a_stage_they_are_not_on() -> None:
    Story().live().ready(ADA).refused(refusals.PresenterNotOnStage, c.TakeOffStage, presenter_id=ADA)


def test_a_missing_presenter_is_told_once_and_may_still_come() -> None:
    story = Story().armed()
    assert kinds(story.now(c.ReportPresenterMissing(at=NOON, presenter_id=ADA))) == [e.PresenterMissed]
    assert story.now(c.ReportPresenterMissing(at=NOON, presenter_id=ADA)) == []
    story.ready(ADA)
    assert story.stage.presenters[ADA].status is PresenterStatus.READY


# --- the picture


def test_an_empty_preview_cannot_be_taken() -> None:
    Story().live().refused(refusals.PreviewEmpty, c.Take, **CUT)


def test_pressing_take_twice_takes_once() -> None:
    story = Story().live().on_stage(ADA)
    story.ask(c.PreviewScene, scene=SCENE)
    story.ask(c.Take, transition=e.Transition.FADE, transition_frames=12)
    story.refused(refusals.PreviewEmpty, c.Take, **CUT)
    told = story.settle(77)
    assert kinds(told) == [e.ProgramTaken]
    assert (story.stage.program.scene, story.stage.program.frame) == (SCENE, 77)


def test_somebody_off_stage_cannot_be_taken_to_the_programme() -> None:
    story = Story().live().ready(ADA)
    story.ask(c.PreviewScene, scene=SCENE)
    story.refused(refusals.PresenterNotReady, c.Take, **CUT)


def test_a_scene_shows_only_what_is_at_hand_and_fits_its_layout() -> None:
    story = Story().live().ready(ADA)
    assert story.refused(refusals.SceneInvalid, c.PreviewScene, scene=BOTH).facts["sources"] == [source(BOB).key]
    one = e.Scene(layout=e.Layout.SPLIT, sources=(source(ADA),))
    story.refused(refusals.SceneInvalid, c.PreviewScene, scene=one)
    twice = e.Scene(layout=e.Layout.SPLIT, sources=(source(ADA), source(ADA)))
    story.refused(refusals.SceneInvalid, c.PreviewScene, scene=twice)


def test_a_failed_take_gives_the_preview_back() -> None:
    story = Story().live().on_stage(ADA)
    story.ask(c.PreviewScene, scene=SCENE)
    story.ask(c.Take, **CUT)
    told = story.fail("unknown sources")
    assert kinds(told) == [e.ActionFailed]
    assert (story.stage.preview, story.stage.program.scene) == (SCENE, None)


def test_a_take_ends_an_emergency_cut() -> None:
    story = Story().live().on_stage(ADA)
    story.ask(c.EmergencyCut, reason="wrong slide")
    story.settle()
    assert story.stage.program.blank
    story.ask(c.PreviewScene, scene=SCENE)
    story.ask(c.Take, **CUT)
    story.settle()
    assert not story.stage.program.blank


def test_a_take_does_not_uncover_a_session_that_must_not_be_streamed() -> None:
    story = Story().live(do_not_stream=True).on_stage(ADA)
    story.ask(c.PreviewScene, scene=SCENE)
    story.ask(c.Take, **CUT)
    story.settle()
    assert story.stage.program.blank


def test_the_picture_needs_a_running_stage() -> None:
    Story().prepared().refused(WrongState, c.PreviewScene, scene=e.Scene(layout=e.Layout.SLATE))


# --- overlays and clips


def overlay(**changes: object) -> dict[str, object]:
    kind = e.OverlayKind.LOWER_THIRD
    return {"overlay_id": OVERLAY, "layer": 1, "kind": kind, "text": TEXT, "asset_id": None, **changes}


def test_one_layer_holds_one_overlay() -> None:
    story = Story().live()
    story.ask(c.ShowOverlay, **overlay())
    refusal = story.refused(refusals.LayerBusy, c.ShowOverlay, **overlay(overlay_id=ident("other")))
    assert refusal.facts == {"layer": 1, "overlay_id": str(OVERLAY)}
    assert kinds(story.settle()) == [e.OverlayShown]
    story.ask(c.HideOverlay, overlay_id=OVERLAY)
    assert story.ask(c.HideOverlay, overlay_id=OVERLAY) == []
    assert kinds(story.settle()) == [e.OverlayHidden]
    assert not story.stage.overlays


def test_a_failed_overlay_frees_its_layer() -> None:
    story = Story().live()
    story.ask(c.ShowOverlay, **overlay())
    story.fail()
    assert not story.stage.overlays


def test_an_overlay_needs_its_text_or_its_approved_asset() -> None:
    story = Story().live()
    story.refused(refusals.OverlayEmpty, c.ShowOverlay, **overlay(text=None))
    story.refused(refusals.OverlayEmpty, c.ShowOverlay, **overlay(kind=e.OverlayKind.IMAGE))
    admit(story, approved=False)
    story.refused(refusals.AssetMissing, c.ShowOverlay, **overlay(kind=e.OverlayKind.IMAGE, asset_id=ASSET))


def test_an_overlay_that_is_not_shown_cannot_be_hidden() -> None:
    Story().live().refused(refusals.UnknownOverlay, c.HideOverlay, overlay_id=OVERLAY)


def test_a_background_needs_an_approved_asset() -> None:
    story = Story().live()
    story.refused(refusals.AssetMissing, c.SetBackground, asset_id=ASSET, colour=None)
    story.ask(c.SetBackground, asset_id=None, colour="#000000")
    assert kinds(story.settle()) == [e.BackgroundSet]


def test_a_brand_needs_its_assets() -> None:
    story = Story().prepared()
    brand = e.BrandKit(colour="#000000", logo=ASSET)
    assert story.refused(refusals.AssetMissing, c.ApplyBrandKit, brand=brand).facts["missing"] == [str(ASSET)]


def test_only_a_shared_asset_is_cued() -> None:
    story = Story().live()
    story.refused(refusals.AssetMissing, c.CueClip, clip_id=CLIP, asset_id=ASSET)
    admit(story, shared=False)
    story.refused(refusals.AssetNotShared, c.CueClip, clip_id=CLIP, asset_id=ASSET)
    admit(story)
    assert story.ask(c.CueClip, clip_id=CLIP, asset_id=ASSET)


def test_a_clip_plays_is_shown_ends_and_goes() -> None:
    story = Story().live()
    admit(story)
    story.refused(refusals.ClipUnknown, c.PlayClip, clip_id=CLIP)
    story.ask(c.CueClip, clip_id=CLIP, asset_id=ASSET)
    story.ask(c.PreviewScene, scene=CLIP_SCENE)
    story.refused(refusals.ClipNotPlaying, c.Take, **CUT)
    story.ask(c.PlayClip, clip_id=CLIP)
    story.refused(refusals.ClipPlaying, c.PlayClip, clip_id=CLIP)
    story.ask(c.Take, **CUT)
    assert kinds(story.settle()) == [e.ClipStarted, e.ProgramTaken]
    assert kinds(story.now(c.ReportClipEnded(at=NOON, clip_id=CLIP))) == [e.ClipEnded]
    story.ask(c.RemoveClip, clip_id=CLIP)
    assert story.ask(c.RemoveClip, clip_id=CLIP) == []
    assert kinds(story.settle()) == [e.ClipRemoved, e.ProgramTaken]
    assert story.stage.program.scene == e.Scene(layout=e.Layout.SLATE)


def test_a_clip_that_never_played_is_put_away_at_once() -> None:
    story = Story().live()
    admit(story)
    story.ask(c.CueClip, clip_id=CLIP, asset_id=ASSET)
    assert kinds(story.ask(c.RemoveClip, clip_id=CLIP)) == [e.ClipRemoved]
    story.refused(refusals.ClipUnknown, c.RemoveClip, clip_id=CLIP)
