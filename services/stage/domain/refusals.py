"""Every "no" of a stage. Source: duties.md L5 to L8, D3 to D15, K3, Q6; domain.md section 6."""

from contracts.problems import Refusal, WrongState


class AlreadyLive(Refusal):
    """The session is already on air, or about to be. `facts`: `session_id`, `run_id`."""

    code, status = "ALREADY_LIVE", 409
    fr = "La session est déjà à l'antenne, ou sur le point d'y être."


class StageBusy(Refusal):
    """Another session is on air on this stage. `facts`: `session_id`, `run_id`."""

    code, status = "STAGE_BUSY", 409
    fr = "Une autre session est à l'antenne sur cette scène."


class NotLive(WrongState):
    """The stage is not on air."""

    code, status = "NOT_LIVE", 409
    fr = "La scène n'est pas à l'antenne."


class NotReady(Refusal):
    """Not everything is ready to go live. `facts`: `missing`; waive readiness with a reason to go live without it."""

    code, status = "NOT_READY", 409
    fr = "Tout n'est pas prêt pour passer à l'antenne."


class SeatNotStaffed(Refusal):
    """No analyst occupies the seat of this show."""

    code, status = "SEAT_NOT_STAFFED", 409
    fr = "Aucun analyste n'occupe le poste de cet événement."


class OutsideCoverage(Refusal):
    """The analyst's duties are not covered at this time. `facts`: `opens_at`, `closes_at`."""

    code, status = "OUTSIDE_COVERAGE", 403
    fr = "Les tâches de l'analyste ne sont pas couvertes à cette heure."


class CoverageExhausted(Refusal):
    """The hours of the show are spent; what ends or hides something stays allowed. `facts`: `allowed`."""

    code, status = "COVERAGE_EXHAUSTED", 403
    fr = "Les heures de l'événement sont épuisées ; ce qui termine ou masque reste permis."


class LeaseHeld(Refusal):
    """Somebody else commands this stage. `facts`: `holder`, `expires_at`."""

    code, status = "LEASE_HELD", 409
    fr = "Quelqu'un d'autre commande cette scène."


class LeaseNotHeld(Refusal):
    """You do not command this stage; acquire its lease and name its number. `facts`: `holder`."""

    code, status = "LEASE_NOT_HELD", 409
    fr = "Vous ne commandez pas cette scène ; prenez-en la main et nommez son numéro."


class LeaseFenced(Refusal):
    """Your lease has been replaced by a newer one; nothing was changed. `facts`: `yours`, `current`."""

    code, status = "LEASE_FENCED", 409
    fr = "Votre prise en main a été remplacée par une plus récente ; rien n'a changé."


class CloseNotDelegated(Refusal):
    """The customer's team may close a session after its training, or when the training was waived."""

    code, status = "CLOSE_NOT_DELEGATED", 403
    fr = "L'équipe du client peut clore une session après sa formation, ou si elle y a renoncé."


class UnknownSession(Refusal):
    """The published rundown of this stage has no such session."""

    code, status = "SESSION_UNKNOWN", 404
    fr = "Le conducteur publié de cette scène n'a pas cette session."


class UnknownPresenter(Refusal):
    """The published rundown of this stage has no such presenter."""

    code, status = "PRESENTER_UNKNOWN", 404
    fr = "Le conducteur publié de cette scène n'a pas cet intervenant."


class PresenterNotReady(Refusal):
    """The presenter is not waiting in the green room, checked and ready. `facts`: `presenter` (the situation now)."""

    code, status = "PRESENTER_NOT_READY", 409
    fr = "L'intervenant n'attend pas en coulisse, vérifié et prêt."


class PresenterNotOnStage(Refusal):
    """The presenter is not on stage. `facts`: `presenter` (the situation now)."""

    code, status = "PRESENTER_NOT_ON_STAGE", 409
    fr = "L'intervenant n'est pas sur scène."


class TechCheckRequired(Refusal):
    """The presenter's light, video and audio have not been checked, nor was the check waived."""

    code, status = "TECH_CHECK_REQUIRED", 409
    fr = "La lumière, l'image et le son de l'intervenant n'ont pas été vérifiés, et nul n'y a renoncé."


class StageFull(Refusal):
    """No more presenters fit on the stage. `facts`: `capacity`."""

    code, status = "STAGE_FULL", 409
    fr = "La scène n'a plus de place pour un intervenant."


class FeedAddressMissing(Refusal):
    """A feed that is pulled needs the address it is pulled from."""

    code, status = "FEED_ADDRESS_MISSING", 422
    fr = "Un flux que l'on tire demande l'adresse d'où le tirer."


class PresenterElsewhere(Refusal):
    """The presenter is on another stage. `facts`: `holder`."""

    code, status = "PRESENTER_ELSEWHERE", 409
    fr = "L'intervenant est sur une autre scène."


class PreviewEmpty(Refusal):
    """Nothing is on preview to take."""

    code, status = "PREVIEW_EMPTY", 409
    fr = "Il n'y a rien en prévisualisation à prendre."


class SceneInvalid(Refusal):
    """The scene shows something that is not at hand, or does not fit its layout. `facts`: `sources`."""

    code, status = "SCENE_INVALID", 422
    fr = "Le plan montre quelque chose d'indisponible, ou ne convient pas à sa disposition."


class LayerBusy(Refusal):
    """Another overlay is on this layer. `facts`: `layer`, `overlay_id`."""

    code, status = "LAYER_BUSY", 409
    fr = "Un autre habillage occupe ce calque."


class UnknownOverlay(Refusal):
    """No such overlay is shown."""

    code, status = "OVERLAY_NOT_SHOWN", 409
    fr = "Cet habillage n'est pas affiché."


class OverlayEmpty(Refusal):
    """An overlay needs a text, or an approved asset, whichever its kind asks for."""

    code, status = "OVERLAY_EMPTY", 422
    fr = "Un habillage demande un texte ou un élément approuvé, selon sa nature."


class AssetMissing(Refusal):
    """An asset has not been delivered and approved. `facts`: `missing`."""

    code, status = "ASSET_MISSING", 422
    fr = "Un élément n'a pas été livré et approuvé."


class AssetNotShared(Refusal):
    """The presenter has not shared this asset."""

    code, status = "ASSET_NOT_SHARED", 409
    fr = "L'intervenant n'a pas partagé cet élément."


class ClipUnknown(Refusal):
    """No such clip is cued."""

    code, status = "CLIP_UNKNOWN", 404
    fr = "Cet extrait n'est pas prêt."


class ClipPlaying(Refusal):
    """The clip is already playing, or about to."""

    code, status = "CLIP_PLAYING", 409
    fr = "L'extrait est déjà lancé, ou sur le point de l'être."


class ClipNotPlaying(Refusal):
    """The scene shows a clip that is not playing; play it first."""

    code, status = "CLIP_NOT_PLAYING", 409
    fr = "Le plan montre un extrait qui n'est pas lancé ; lancez-le d'abord."


class CueUnknown(Refusal):
    """The rundown has no such cue."""

    code, status = "CUE_UNKNOWN", 404
    fr = "Le conducteur n'a pas ce top."


class CueDone(Refusal):
    """The cue has been taken or skipped already."""

    code, status = "CUE_DONE", 409
    fr = "Ce top a déjà été donné ou sauté."


class CueOutOfOrder(Refusal):
    """Another cue is next; give a reason to leave the order. `facts`: `next_cue_id`."""

    code, status = "CUE_OUT_OF_ORDER", 409
    fr = "Un autre top est le suivant ; donnez une raison pour quitter l'ordre."


class RundownChanged(Refusal):
    """The rundown has been published anew since you looked. `facts`: `current`."""

    code, status = "RUNDOWN_CHANGED", 409
    fr = "Le conducteur a été republié depuis que vous l'avez vu."


class SecretInPayload(Refusal):
    """The address holds a user, a password or a query; give the stream key in its own field."""

    code, status = "SECRET_IN_PAYLOAD", 422
    fr = "L'adresse contient un utilisateur, un mot de passe ou une requête ; donnez la clé de diffusion dans son propre champ."


class DestinationUrlInvalid(Refusal):
    """The address is not one of the destination's kind."""

    code, status = "DESTINATION_URL_INVALID", 422
    fr = "L'adresse ne convient pas à ce type de destination."


class DestinationInUse(Refusal):
    """This stream key is already used by another destination. `facts`: `holder`."""

    code, status = "DESTINATION_IN_USE", 409
    fr = "Cette clé de diffusion sert déjà à une autre destination."


class DestinationUnknown(Refusal):
    """The stage has no such destination."""

    code, status = "DESTINATION_UNKNOWN", 404
    fr = "La scène n'a pas cette destination."


class NotInScope(Refusal):
    """The service description does not cover this. Source: duties.md D13, R8."""

    code, status = "NOT_IN_SCOPE", 403
    fr = "La description du service ne le couvre pas."


class ChatWatchClosed(WrongState):
    """Nobody watches this chat; open the watch first."""

    code, status = "CHAT_WATCH_CLOSED", 409
    fr = "Personne ne surveille ce chat ; ouvrez d'abord la surveillance."


class FlagUnknown(Refusal):
    """There is no such flagged message."""

    code, status = "FLAG_UNKNOWN", 404
    fr = "Ce message signalé n'existe pas."
