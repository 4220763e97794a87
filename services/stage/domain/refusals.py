"""Every "no" of a stage. Source: duties.md L5 to L8, D3 to D15, K3, Q6; domain.md section 6."""

from contracts.problems import Refusal, WrongState


class AlreadyLive(Refusal):
    """The session is already on air, or about to be. `facts`: `session_id`, `run_id`."""

    code, status = "ALREADY_LIVE", 409


class StageBusy(Refusal):
    """Another session is on air on this stage. `facts`: `session_id`, `run_id`."""

    code, status = "STAGE_BUSY", 409


class NotLive(WrongState):
    """The stage is not on air."""

    code, status = "NOT_LIVE", 409


class NotReady(Refusal):
    """Not everything is ready to go live. `facts`: `missing`; waive readiness with a reason to go live without it."""

    code, status = "NOT_READY", 409


class SeatNotStaffed(Refusal):
    """No analyst occupies the seat of this show."""

    code, status = "SEAT_NOT_STAFFED", 409


class OutsideCoverage(Refusal):
    """The analyst's duties are not covered at this time. `facts`: `opens_at`, `closes_at`."""

    code, status = "OUTSIDE_COVERAGE", 403


class CoverageExhausted(Refusal):
    """The hours of the show are spent; what ends or hides something stays allowed. `facts`: `allowed`."""

    code, status = "COVERAGE_EXHAUSTED", 403


class LeaseHeld(Refusal):
    """Somebody else commands this stage. `facts`: `holder`, `expires_at`."""

    code, status = "LEASE_HELD", 409


class LeaseNotHeld(Refusal):
    """You do not command this stage; acquire its lease and name its number. `facts`: `holder`."""

    code, status = "LEASE_NOT_HELD", 409


class LeaseFenced(Refusal):
    """Your lease has been replaced by a newer one; nothing was changed. `facts`: `yours`, `current`."""

    code, status = "LEASE_FENCED", 409


class CloseNotDelegated(Refusal):
    """The customer's team may close a session after its training, or when the training was waived."""

    code, status = "CLOSE_NOT_DELEGATED", 403


class UnknownSession(Refusal):
    """The published rundown of this stage has no such session."""

    code, status = "SESSION_UNKNOWN", 404


class UnknownPresenter(Refusal):
    """The published rundown of this stage has no such presenter."""

    code, status = "PRESENTER_UNKNOWN", 404


class PresenterNotReady(Refusal):
    """The presenter is not waiting in the green room, checked and ready. `facts`: `presenter` (the situation now)."""

    code, status = "PRESENTER_NOT_READY", 409


class PresenterNotOnStage(Refusal):
    """The presenter is not on stage. `facts`: `presenter` (the situation now)."""

    code, status = "PRESENTER_NOT_ON_STAGE", 409


class TechCheckRequired(Refusal):
    """The presenter's light, video and audio have not been checked, nor was the check waived."""

    code, status = "TECH_CHECK_REQUIRED", 409


class StageFull(Refusal):
    """No more presenters fit on the stage. `facts`: `capacity`."""

    code, status = "STAGE_FULL", 409


class FeedAddressMissing(Refusal):
    """A feed that is pulled needs the address it is pulled from."""

    code, status = "FEED_ADDRESS_MISSING", 422


class PresenterElsewhere(Refusal):
    """The presenter is on another stage. `facts`: `holder`."""

    code, status = "PRESENTER_ELSEWHERE", 409


class PreviewEmpty(Refusal):
    """Nothing is on preview to take."""

    code, status = "PREVIEW_EMPTY", 409


class SceneInvalid(Refusal):
    """The scene shows something that is not at hand, or does not fit its layout. `facts`: `sources`."""

    code, status = "SCENE_INVALID", 422


class LayerBusy(Refusal):
    """Another overlay is on this layer. `facts`: `layer`, `overlay_id`."""

    code, status = "LAYER_BUSY", 409


class UnknownOverlay(Refusal):
    """No such overlay is shown."""

    code, status = "OVERLAY_NOT_SHOWN", 409


class OverlayEmpty(Refusal):
    """An overlay needs a text, or an approved asset, whichever its kind asks for."""

    code, status = "OVERLAY_EMPTY", 422


class AssetMissing(Refusal):
    """An asset has not been delivered and approved. `facts`: `missing`."""

    code, status = "ASSET_MISSING", 422


class AssetNotShared(Refusal):
    """The presenter has not shared this asset."""

    code, status = "ASSET_NOT_SHARED", 409


class ClipUnknown(Refusal):
    """No such clip is cued."""

    code, status = "CLIP_UNKNOWN", 404


class ClipPlaying(Refusal):
    """The clip is already playing, or about to."""

    code, status = "CLIP_PLAYING", 409


class ClipNotPlaying(Refusal):
    """The scene shows a clip that is not playing; play it first."""

    code, status = "CLIP_NOT_PLAYING", 409


class CueUnknown(Refusal):
    """The rundown has no such cue."""

    code, status = "CUE_UNKNOWN", 404


class CueDone(Refusal):
    """The cue has been taken or skipped already."""

    code, status = "CUE_DONE", 409


class CueOutOfOrder(Refusal):
    """Another cue is next; give a reason to leave the order. `facts`: `next_cue_id`."""

    code, status = "CUE_OUT_OF_ORDER", 409


class RundownChanged(Refusal):
    """The rundown has been published anew since you looked. `facts`: `current`."""

    code, status = "RUNDOWN_CHANGED", 409


class SecretInPayload(Refusal):
    """The address holds a user, a password or a query; give the stream key in its own field."""

    code, status = "SECRET_IN_PAYLOAD", 422


class DestinationUrlInvalid(Refusal):
    """The address is not one of the destination's kind."""

    code, status = "DESTINATION_URL_INVALID", 422


class DestinationInUse(Refusal):
    """This stream key is already used by another destination. `facts`: `holder`."""

    code, status = "DESTINATION_IN_USE", 409


class DestinationUnknown(Refusal):
    """The stage has no such destination."""

    code, status = "DESTINATION_UNKNOWN", 404


class NotInScope(Refusal):
    """The service description does not cover this. Source: duties.md D13, R8."""

    code, status = "NOT_IN_SCOPE", 403


class ChatWatchClosed(WrongState):
    """Nobody watches this chat; open the watch first."""

    code, status = "CHAT_WATCH_CLOSED", 409


class FlagUnknown(Refusal):
    """There is no such flagged message."""

    code, status = "FLAG_UNKNOWN", 404
